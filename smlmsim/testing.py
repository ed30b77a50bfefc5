"""Tests for plug-ins: the contract of each family, and observations to try reconstructors on."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tomli_w
import xarray as xr

from smlmsim import schema
from smlmsim.plugins import PluginError
from smlmsim.reconstruct import ReconstructionError, Reconstructor, reconstruct

if TYPE_CHECKING:
    from smlmsim.train import Trainable

FULL = np.iinfo(np.uint16).max
"""Localizations that a pixel can hold."""
MANY = 100
"""Number of pixels with localizations from which on a movie does not count as empty."""


def make_observation(
    counts: npt.ArrayLike, *, point_s: float = 1.5, pixel_nm: float = 20.0, origin_nm: float = 0.0
) -> xr.Dataset:
    """Make an observation of given counts, with each localization at the centre of its pixel.

    Parameters
    ----------
    counts : array_like, shape (time, y, x) or (channel, time, y, x)
        Localizations in every pixel and time point; channels are called "0", "1" and so on.
    point_s, pixel_nm : float
        Duration of a time point, which is one camera frame, and edge length of a pixel.
    origin_nm : float
        Position of the upper left corner of the field along both axes.

    Returns
    -------
    xarray.Dataset
        The observation as :func:`smlmsim.pipeline.simulate` returns it: ``counts`` uint16, the localizations
        ``loc_*`` sorted by frame, and the coordinates.

    Raises
    ------
    ValueError
        If a number of localizations is negative or more than a pixel can hold.
    """
    numbers = np.asarray(counts)
    if numbers.min() < 0 or numbers.max() > FULL:
        raise ValueError(f"counts go from 0 to {FULL}, found {numbers.min()} to {numbers.max()}")
    movie = numbers.astype(np.uint16)
    time_s, y_nm, x_nm = (np.arange(n) + 0.5 for n in movie.shape[-3:])
    time_s, y_nm, x_nm = time_s * point_s, origin_nm + y_nm * pixel_nm, origin_nm + x_nm * pixel_nm
    pixels = np.nonzero(movie)
    *channel, frame, row, column = (np.repeat(index, movie[pixels]) for index in pixels)
    order = np.argsort(frame, kind="stable")
    frame, row, column = frame[order], row[order], column[order]
    colours: dict[str, Any] = {}
    if channel:
        colours = {
            "loc_channel": channel[0][order].astype(np.int32),
            "channel": list(map(str, range(len(movie)))),
        }
    return schema.dataset(
        {"pixel_nm": pixel_nm, "exposure_s": point_s, "frames_per_point": 1},
        counts=movie,
        loc_frame=frame.astype(np.int32),
        loc_time=time_s[frame],
        loc_y=y_nm[row].astype(np.float32),
        loc_x=x_nm[column].astype(np.float32),
        loc_uncertainty=np.full(frame.size, 15, np.float32),
        time=time_s,
        y=y_nm,
        x=x_nm,
        **colours,
    )


def check_reconstructor(reconstructor: Reconstructor) -> None:
    """Check that a reconstructor fulfils the contract on movies of many kinds.

    Odd sizes, one time point, one row or column of pixels, a field away from the origin, no localization at
    all, one, as many as a pixel can count, and two channels: each must give a finite density of the right shape on the
    right coordinates, nowhere negative and not 0 everywhere if 100 pixels have localizations, twice the same to
    the byte, with attributes that can be stored, and leave the observation as it was.

    Raises
    ------
    ReconstructionError
        Naming the reconstructor, the movie and the reason.

    Examples
    --------
    >>> from smlmsim.reconstruct import load
    >>> check_reconstructor(load("sparse"))
    """
    if isinstance(reconstructor, type) or not isinstance(reconstructor, Reconstructor):
        raise ReconstructionError(f"{reconstructor!r} is not an object with a method reconstruct()")
    for kind, observation in _movies():
        try:
            _check(reconstructor, observation)
        except Exception as error:
            raise ReconstructionError(
                f"on {kind} of shape {observation.counts.shape}: {_reason(reconstructor, error)}"
            ) from error


def check_trainable(network: type[Trainable]) -> None:
    """Check that the configurations of a network can be stored and their parameters counted, without training.

    The default configuration, and each of ``smlmsim.train.SIZES`` that the network has, must be equal after writing to
    and reading from TOML, as in a training folder, and have at least one parameter in every part.

    Raises
    ------
    PluginError
        Naming the class, the configuration and the reason.

    Examples
    --------
    >>> from smlmsim.train import load_trainable
    >>> check_trainable(load_trainable("dblink"))
    """
    from smlmsim.train import configurations

    try:
        default = network.configured()
    except Exception as error:
        raise PluginError(f"{network.__name__} has no default configuration: {error}") from error
    for size, configuration in {"default": default, **configurations(network)}.items():
        try:
            _check_configuration(network, configuration)
        except Exception as error:
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            raise PluginError(
                f"{network.__name__} is refused: its configuration {size!r} {reason}"
            ) from error


def _check_configuration(network: type[Trainable], configuration: Trainable) -> None:
    stored = tomli_w.dumps(configuration.model_dump(mode="json", exclude_none=True))
    if network.model_validate(tomllib.loads(stored)) != configuration:
        raise PluginError("differs after writing it to TOML and reading it back")
    counts = configuration.parameters()
    if not counts or min(counts.values()) < 1:
        raise PluginError(f"counts the parameters {counts}; each part must have at least one")


CONTRACTS: dict[str, Callable[[Any], None]] = {
    "smlmsim.reconstructors": check_reconstructor,
    "smlmsim.trainable": check_trainable,
}
"""Entry-point group -> the check of that family's contract, which takes what ``Plugins.load`` returns."""


