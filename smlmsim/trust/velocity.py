"""The velocities in words, each with where it comes from, its error and its bias."""

from __future__ import annotations

from smlmsim.estimate.localization_velocity import biases
from smlmsim.estimate.spaced_images import BIAS
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.trust.findings import Findings


def velocity_of(found: Findings) -> str:
    """Write the velocity with which a table is on the map, and where it comes from."""
    from_ = found.place.velocities
    if from_.stated is not None:
        return f"the stated velocity, {from_.stated:g} nm/s"
    if from_.seen:
        return f"the velocity measured in the widefield images, {from_.seen}"
    return f"the velocity that the localizations tell, {from_.told}" if from_.told else "not measured"


def about_velocity(found: Findings) -> str:
    """Say what widefield images and localizations tell of the velocity, each with its error and its bias."""
    from_ = found.place.velocities
    lines = []
    if from_.has_images:
        bias = f"{_percent(*BIAS)} of the truth in simulated movies of 20 to 150 nm/s"
        lines.append(_said("The widefield images", from_.seen, from_.unseen, bias))
    low, high = biases(found.place.rate_hz)
    bias = f"{_percent(low, high)} of the truth in simulated movies of filaments of 20 to 150 nm/s"
    lines.append(_said("The localizations", from_.told, from_.untold, bias))
    if from_.seen and from_.told:
        agree = (
            "The two differ by more than their errors."
            if from_.differ
            else "The two agree within their errors."
        )
        lines.append(agree)
    if from_.stated is not None:
        lines.append(f"What counts is the stated velocity, {from_.stated:g} nm/s.")
    elif from_.seen:
        lines.append("What counts is that of the widefield images.")
    return " ".join(lines)


def _said(subject: str, velocity: FilamentVelocity | None, why_not: str, bias: str) -> str:
    if velocity is None:
        return f"{subject} tell no velocity: {why_not}."
    return (
        f"{subject} tell a velocity of {velocity}; on average, this was {bias}, which the error is to cover."
    )


def _percent(low: float, high: float) -> str:
    """Write the range of a mean relative to the truth."""
    return f"{100 * (1 + low):.0f} to {100 * (1 + high):.0f} %"
