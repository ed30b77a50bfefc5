"""Localizers: installed methods that find molecules in camera frames."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from smlmsim import schema
from smlmsim.plugins import PluginError, Plugins
from smlmsim.progress import bar
from smlmsim.shot_noise import below_offset, counts_of, noise_of

GIVEN = "given"
"""Takes the place of a localizer where molecules are localized without camera frames; no localizer has this name."""
BLOCK_PIXELS = 2**22
"""Pixels in a block of frames, which take about 16 bytes each."""
NEEDED = ("loc_frame", "loc_y", "loc_x", "loc_uncertainty", "loc_intensity")
"""Variables that every localizer returns."""
TOLD_PIXELS = 2**14
"""Pixels of the first frames by which the noise of the camera is checked, and those of one frame more."""
LIKELY = (0.7, 1.5)
"""Measured divided by expected noise, as far as the calibration of a camera may be off without a warning."""
_log = logging.getLogger(__name__)


class LocalizerError(PluginError):
    """A localizer cannot be loaded, or its result is not a table of localizations."""


LOCALIZERS = Plugins("smlmsim.localizers", "localizer", ("localize",), error=LocalizerError)


@runtime_checkable
class Localizer(Protocol):
    """Anything that finds molecules in camera frames.

    Its package registers it by an entry point in the group ``smlmsim.localizers``: a name for a class whose arguments
    are the settings::

        [project.entry-points."smlmsim.localizers"]
        my_method = "my_package.my_module:MyMethod"

    ``smlmsim.testing.check_localizer`` checks that it fulfils the contract.

    A long movie reaches it in blocks of frames, so that it need not fit in memory. A class that looks at the frames
    before and after the one that it localizes says how many in its attribute ``context_frames``, 0 if there is none.
    Blocks then overlap, and its localizations do not depend on how the movie was cut.
    """

    def localize(self, frames: xr.Dataset) -> xr.Dataset:
        """Find the molecules in every frame.

        Parameters
        ----------
        frames : xarray.Dataset
            ``frames`` (frame, camera_y, camera_x), uint16 grey levels, the centres of the pixels ``camera_y`` and
            ``camera_x`` in nm, and the calibration of the camera as attributes: see
            :func:`smlmsim.schema.check_frames`. :func:`smlmsim.shot_noise.counts_of` converts them. The first of
            them is the frame ``first_frame`` of the recording. They must not be changed.

        Returns
        -------
        xarray.Dataset
            One row per molecule and frame (localization,): ``loc_frame`` counted as ``first_frame`` is, ``loc_y`` and
            ``loc_x`` in the coordinates of the pixels, in nm, the reported precision ``loc_uncertainty`` in nm, and
            ``loc_intensity`` in photons. Other columns of the vocabulary, such as ``loc_background`` and
            ``loc_sigma``, are kept. Of the same frame there are the same rows, whatever the other frames of the block.
        """
        ...


def available() -> list[str]:
    """Return the names of all installed localizers, sorted, without importing them."""
    return LOCALIZERS.available()


def load(name: str, settings: Mapping[str, Any] | None = None) -> Localizer:
    """Make an installed localizer.

    Parameters
    ----------
    name : str
        One of ``available()``.
    settings : mapping, optional
        Arguments of the localizer; by default none.

    Raises
    ------
    LocalizerError
        If no package or more than one offers the name, if its module cannot be imported, if the settings do
        not fit, or if the class has no method ``localize``.

    Examples
    --------
    >>> load("mle", {"sigma_nm": 110.0}).sigma_nm
    110.0
    """
    made: Localizer = LOCALIZERS.load(name, settings)
    return made


def localize_with(
    name: str, frames: xr.Dataset | Iterable[xr.Dataset], settings: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Localize frames with an installed localizer: :func:`localize` with what :func:`load` makes."""
    return localize(load(name, settings), frames)


def localize(
    localizer: Localizer, frames: xr.Dataset | Iterable[xr.Dataset], *, total: int | None = None
) -> xr.Dataset:
    """Find the molecules in a movie of camera frames of any length.

    Parameters
    ----------
    localizer : Localizer
        From ``load``, or any object with a method ``localize``.
    frames : xarray.Dataset, or iterable of them
        See :func:`smlmsim.schema.check_frames`; blocks that follow each other, of which one is held at a time.
    total : int, optional
        Number of frames of all blocks, for the progress bar.

    Returns
    -------
    xarray.Dataset
        Localizations ``loc_*`` (localization,) sorted by frame, with ``loc_time`` in s, the middle of the frame. The
        attributes say the exposure, the camera's pixel and field, and the recorded frames.

    Raises
    ------
    LocalizerError
        If a result is not such a table, or if the frames were changed; the message names the localizer.
    SchemaError
        If a block does not hold camera frames, or does not follow the one before.
    ValueError
        If there are no frames.
    """
    blocks = _blocks(frames) if isinstance(frames, xr.Dataset) else frames
    tables, first, last = [], None, None
    with bar(total, "frames") as progress:
        for block, begin, end in _with_context(
            _following(blocks), int(getattr(localizer, "context_frames", 0))
        ):
            if first is None:
                first, last = begin, block
                _doubt(block)
            found = _accepted(localizer, block)
            inside = (found.loc_frame.values >= begin) & (found.loc_frame.values < end)
            tables.append(found.isel(localization=np.flatnonzero(inside)))
            last, stop = block, end
            progress.update(end - begin)
    if first is None or last is None:
        raise ValueError("there are no frames to localize in")
    return _joined(tables).assign_attrs(_recording(last, first, stop))


