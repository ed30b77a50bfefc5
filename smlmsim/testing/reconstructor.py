"""The contract of reconstructors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import channels
from smlmsim.reconstruct import FRAMES, WIDEFIELD, ReconstructionError, Reconstructor, needs, reconstruct
from smlmsim.testing.movies import FULL, make_observation, with_frames, with_widefield

MANY = 100
"""Number of pixels with localizations from which on a movie does not count as empty."""


def check_reconstructor(reconstructor: Reconstructor) -> None:
    """Check that a reconstructor fulfils the contract on movies of many kinds.

    Odd sizes, one time point, one row or column of pixels, a field away from the origin, no localization at
    all, one, as many as a pixel can count, and two channels: each must give a finite density of the right shape on the
    right coordinates, nowhere negative and not 0 everywhere if 100 pixels have localizations, twice the same to
    the byte, with attributes that can be stored, and leave the observation as it was. One that needs camera frames gets
    movies of one channel with frames, since a camera sees one of them, and one that needs widefield images gets those.

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
        if FRAMES in needs(reconstructor):
            if channels.CHANNEL in observation.dims:
                continue  # frames are of one camera
            observation = with_frames(observation)
        if WIDEFIELD in needs(reconstructor):
            observation = with_widefield(observation)
        try:
            _check(reconstructor, observation)
        except Exception as error:
            raise ReconstructionError(
                f"on {kind} of shape {observation.counts.shape}: {_reason(reconstructor, error)}"
            ) from error


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