def _check(reconstructor: Reconstructor, observation: xr.Dataset) -> None:
    name = type(reconstructor).__name__
    first, second = (reconstruct(reconstructor, observation.copy(deep=True)) for _ in range(2))
    for variable in first.data_vars:
        if first[variable].values.tobytes() != second[variable].values.tobytes():
            raise ReconstructionError(f"{name} is refused: its {variable} differs from one call to the next")
        if (least := float(first[variable].min())) < 0:
            raise ReconstructionError(
                f"{name} is refused: the smallest {variable} is {least:.3g}; it cannot be negative, so clip it at 0"
            )
    if (found := np.count_nonzero(observation.counts)) >= MANY and not first.density.any():
        raise ReconstructionError(
            f"{name} is refused: its density is 0 everywhere, though {found} pixels have localizations"
        )
    for attribute, value in first.attrs.items():
        if not _storable(value):
            raise ReconstructionError(
                f"{name} is refused: its attribute {attribute!r} is {value!r}, not text, a number or a list"
            )


def _movies() -> Iterator[tuple[str, xr.Dataset]]:
    rng = np.random.default_rng(0)

    def poisson(*shape: int) -> npt.NDArray[np.int64]:
        return rng.poisson(0.05, shape)

    one, full = np.zeros((5, 24, 24)), np.zeros((5, 24, 24))
    one[2, 11, 7] = 1
    full[1:3, 11, 7] = FULL
    yield "a square movie", make_observation(poisson(16, 32, 32))
    yield "a movie of odd sizes", make_observation(poisson(37, 61, 90))
    yield "one time point", make_observation(poisson(1, 24, 24))
    yield "one row of pixels", make_observation(poisson(6, 1, 40))
    yield "one column of pixels", make_observation(poisson(6, 40, 1))
    yield (
        "a field away from the origin",
        make_observation(poisson(6, 20, 28), point_s=0.25, pixel_nm=100, origin_nm=-5e4),
    )
    yield "an empty movie", make_observation(np.zeros((5, 24, 24)))
    yield "one localization", make_observation(one)
    yield "pixels full of localizations", make_observation(full)
    yield "two channels", make_observation(poisson(2, 8, 24, 24))


def _reason(reconstructor: Reconstructor, error: Exception) -> str:
    if isinstance(error, ReconstructionError):
        return str(error)
    return f"{type(reconstructor).__name__} raised {type(error).__name__}: {error}"


def _storable(value: Any) -> bool:
    if isinstance(value, list | tuple | np.ndarray):
        return all(_storable(item) for item in value)
    return isinstance(value, str | int | float | np.integer | np.floating)
