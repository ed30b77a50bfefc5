"""Warnings: what speaks against a movie or its numbers, each with what helps."""

from __future__ import annotations

import math

from smlmsim.trust.findings import Findings
from smlmsim.trust.numbers import short
from smlmsim.trust.reasons import ENOUGH, LEAST

BLINKING = 0.05
"""Share of localizations followed by another of the same molecule that is worth a warning."""
FAR_PIXELS = 1.5
"""Shift of widefield images, in their pixels, that is worth a warning."""
COMPACT = 0.2
"""Occupied share of the field below which numbers for the whole field do not describe the structure."""


def warnings(found: Findings) -> list[str]:
    """Return what speaks against the movie or the numbers, each with what helps."""
    table = found.table
    lines = list(found.doubts)
    if found.domain:
        lines.append(
            f"outside the training of {found.chosen}: {'; '.join(found.domain)}. A network draws what it learned; "
            "one that needs no training, such as gaussian_time, shows what was localized"
        )
    if not table.structure:
        lines.append(
            "the table does not say what is labelled: expected scores hold for filaments only; "
            "--structure microtubules, say, states it"
        )
    lines += _of_blinking(found) + _of_drift(found) + _of_compactness(found)
    if found.per_point < LEAST:
        lines.append(
            f"too few localizations: {short(found.per_point)} per time point in 2.56 x 2.56 um; the map begins at "
            f"{LEAST:g}"
        )
    if found.per_point < ENOUGH:
        lines.append(
            f"time points of {found.shown.point_s:.3g} s are for structures that move; if these do not, as in fixed "
            f"cells, longer ones hold more: --frames-per-point {table.frames} makes one image of all"
        )
    if found.shown.localizations < 1000:
        lines.append(f"{found.shown.localizations} localizations in all: the measures of agreement scatter")
    if not table.exposure_is_stated:
        lines.append(
            f"the duration of a camera frame is assumed, {table.exposure_s:g} s: rates and velocities scale with it; "
            "--exposure-s gives it"
        )
    if math.isnan(table.precision_nm):
        lines.append("the table reports no precision: where it matters, 15 nm is assumed")
    lines += _of_velocity(found) + _of_widefield(found)
    return lines


def _of_blinking(found: Findings) -> list[str]:
    share = found.repeats.share
    if found.table.joined_nm is not None or not found.repeats.is_seen or share <= BLINKING:
        return []
    later = (
        ", but for those that return after more dark frames: they cannot be told from others here"
        if found.repeats.returns_later
        else ""
    )
    return [
        f"blinking: at least {100 * share:.0f} % of the localizations are followed by one of the same molecule in the "
        "next frame, so that rates count molecules more than once; "
        f"--link-nm {found.repeats.distance_nm:.0f} --link-dark-frames {found.repeats.dark_frames} joins them{later}"
    ]


def _of_drift(found: Findings) -> list[str]:
    moved = found.drift
    if moved is None:
        return [
            "drift: it cannot be measured, as parts of the recording have too few localizations or too little in common"
        ]
    if not moved.is_seen:
        return []
    return [
        f"drift: later parts of the recording are shifted as a whole by {moved.shift_nm:.0f} ± {moved.error_nm:.0f} "
        "nm; in a fixed sample this is drift, in a living one it may be common motion. Correct it before"
    ]


def _of_compactness(found: Findings) -> list[str]:
    if not found.occupied < COMPACT:
        return []
    share, times = 100 * found.occupied, 1 / found.occupied
    return [
        f"compact structure: the localizations are as dense as if they filled {share:.0f} % of the field, {times:.0f} "
        "times as dense as the rate says, which is the mean over the field; a map of filaments throughout the field "
        "does not speak for it. --crop-nm chooses a part"
    ]


def _of_velocity(found: Findings) -> list[str]:
    from_ = found.place.velocities
    lines = []
    if found.place.velocity is None:
        why = "; ".join(
            f"{of}: {problem}"
            for of, problem in (("widefield images", from_.unseen), ("localizations", from_.untold))
            if problem
        )
        lines.append(
            f"the velocity is unknown{f' ({why})' if why else ''}: scores are those of all velocities of the map; "
            f"{'' if from_.has_images else 'a widefield stack (--widefield) measures it, and '}for fixed cells "
            "--velocity-nm-per-s 0 states it"
        )
    elif found.place.velocity.at_least:
        lines.append(
            "the velocity is a lower bound: filaments move too far between widefield images to be followed"
        )
    if from_.differ:
        lines.append(
            f"the widefield images and the localizations tell different velocities, {from_.seen} and {from_.told}: are "
            "the images of the same sample, and is their interval right?"
        )
    stated, measured = from_.used, from_.seen or from_.told
    if from_.stated is not None and stated and measured and stated.differs(measured):
        lines.append(f"the stated velocity, {from_.stated:g} nm/s, is not what is measured, {measured}")
    return lines


def _of_widefield(found: Findings) -> list[str]:
    wide = found.widefield
    if wide is None or wide.problem:
        return []
    if wide.shift_nm is None:
        return [
            "the widefield images could not be registered with the localizations: a shift lowers their agreement"
        ]
    if wide.shift_nm > FAR_PIXELS * wide.pixel_nm:
        return [
            f"the widefield images lay {wide.shift_nm:.0f} nm beside the localizations, and were moved: is the origin "
            "of both the same?"
        ]
    return []
