"""Tests for plug-ins: the contract of each family, and observations and frames to try them on."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tomli_w
import xarray as xr
from scipy.ndimage import gaussian_filter

from smlmsim import channels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.camera import CAMERAS
from smlmsim.field import FieldOfView
from smlmsim.frames import Imaging
from smlmsim.localizers import Localizer, LocalizerError, localize
from smlmsim.metrics.localizations import score_localizations
from smlmsim.motion.learned import Dynamics, DynamicsError
from smlmsim.motion.periodic_grid import LEAST_NODES
from smlmsim.plugins import PluginError
from smlmsim.reconstruct import FRAMES, WIDEFIELD, ReconstructionError, Reconstructor, needs, reconstruct
from smlmsim.widefield import with_images

if TYPE_CHECKING:
    from smlmsim.train import Trainable

FULL = np.iinfo(np.uint16).max
"""Localizations that a pixel can hold."""
APART = "molecules by themselves"
MOST = 0.9
"""Share of bright molecules by themselves that a localizer finds at least."""
MAY_BE_UNKNOWN = ("loc_sigma", "loc_sigma_x", "loc_sigma_y")
"""Columns that may hold NaN."""
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


def with_frames(observation: xr.Dataset, *, imaging: Imaging = Imaging(), seed: int = 0) -> xr.Dataset:
    """Add camera frames to an observation, with a molecule of 1000 photons where each localization is.

    Parameters
    ----------
    observation : Dataset
        From :func:`make_observation`, of one channel.
    imaging : Imaging
        The microscope and its camera; the frames cover the field.
    seed : int
        Seed of the noise.

    Returns
    -------
    xarray.Dataset
        Also with ``frames`` and their attributes, as :func:`smlmsim.schema.check_frames` describes them.
    """
    pixel_nm, attrs = float(observation.attrs["pixel_nm"]), observation.attrs
    rows, columns = (observation.sizes[axis] for axis in "yx")
    field = FieldOfView(
        height_nm=rows * pixel_nm, width_nm=columns * pixel_nm, pixel_nm=pixel_nm,
        origin_y_nm=float(observation.y[0]) - pixel_nm / 2, origin_x_nm=float(observation.x[0]) - pixel_nm / 2,
    )  # fmt: skip
    acquisition = Acquisition(
        time_points=observation.sizes["time"], frames_per_point=attrs["frames_per_point"],
        exposure_s=attrs["exposure_s"],
    )  # fmt: skip
    places = {f"event_{name}": observation[f"loc_{name}"].values for name in ("frame", "y", "x")}
    photons = np.full(observation.sizes["localization"], 1000, np.float32)
    events = schema.dataset(**places, event_photons=photons)
    frames = imaging.take(events, field, acquisition, np.random.default_rng(seed))
    return observation.assign(frames.variables).assign_attrs(attrs | frames.attrs)


def with_widefield(observation: xr.Dataset, *, sigma_nm: float = 100.0) -> xr.Dataset:
    """Add a widefield image of every time point to an observation: its counts, blurred.

    Parameters
    ----------
    observation : Dataset
        From :func:`make_observation`.
    sigma_nm : float
        Standard deviation of the blur.

    Returns
    -------
    xarray.Dataset
        Also with ``widefield`` (widefield_time, widefield_y, widefield_x), of all channels together.
    """
    counts = observation.counts
    summed = counts.sum(channels.CHANNEL) if channels.CHANNEL in counts.dims else counts
    sigma = sigma_nm / float(observation.attrs["pixel_nm"])
    images = gaussian_filter(summed.values.astype(np.float64), (0, sigma, sigma))
    return with_images(observation, summed.copy(data=images))


def make_frames(
    events: xr.Dataset,
    shape: tuple[int, int, int],
    *,
    imaging: Imaging = Imaging(),
    exposure_s: float = 0.03,
    origin_nm: float = 0.0,
    seed: int = 0,
) -> xr.Dataset:
    """Make camera frames of given events.

    Parameters
    ----------
    events : Dataset
        ``event_frame``, sorted, ``event_y`` and ``event_x`` in nm, and perhaps ``event_photons`` (event,).
    shape : (int, int, int)
        Number of frames, rows and columns.
    imaging : Imaging
        The microscope and its camera.
    exposure_s : float
        Duration of a frame.
    origin_nm : float
        Position of the upper left corner of the frames along both axes.
    seed : int
        Seed of the noise.

    Returns
    -------
    xarray.Dataset
        As :func:`smlmsim.schema.check_frames` describes it.
    """
    frames, rows, columns = shape
    pixel_nm = imaging.camera_pixel_nm
    field = FieldOfView(
        height_nm=rows * pixel_nm, width_nm=columns * pixel_nm, pixel_nm=pixel_nm,
        origin_y_nm=origin_nm, origin_x_nm=origin_nm,
    )  # fmt: skip
    acquisition = Acquisition(time_points=frames, frames_per_point=1, exposure_s=exposure_s)
    return imaging.take(events, field, acquisition, np.random.default_rng(seed))


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


def check_localizer(localizer: Localizer) -> None:
    """Check that a localizer fulfils the contract on frames of many kinds.

    Odd sizes, one frame, frames smaller than a spot, a field away from the origin, a multiplying camera, pixels that
    differ, no molecule at all, darkness, and saturated pixels: each must give a table of localizations in the frame, in
    finite numbers, the same at every call, the same however the movie is cut into blocks, and leave the frames as they
    were. Of bright molecules by themselves, nine of ten must be found within 100 nm.

    Raises
    ------
    LocalizerError
        Naming the localizer, the frames and the reason.

    Examples
    --------
    >>> from smlmsim.localizers import load
    >>> check_localizer(load("mle"))
    """
    if isinstance(localizer, type) or not isinstance(localizer, Localizer):
        raise LocalizerError(f"{localizer!r} is not an object with a method localize()")
    for kind, frames in _recordings():
        try:
            found = _check_frames(localizer, frames)
            if kind == APART:
                _check_found(found)
        except Exception as error:
            reason = str(error) if isinstance(error, LocalizerError) else f"{type(error).__name__}: {error}"
            raise LocalizerError(
                f"{type(localizer).__name__} on {kind} of shape {frames.frames.shape}: {reason}"
            ) from error


def check_dynamics(dynamics: Dynamics) -> None:
    """Check that learned dynamics fulfil the contract on structures of many kinds.

    One line, a crowd, a single point and a plane that is not square: each must give a finite flow of the right shape,
    twice the same to the byte for one seed and another for another seed, and leave the image as it was.

    Raises
    ------
    DynamicsError
        Naming the dynamics, the structure and the reason.

    Examples
    --------
    >>> from smlmsim.motion.learned import DYNAMICS
    >>> check_dynamics(DYNAMICS.load("unet"))
    """
    if isinstance(dynamics, type) or not isinstance(dynamics, Dynamics):
        raise DynamicsError(f"{dynamics!r} is not an object with a method flow() and what it has learned")
    for kind, image in _planes(dynamics.multiple):
        try:
            _check_flow(dynamics, image)
        except Exception as error:
            reason = str(error) if isinstance(error, DynamicsError) else f"{type(error).__name__}: {error}"
            raise DynamicsError(f"{type(dynamics).__name__} on {kind} is refused: {reason}") from error


def _check_flow(dynamics: Dynamics, image: npt.NDArray[np.float32]) -> None:
    steps, cell_nm, velocity = 5, float(dynamics.cell_nm), float(np.mean(dynamics.velocity_nm_per_s))
    before = image.copy()
    found = [
        np.asarray(dynamics.flow(image, cell_nm, steps, velocity, np.random.default_rng(seed)))
        for seed in (0, 0, 1)
    ]
    if found[0].shape != (steps + 1, 2, *image.shape):
        raise DynamicsError(
            f"its flow has the shape {found[0].shape}, expected {(steps + 1, 2, *image.shape)}"
        )
    if not np.isfinite(found[0]).all():
        raise DynamicsError("its flow is not finite everywhere")
    if found[0].tobytes() != found[1].tobytes():
        raise DynamicsError("its flow differs from one call to the next; draw all random numbers from rng")
    if found[0].tobytes() == found[2].tobytes():
        raise DynamicsError("its flow is the same for every seed; draw random numbers from rng")
    if not np.array_equal(image, before):
        raise DynamicsError("it changes the image; copy it first")


def _planes(multiple: int) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Images of structures at rest, relative to their means."""
    edge = multiple * math.ceil(LEAST_NODES / multiple)
    line, point = np.zeros((edge, edge)), np.zeros((edge, edge))
    line[:, edge // 3], point[edge // 2, 1] = 1, 1
    crowd = np.random.default_rng(0).exponential(1.0, (edge, edge + multiple))
    for kind, image in (
        ("a line", line),
        ("a point", point),
        ("a crowd in a plane that is not square", crowd),
    ):
        yield kind, (image / image.mean()).astype(np.float32)


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
    "smlmsim.localizers": check_localizer,
    "smlmsim.dynamics": check_dynamics,
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


def _check_frames(localizer: Localizer, frames: xr.Dataset) -> xr.Dataset:
    """Check the localizations of a movie, and return them."""
    first = localize(localizer, frames)
    cut = frames.sizes["frame"] // 3
    later = frames.isel(frame=slice(cut, None)).assign_attrs(
        first_frame=int(frames.attrs["first_frame"]) + cut
    )
    parts = [frames.isel(frame=slice(0, cut)), later]
    for again, how in (
        (frames, "differs from one call to the next"),
        (parts, "depends on where the movie is cut"),
    ):
        second = localize(localizer, again)
        for name in first.data_vars:
            if first[name].values.tobytes() != second[name].values.tobytes():
                raise LocalizerError(f"its {name} {how}")
    for name in first.data_vars:
        if name not in MAY_BE_UNKNOWN and not np.isfinite(first[name].values).all():
            raise LocalizerError(f"its {name} is not finite everywhere")
    y0, x0, height, width = first.attrs["field_nm"]
    for name, begin, extent in (("loc_y", y0, height), ("loc_x", x0, width)):
        if not ((first[name] >= begin - 1e-3) & (first[name] <= begin + extent + 1e-3)).all():
            raise LocalizerError(f"its {name} leaves the frame, {begin:g} to {begin + extent:g} nm")
    return first


def _check_found(found: xr.Dataset) -> None:
    """Check that most of the molecules that are apart were found."""
    events = _events_apart()
    recall = float(score_localizations(found, events, within_nm=100.0).recall)
    if recall < MOST:
        raise LocalizerError(f"it found {recall:.0%} of bright molecules by themselves within 100 nm")


def _events_apart() -> xr.Dataset:
    """Bright molecules that are at least 800 nm apart, three in each of some frames."""
    rng = np.random.default_rng(1)
    frame = np.repeat(np.arange(20, dtype=np.int32), 3)
    y = np.tile([600.0, 1500.0, 2600.0], 20) + rng.uniform(-50, 50, 60)
    x = np.tile([700.0, 2500.0, 1500.0], 20) + rng.uniform(-50, 50, 60)
    return _events(frame, y, x, np.full(60, 2000.0))


def _events(frame: npt.ArrayLike, y: npt.ArrayLike, x: npt.ArrayLike, photons: npt.ArrayLike) -> xr.Dataset:
    return schema.dataset(
        event_frame=np.asarray(frame, np.int32),
        event_y=np.asarray(y, np.float32),
        event_x=np.asarray(x, np.float32),
        event_photons=np.asarray(photons, np.float32),
    )


def _recordings() -> Iterator[tuple[str, xr.Dataset]]:
    rng = np.random.default_rng(0)
    nobody = _events([], [], [], [])

    def crowd(frames: int, height: float, width: float, origin: float = 0.0) -> xr.Dataset:
        number = 4 * frames
        return _events(
            np.sort(rng.integers(frames, size=number)),
            origin + rng.uniform(0, height, number),
            origin + rng.uniform(0, width, number),
            rng.exponential(1000.0, number),
        )

    yield APART, make_frames(_events_apart(), (20, 32, 32))
    yield "frames of odd sizes", make_frames(crowd(7, 2300, 4100), (7, 23, 41))
    yield "one frame", make_frames(crowd(1, 2000, 2000), (1, 20, 20))
    yield "frames smaller than a spot", make_frames(crowd(4, 300, 400), (4, 3, 4))
    yield "one row of pixels", make_frames(crowd(3, 100, 3000), (3, 1, 30))
    away = make_frames(crowd(6, 2000, 2400, -5e4), (6, 20, 24), exposure_s=0.01, origin_nm=-5e4)
    yield "a field away from the origin", away.assign_attrs(first_frame=1000)
    multiplying = Imaging(camera=CAMERAS["emccd"], camera_pixel_nm=160.0, background_photons=2.0)
    yield "a multiplying camera", make_frames(crowd(6, 3840, 3840), (6, 24, 24), imaging=multiplying)
    differing = make_frames(crowd(6, 2400, 2400), (6, 24, 24))
    yield (
        "pixels that differ",
        differing.assign(
            camera_offset=schema.variable("camera_offset", rng.normal(100, 2, (24, 24))),
            camera_read_noise_e=schema.variable("camera_read_noise_e", rng.uniform(1, 4, (24, 24))),
        ),
    )
    yield "no molecule", make_frames(nobody, (6, 24, 24))
    yield "darkness", make_frames(nobody, (3, 24, 24), imaging=Imaging(camera="ideal", background_photons=0))
    full = make_frames(crowd(3, 2400, 2400), (3, 24, 24))
    full["frames"].values[:] = FULL
    yield "saturated pixels", full


def _reason(reconstructor: Reconstructor, error: Exception) -> str:
    if isinstance(error, ReconstructionError):
        return str(error)
    return f"{type(reconstructor).__name__} raised {type(error).__name__}: {error}"


def _storable(value: Any) -> bool:
    if isinstance(value, list | tuple | np.ndarray):
        return all(_storable(item) for item in value)
    return isinstance(value, str | int | float | np.integer | np.floating)
