"""Plausibility: warnings about values of a table that are probably wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smlmsim.estimate.rate import REFERENCE_UM2
from smlmsim.estimate.summary import Summary
from smlmsim.io.reading import USUAL_EXPOSURE_S

SMALLEST_FIELD_NM, SMALLEST_SIDE_NM = 300.0, 100.0
"""Shortest longer and shorter side in nm of a field that an experiment has: smaller ones were taken in another unit."""
LARGEST_FIELD_NM = 5e5
"""Longest side in nm: no camera with an objective for SMLM sees more."""
HIGHEST_RATE_HZ = 2e4  # per 2.56 x 2.56 um: spots of 250 nm already overlap at a tenth of it
SHORTEST_EXPOSURE_S, LONGEST_EXPOSURE_S = 1e-4, 2.0
"""Exposure times in s between which cameras work."""
MOST_FRAMES_PER_POINT = 10_000
"""Frames in a time point; beyond, nothing moves that is called live."""
LONGEST_POINT_S = 60.0
"""Duration in s of a time point beyond which nothing moves that is called live."""
REPEATED = 0.2
"""Fraction of rows that repeat an earlier one, above which a table seems to have been written twice."""
STRAY = 1e-3  # share of the localizations that may be stray
GAP = 10.0
"""How many times the usual span of frames a last frame may lie away before it is called astray."""


def implausible(
    summary: Summary,
    *,
    exposure_s: float | None = None,
    frames_per_point: int | None = None,
    field_nm: tuple[float, float, float, float] | None = None,
) -> list[str]:
    """List what in a table is probably wrong: a wrong unit, a mistyped exposure, stray frames.

    Parameters
    ----------
    summary : Summary
        Summary of the table.
    exposure_s : float, optional
        Duration of a camera frame, if known.
    frames_per_point : int, optional
        Camera frames in a time point, if images will be made.
    field_nm : tuple of 4 floats, optional
        Field of the camera, if known: y0, x0, height, width.

    Returns
    -------
    list of str
        One line for each warning, naming what was found and the setting that would help.
    """
    found = [
        *_place(summary, exposure_s, field_nm),
        *_time(summary),
        *_duration(summary, exposure_s, frames_per_point),
    ]
    if summary.localizations == 1:
        found.append("the table holds a single localization")
    if summary.repeated > REPEATED * summary.compared:
        found.append(
            f"{summary.repeated} of {summary.compared} rows repeat the frame and position of an earlier one: "
            "the table may have been written twice"
        )
    return found


def _place(
    summary: Summary, exposure_s: float | None, field_nm: tuple[float, float, float, float] | None
) -> Iterator[str]:
    """Warnings about units and axes."""
    (y0, y1), (x0, x1) = (summary.extent_nm.get(name, (0.0, 0.0)) for name in ("loc_y", "loc_x"))
    height, width = y1 - y0, x1 - x0
    area_um2 = max(height, SMALLEST_SIDE_NM) * max(width, SMALLEST_SIDE_NM) * 1e-6
    per_field = summary.rate_hz(exposure_s or USUAL_EXPOSURE_S) * REFERENCE_UM2 / area_um2
    tiny = max(height, width) < SMALLEST_FIELD_NM
    deep = field_nm is not None and max(y1 - field_nm[0], x1 - field_nm[1]) >= SMALLEST_FIELD_NM
    if summary.localizations > 1 and tiny and not deep:
        yield (
            f"the localizations cover {height:.3g} x {width:.3g} nm: the coordinates look like pixels; "
            "if so, give camera_pixel_nm=100, say"
        )
    elif summary.last_frame >= 0 and summary.localizations > 1 and not tiny and per_field > HIGHEST_RATE_HZ:
        yield (
            f"{per_field:.2g} localizations a second in 2.56 x 2.56 um are more than can be distinguished: "
            "if coordinates are in pixels, give camera_pixel_nm=100, say; otherwise check exposure_s=0.03 "
            "and the unit of the coordinates"
        )
    if max(height, width) > LARGEST_FIELD_NM:
        yield (
            f"the localizations cover {height * 1e-6:.3g} x {width * 1e-6:.3g} mm: some may be far outside, "
            "where crop_nm can leave them out, or the unit of the coordinates is another"
        )
    if field_nm and field_nm[2] != field_nm[3]:
        top, left, tall, wide = field_nm
        slack = 0.05 * max(tall, wide)
        inside = y1 - top <= tall + slack and x1 - left <= wide + slack
        swapped = y1 - top <= wide + slack and x1 - left <= tall + slack
        if swapped and not inside:
            yield (
                f"y reaches to {y1:.0f} nm and x to {x1:.0f} nm in a field of {tall:.0f} x {wide:.0f} nm (y, x): "
                "x and y look exchanged, in the table or in what it says of its field; correct it where it was written"
            )


def _time(summary: Summary) -> Iterator[str]:
    """Warnings about frames."""
    if summary.last_frame < 0 or summary.localizations < 2:
        return
    said = summary.first_called
    if summary.first_frame == summary.last_frame:
        yield f"all localizations are in one frame, {summary.first_frame + said}: this is not a movie"
        return
    if summary.begin and summary.recorded is None:
        yield (
            f"the first localization is in frame {summary.first_frame + said}: the {summary.first_frame} frames before "
            "it hold none and are left out"
        )
    usual = summary.frame_below(1 - max(STRAY, 1 / summary.localizations))
    if summary.last_frame - usual > GAP * max(usual - summary.first_frame, 1000):
        yield (
            f"all but a few of the localizations are in frames up to {usual + said}, the last one is in frame "
            f"{summary.last_frame + said}; to_frame={usual + said} leaves out what is beyond"
        )


def _duration(summary: Summary, exposure_s: float | None, frames_per_point: int | None) -> Iterator[str]:
    """Warnings about the exposure and the time points."""
    if exposure_s is not None and not SHORTEST_EXPOSURE_S <= exposure_s <= LONGEST_EXPOSURE_S:
        meant = exposure_s / 1000 if exposure_s > LONGEST_EXPOSURE_S else exposure_s * 1000
        plausible = SHORTEST_EXPOSURE_S <= meant <= LONGEST_EXPOSURE_S
        yield f"a camera frame of {exposure_s:g} s" + (
            f": {meant * 1000:g} ms may be meant, exposure_s={meant:g}" if plausible else " is unusual"
        )
    if frames_per_point is None:
        return
    point_s = frames_per_point * (exposure_s or USUAL_EXPOSURE_S)
    if summary.last_frame >= 0 and frames_per_point >= summary.frames > 1:
        yield (
            f"a time point of {frames_per_point} frames holds all {summary.frames} frames of the recording: "
            f"the movie has a single image; ask for fewer, as in frames_per_point={max(summary.frames // 20, 1)}"
        )
    elif frames_per_point > MOST_FRAMES_PER_POINT or point_s > LONGEST_POINT_S:
        yield (
            f"a time point of {frames_per_point} frames lasts {point_s:g} s, in which living structures move far; "
            "50 is usual, frames_per_point=50"
        )


def shown_frames(summary: Summary) -> str:
    """The frames of a table in words, as its file counts them."""
    first, last = (np.array([summary.first_frame, summary.last_frame]) + summary.first_called).tolist()
    number = last - first + 1
    return f"{number} frame{'s' * (number > 1)}, {first} to {last}, counted from {summary.first_called}"