def _blocks(frames: xr.Dataset) -> Iterator[xr.Dataset]:
    """Cut a dataset of frames into blocks."""
    schema.check_frames(frames)
    step = max(1, BLOCK_PIXELS // max(frames.frames[0].size, 1))
    for begin in range(0, frames.sizes["frame"], step):
        yield _part(frames, begin, begin + step)


def _part(frames: xr.Dataset, begin: int, end: int) -> xr.Dataset:
    """Some of the frames, counted from the first."""
    part = frames.isel(frame=slice(begin, end))
    return part.assign_attrs(first_frame=int(frames.attrs["first_frame"]) + begin)


def _following(blocks: Iterable[xr.Dataset]) -> Iterator[xr.Dataset]:
    """Pass on blocks of frames that follow each other; empty ones are left out."""
    expected = None
    for block in blocks:
        schema.check_frames(block)
        first = int(block.attrs["first_frame"])
        if expected is not None and first != expected:
            raise schema.SchemaError(
                f"a block of frames begins with frame {first}, expected frame {expected}"
            )
        expected = first + block.sizes["frame"]
        if block.frames.size:
            yield block


def _with_context(blocks: Iterable[xr.Dataset], context: int) -> Iterator[tuple[xr.Dataset, int, int]]:
    """Yield blocks with frames before and after, and the first frame to localize in each and the one after the last."""
    held: xr.Dataset | None = None
    begin = 0
    for block in blocks:
        first = int(block.attrs["first_frame"])
        begin = first if held is None else begin
        held = block if held is None else _appended(held, block)
        end = first + block.sizes["frame"] - context
        if end > begin:
            yield held, begin, end
            begin = end
            start = int(held.attrs["first_frame"])
            held = _part(held, max(0, begin - context - start), held.sizes["frame"]) if context else None
    if held is not None:
        yield held, begin, int(held.attrs["first_frame"]) + held.sizes["frame"]


def _appended(held: xr.Dataset, block: xr.Dataset) -> xr.Dataset:
    joined = np.concatenate([held.variables["frames"].values, block.variables["frames"].values])
    return held.drop_vars("frames").assign(frames=schema.variable("frames", joined))


def _doubt(block: xr.Dataset) -> None:
    """Warn if the first frames are not of their camera as calibrated, so that photons and precisions would be wrong."""
    if below := below_offset(block):
        _log.warning(
            "the darkest pixels of the first frame are %.3g grey levels darker than the camera without light, "
            "offset=%g: photons will be too few, and reported precisions wrong; measure the offset on dark frames, and "
            "check read_noise_e",
            below, block.attrs["offset"],
        )  # fmt: skip
    frames = 1 + TOLD_PIXELS // block.frames[0].size
    ratio = noise_of(counts_of(_part(block, 0, frames)))
    if not LIKELY[0] <= ratio <= LIKELY[1]:
        _log.warning(
            "the noise of the first frames is %.2g times that of the camera as calibrated here: photons and reported "
            "precisions will be wrong; check offset, electrons_per_level, em_gain and read_noise_e", ratio,
        )  # fmt: skip


def _accepted(localizer: Localizer, block: xr.Dataset) -> xr.Dataset:
    """The localizations of a block, if they are a table of localizations."""
    untouched = block.copy(deep=True)
    result = localizer.localize(block)
    try:
        if not block.identical(untouched):
            raise LocalizerError("it changed the frames, which must stay as they were")
        return _table(result, block)
    except (LocalizerError, schema.SchemaError) as error:
        raise LocalizerError(f"{type(localizer).__name__} is refused: {error}") from None


def _table(result: Any, block: xr.Dataset) -> xr.Dataset:
    if not isinstance(result, xr.Dataset):
        raise LocalizerError(f"it returned {type(result).__name__}, expected an xarray.Dataset")
    schema.check(result, *NEEDED)
    first, frames = int(block.attrs["first_frame"]), block.sizes["frame"]
    number = result.loc_frame.values
    if number.size and not (first <= number.min() and number.max() < first + frames):
        raise LocalizerError(
            f"it found molecules in the frames {number.min()} to {number.max()} of the frames {first} to "
            f"{first + frames - 1}; loc_frame is counted as first_frame is"
        )
    order = np.argsort(number, kind="stable")
    names = [str(name) for name in result.data_vars if str(name) in schema.VOCABULARY and name != "loc_time"]
    columns = {name: _column(name, result[name].values[order]) for name in names if name.startswith("loc_")}
    for name in ("loc_uncertainty", "loc_intensity"):
        if number.size and not (columns[name] > 0).all():
            raise LocalizerError(f"its {name} is not positive everywhere, found {columns[name].min():g}")
    time_s = (columns["loc_frame"] + 0.5) * float(block.attrs["exposure_s"])
    return schema.dataset(loc_time=time_s, **columns)


def _column(name: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.astype(np.int32 if name in ("loc_frame", "loc_channel") else np.float32)


def _joined(tables: list[xr.Dataset]) -> xr.Dataset:
    """Tables one after the other; a column that one of them lacks is left out."""
    shared = [name for name in tables[0].data_vars if all(name in table for table in tables)]
    parts = {str(name): np.concatenate([table[name].values for table in tables]) for name in shared}
    return schema.dataset(**parts)


def _recording(block: xr.Dataset, first: int, stop: int) -> dict[str, Any]:
    """The attributes of a table: what the camera recorded."""
    pixel_nm = float(block.attrs["camera_pixel_nm"])
    y_nm, x_nm = (float(block[f"camera_{dim}"].values[0]) - pixel_nm / 2 for dim in "yx")
    extent = [pixel_nm * block.sizes[f"camera_{dim}"] for dim in "yx"]
    return {
        "exposure_s": float(block.attrs["exposure_s"]),
        "camera_pixel_nm": pixel_nm,
        "field_nm": [y_nm, x_nm, *extent],
        "frames": stop,
        "recorded_frames": [first, stop],
    }
