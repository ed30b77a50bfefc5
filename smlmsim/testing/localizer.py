"""The contract of localizers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.camera import CAMERAS
from smlmsim.frames import Imaging
from smlmsim.localizers import Localizer, LocalizerError, localize
from smlmsim.metrics.localizations import score_localizations
from smlmsim.testing.movies import FULL, make_frames

APART = "molecules by themselves"
MOST = 0.9
"""Share of bright molecules by themselves that a localizer finds at least."""
MAY_BE_UNKNOWN = ("loc_sigma", "loc_sigma_x", "loc_sigma_y")
"""Columns that may hold NaN."""


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
