"""The reasons for and against trusting a movie; every number in them is one of the findings."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from smlmsim.trust.expect import GOOD_SCORE
from smlmsim.trust.findings import Expected, Findings
from smlmsim.trust.numbers import resolution, resolutions, score_of, short, span
from smlmsim.trust.velocity import velocity_of

State = Literal["good", "fair", "poor", "unknown"]

LINES_GOOD, LINES_FAIR = 0.7, 0.4
"""Agreement of the centre lines of halves: above the first, most details are repeated; below the second, few are."""
RSP_GOOD, RSP_FAIR = 0.8, 0.6
"""Correlations of a blurred reconstruction with widefield images."""
ENOUGH, LEAST = 165.0, 45.0
"""Localizations per time point in 2.56 x 2.56 um: the lowest measured in live cells, and the lowest of the map."""
SLACK = 1.1
"""Factor by which the time point and the pixel may differ from those of the map."""
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
MAP, HALVES, WIDEFIELD, NUMBER = "Simulated movies", "Two halves", "Widefield images", "Localizations"


class Reason(NamedTuple):
    """A reason for the verdict: what was looked at, how it speaks, and a few sentences with the numbers."""

    title: str
    state: State
    sentence: str


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
        f"at {velocity_of(found)}"
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
    if state == "good" and _shared(found):
        state = "fair"  # they agree too well
    lines = (
        "No centre lines are long enough to compare"
        if math.isnan(halves.lines)
        else f"{100 * halves.lines:.0f} % of the centre lines of two random halves agree within "
        f"{halves.tolerance_nm:.3g} nm (F1)"
    )
    return Reason(
        HALVES, state,
        f"{lines}; their correlation is {halves.pearson:.2f}, and their resolution "
        f"{resolution(halves.frc_nm, halves.worst_nm)} ({resolutions(halves.times_nm, halves.worst_nm)} over time, "
        f"{resolutions(halves.places_nm, halves.worst_nm)} over the field). {_assigned(found)} A half has half of the "
        "data, so the whole movie is likely better than this. Agreement is not truth: what "
        f"{found.chosen} always invents or misses, and drift, are in both halves.",
    )  # fmt: skip


def _assigned(found: Findings) -> str:
    """What was assigned to a half, and how that shows in their agreement."""
    halves = found.halves
    if halves.by == "localization":
        return "Each localization was assigned by itself."
    later = (
        " Some molecules come back later and may be in both halves, which then agree too well."
        if _shared(found)
        else ""
    )
    return f"A molecule that was dark for up to {halves.dark_s:.2g} s is in one half.{later}"


def _shared(found: Findings) -> bool:
    """Whether many molecules may be in both halves, as they come back after long."""
    return found.halves.by == "molecule" and found.repeats.returns_later and found.table.joined_nm is None


def _of_widefield(found: Findings) -> list[Reason]:
    wide = found.widefield
    if wide is None:
        return []
    if wide.problem:
        return [Reason(WIDEFIELD, "unknown", f"The widefield images cannot be compared: {wide.problem}.")]
    state: State = "good" if wide.rsp >= RSP_GOOD else "fair" if wide.rsp >= RSP_FAIR else "poor"
    if wide.shift_nm is None:
        placed = (
            f"They could not be registered with the localizations ({wide.unregistered}), and are compared as they "
            "lie."
        )
    elif wide.is_moved:
        placed = (
            f"They lay {wide.shift_nm:.0f} ± {wide.error_nm:.0f} nm beside the localizations, and were shifted and "
            "scaled onto them before."
        )
    else:
        placed = f"They lie on the localizations, within {wide.shift_nm:.0f} ± {wide.error_nm:.0f} nm."
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
