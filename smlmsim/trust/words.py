"""The findings in a few words: the verdict, what was reconstructed, and with what."""

from __future__ import annotations

from smlmsim.interval import PRACTICAL
from smlmsim.trust.findings import Findings
from smlmsim.trust.numbers import listed, score_of
from smlmsim.trust.reasons import HALVES, MAP, NUMBER, WIDEFIELD, is_filaments, reasons


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
