"""The findings in words: a verdict, its reasons, and warnings; every number in them is one of the findings."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from smlmsim.interval import PRACTICAL
from smlmsim.trust.expect import GOOD_SCORE
from smlmsim.trust.findings import Expected, Findings, Range

State = Literal["good", "fair", "poor", "unknown"]

LINES_GOOD, LINES_FAIR = 0.7, 0.4
"""Agreement of the centre lines of halves: above the first, most details are repeated; below the second, few are."""
RSP_GOOD, RSP_FAIR = 0.8, 0.6
"""Correlations of a blurred reconstruction with widefield images."""
ENOUGH, LEAST = 165.0, 45.0
"""Localizations per time point in 2.56 x 2.56 um: the lowest measured in live cells, and the lowest of the map."""
SLACK = 1.1
"""Factor by which the time point and the pixel may differ from those of the map."""
BLINKING = 0.05
"""Share of localizations followed by another of the same molecule that is worth a warning."""
FILAMENTS = (
    "tubul",
    "actin",
    "filament",
    "vimentin",
    "keratin",
    "septin",
    "lamin",
    "spectrin",
    "fiber",
    "fibre",
)
"""Parts of words that name filaments."""
RESOLVED = "about 250 nm"


class Reason(NamedTuple):
    """A reason for the verdict: what was looked at, how it speaks, and a few sentences with the numbers."""

    title: str
    state: State
    sentence: str


def verdict(found: Findings) -> str:
    """Return the verdict in one line."""
    state = {reason.title: reason.state for reason in reasons(found)}
    halves, map_, wide = state[HALVES], state[MAP], state.get(WIDEFIELD, "unknown")
    if found.halves.problem:
        return "This movie cannot be judged: two halves of its localizations cannot be compared"
    if halves == "poor":
        few = "it has too few localizations, and " if state[NUMBER] == "poor" else ""
        return f"Do not trust the details of this movie: {few}two halves of its localizations give different ones"
    if wide == "poor":
        return "Do not trust this movie yet: it does not match the widefield images"
    if map_ == "poor" and found.expectation:
        return (
            "Trust the overall layout, not single filaments: simulated movies at this rate and velocity score "
            f"{found.expectation.mean:.2f} only"
        )
    if map_ == "unknown" and halves == "good":
        return "This movie repeats itself, but nothing here says whether it is true"
    if map_ == "unknown":
        return (
            "Trust the overall layout at most: details are partly repeated, and no simulation speaks for them"
        )
    subject = (
        "Trust the shape of the filaments"
        if is_filaments(found)
        else "If these are filaments, trust their shape"
    )
    return (
        f"{subject}, but check ends and crossings"
        if halves == map_ == "good"
        else f"{subject}, not their gaps"
    )


def lead(found: Findings) -> str:
    """Describe what was reconstructed, and from what."""
    table, shown = found.table, found.shown
    part = ""
    if shown.time_points * shown.point_s < 0.98 * table.duration_s:
        part = f", from {shown.begin_s:.4g} to {shown.end_s:.4g} s of a recording of {table.duration_s:.4g} s"
    return (
        f"{found.chosen} reconstructed {shown.time_points} time point{'s' * (shown.time_points != 1)} of "
        f"{shown.point_s:.3g} s from {shown.localizations:,} localizations of {table.name}{part}. There is no truth to "
        "compare with: what follows are reasons for and against trusting the movie, none of which is a proof."
    )


MAP, HALVES, WIDEFIELD, NUMBER = "Simulated movies", "Two halves", "Widefield images", "Localizations"


def reasons(found: Findings) -> list[Reason]:
    """Return the reasons, in the order of the page."""
    return [_of_map(found), _of_halves(found), *_of_widefield(found), _of_number(found)]


def broken(found: Findings) -> list[str]:
    """Say why the expected score of the map does not hold for this table; empty if nothing is known against it."""
    place, shown = found.place, found.shown
    lines = []
    if found.expectation is None:
        lines.append(f"the map does not hold {found.chosen}")
    low, high = place.rate_of_map_hz
    if not low / SLACK <= place.rate_hz <= high * SLACK:
        lines.append(
            f"the rate, {short(place.rate_hz)} Hz per 2.56 x 2.56 um, is beyond the map, {low:g} to {high:g} Hz"
        )
    if place.velocity and not place.velocity.velocity_nm_per_s <= place.velocity_of_map[1]:
        lines.append(
            f"the velocity, {place.velocity.velocity_nm_per_s:.3g} nm/s, is beyond the map, up to "
            f"{place.velocity_of_map[1]:g} nm/s"
        )
    for what, value, of_map, unit in (
        ("time points", shown.point_s, place.window_of_map_s, "s"),
        ("pixels", shown.pixel_nm, place.pixel_of_map_nm, "nm"),
    ):
        if not 1 / SLACK <= value / of_map <= SLACK:
            lines.append(f"{what} are {value:.3g} {unit}, those of the map {of_map:.3g} {unit}")
    if found.table.structure and not is_filaments(found):
        lines.append(f"the map is of filaments, the table of {found.table.structure}")
    lines += [f"{found.chosen}: {line}" for line in found.domain]
    return lines


def is_filaments(found: Findings) -> bool:
    """Whether the table says that filaments are labelled."""
    return any(part in found.table.structure.lower() for part in FILAMENTS)


def advice(found: Findings) -> str:
    """Say which reconstructor is advised, and why this one was taken."""
    if not found.expected:
        return f"No reconstructor of the map is installed; {found.chosen} was taken."
    best, own = found.expected[0], found.expectation
    equal = [one.name for one in found.expected if abs(one.mean - best.mean) < PRACTICAL and one != best]
    tie = f"; practically equal: {listed(equal)}" if equal else ""
    if found.asked:
        score = "the map does not hold it" if own is None else f"expected {score_of(own)}"
        better = (
            "" if best.name == found.chosen else f" The map puts {best.name} first, {score_of(best)}{tie}."
        )
        return f"{found.chosen} was asked for; {score}.{better or (tie and f' It is the first on the map{tie}.')}"
    if found.chosen == best.name:
        return f"{best.name} is advised: of those installed it scores best on the map here, {score_of(best)}{tie}."
    passed = [one for one in found.expected if one.outside and one.name != found.chosen]
    return (
        f"{found.chosen} is advised{f', {score_of(own)}' if own else ''}. {listed([one.name for one in passed])} "
        f"{'stands' if len(passed) == 1 else 'stand'} before it on the map, up to {passed[0].mean:.2f}, but this table "
        f"lies outside what {'it was' if len(passed) == 1 else 'they were'} trained for "
        f"({'; '.join(passed[0].outside)})."
    )


def warnings(found: Findings) -> list[str]:
    """Return what speaks against the movie or the numbers, each with what helps."""
    table, place = found.table, found.place
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
    lines += _of_blinking(found) + _of_drift(found)
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
    if place.velocity is None:
        why = f" ({place.velocity_problem})" if place.velocity_problem else ""
        lines.append(
            f"the velocity is unknown{why}: scores are those of all velocities of the map; a widefield stack "
            "(--widefield) measures it, and for fixed cells --velocity-nm-per-s 0 states it"
        )
    elif place.velocity.at_least:
        lines.append(
            "the velocity is a lower bound: filaments move too far between widefield images to be followed"
        )
    if found.widefield and found.widefield.shift_nm is not None:
        wide = found.widefield
        if found.widefield.shift_nm > wide.pixel_nm / 2:
            lines.append(
                f"the widefield images are shifted by {found.widefield.shift_nm:.0f} nm from the localizations, which "
                "lowers their agreement"
            )
    return lines


def _of_map(found: Findings) -> Reason:
    own, place, against = found.expectation, found.place, broken(found)
    if own is None or against:
        nearest = (
            f" At the nearest place of the map it scores {score_of(own)}, which need not hold here."
            if own
            else ""
        )
        return Reason(
            MAP, "unknown", f"The map says nothing about this movie: {'; '.join(against)}.{nearest}"
        )
    best = own.mean if place.velocity else own.high  # without a velocity, the structure may be at rest
    state: State = "good" if own.low >= GOOD_SCORE else "fair" if best >= GOOD_SCORE else "poor"
    where = (
        velocity_of(found)
        if place.velocity
        else f"at all velocities of the map, {place.velocity_of_map[0]:g} to {place.velocity_of_map[1]:g} nm/s, since "
        "none was measured"
    )
    return Reason(
        MAP, state,
        f"On simulated filaments at this rate, {short(place.rate_hz)} Hz per 2.56 x 2.56 um ({span(place.rates_hz)} Hz "
        f"over the recording), and {where}, {own.name} is expected to score {place.metric} {score_of(own)}: mean and "
        f"standard deviation of {place.seeds} movies, 1 being perfect. Over these ranges the mean is {own.low:.2f} to "
        f"{own.high:.2f}. {_up_to(own, place.velocity_of_map[1])} These scores hold for filaments like those of the "
        "map, with its labelling and precision.",
    )  # fmt: skip


def _up_to(own: Expected, fastest: float) -> str:
    """The velocity up to which a score is good enough, in a sentence."""
    if math.isnan(own.up_to):
        return f"At this rate it does not reach {GOOD_SCORE:g}, which counts as good enough, at any velocity."
    end = ", the end of the map" if own.up_to == fastest else ""
    return f"At this rate it is good enough, {GOOD_SCORE:g} or more, up to {own.up_to:.0f} nm/s{end}."


def _of_halves(found: Findings) -> Reason:
    halves = found.halves
    if halves.problem:
        return Reason(
            HALVES, "unknown", f"Two halves of the localizations cannot be compared: {halves.problem}."
        )
    agreement = halves.agreement
    state: State = "good" if agreement >= LINES_GOOD else "fair" if agreement >= LINES_FAIR else "poor"
    lines = (
        "No centre lines are long enough to compare"
        if math.isnan(halves.lines)
        else f"{100 * halves.lines:.0f} % of the centre lines of two random halves agree within "
        f"{halves.tolerance_nm:.3g} nm (F1)"
    )
    split = {
        "molecule": "All localizations of a molecule are in one half.",
        "localization": "Each localization was assigned by itself.",
    }[halves.by]
    return Reason(
        HALVES, state,
        f"{lines}; their correlation is {halves.pearson:.2f}, and their resolution "
        f"{resolution(halves.frc_nm, halves.worst_nm)} ({resolutions(halves.times_nm, halves.worst_nm)} over time, "
        f"{resolutions(halves.places_nm, halves.worst_nm)} over the field). {split} A half has half of the data, so "
        "the whole movie is likely better than this. Agreement is not truth: what "
        f"{found.chosen} always invents or misses, and drift, are in both halves.",
    )  # fmt: skip


def _of_widefield(found: Findings) -> list[Reason]:
    wide = found.widefield
    if wide is None:
        return []
    if wide.problem:
        return [Reason(WIDEFIELD, "unknown", f"The widefield images cannot be compared: {wide.problem}.")]
    state: State = "good" if wide.rsp >= RSP_GOOD else "fair" if wide.rsp >= RSP_FAIR else "poor"
    placed = (
        "Whether both lie on each other cannot be told from the images alone."
        if wide.shift_nm is None
        else f"They lie on each other within {wide.shift_nm:.0f} nm."
    )
    return [
        Reason(
            WIDEFIELD, state,
            f"Blurred by a Gaussian of {wide.sigma_nm:.0f} nm, the movie correlates with the widefield images by "
            f"{wide.rsp:.2f} (RSP, 1 being perfect). {placed} They resolve {RESOLVED}: finer details are not judged.",
        )
    ]  # fmt: skip


def _of_number(found: Findings) -> Reason:
    number = found.per_point
    state: State = "good" if number >= ENOUGH else "fair" if number >= LEAST else "poor"
    said = {
        "good": f"as many as in live cells, {ENOUGH:g} or more",
        "fair": f"fewer than in published live cells, {ENOUGH:g} or more",
        "poor": f"fewer than the {LEAST:g} with which the map begins",
    }[state]
    return Reason(
        NUMBER, state,
        f"A time point of {found.shown.point_s:.3g} s holds {short(number)} localizations in 2.56 x 2.56 um in the "
        f"mean: {said}.",
    )  # fmt: skip


def _of_blinking(found: Findings) -> list[str]:
    share = found.repeats.share
    if found.table.joined_nm is not None or not found.repeats.is_seen or share <= BLINKING:
        return []
    return [
        f"blinking: at least {100 * share:.0f} % of the localizations are followed by one of the same molecule in the "
        "next frame, so that rates count molecules more than once; "
        f"--link-nm {found.repeats.distance_nm:.0f} joins them"
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


def velocity_of(found: Findings) -> str:
    """Write the velocity, and whether it was measured or stated."""
    velocity = found.place.velocity
    if velocity is None:
        return "not measured"
    if found.place.velocity_is_stated:
        return f"at the stated velocity, {velocity.velocity_nm_per_s:g} nm/s"
    return f"at the measured velocity, {velocity}"


def score_of(one: Expected) -> str:
    """Write a mean score with its standard deviation."""
    return f"{one.mean:.2f}" + ("" if math.isnan(one.sd) else f" ± {one.sd:.2f}")


def short(value: float) -> str:
    """Write a number with three digits, and without an exponent if it is below a million."""
    return f"{float(f'{value:.3g}'):g}"


def span(reach: Range) -> str:
    """Write a range of numbers."""
    low, high = map(short, reach)
    return low if low == high else f"{low} to {high}"


def resolution(nm: float, worst_nm: float) -> str:
    """Write a resolution; two images that never correlate have none."""
    return f"{nm:.0f} nm" if nm < worst_nm else "none, as they do not correlate"


def resolutions(reach: Range, worst_nm: float) -> str:
    """Write a range of resolutions."""
    if math.isnan(reach[0]):
        return "not measurable"
    low, high = (f"{nm:.0f}" if nm < worst_nm else "none" for nm in reach)
    return f"{low} nm" if low == high else f"{low} nm to {high}" + " nm" * (high != "none")


def listed(names: list[str]) -> str:
    """Join names in words."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
