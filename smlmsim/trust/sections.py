"""The parts of the trust report below its reasons, as HTML."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterable

import xarray as xr

from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.trust.findings import Findings
from smlmsim.trust.numbers import score_of, short, span
from smlmsim.trust.reasons import WIDEFIELD, Reason, State, reasons
from smlmsim.trust.velocity import about_velocity, velocity_of

STATES: dict[State, str] = {
    "good": "speaks for it",
    "fair": "speaks partly for it",
    "poor": "speaks against it",
    "unknown": "not known",
}


def holds(found: Findings) -> dict[str, str]:
    """Describe what a table holds, line by line."""
    table, place = found.table, found.place
    lines = {
        "localizations": f"{table.localizations:,}",
        "frames": f"{table.frames:,} of {table.exposure_s:g} s, {table.duration_s:.4g} s in all",
        "field": f"{table.width_nm / 1000:.3g} x {table.height_nm / 1000:.3g} um",
        "rate": f"{short(place.rate_hz)} ± {place.rate_error_hz:.2g} Hz per 2.56 x 2.56 um, "
        f"{span(place.rates_hz)} Hz over the recording",
        "precision": "not reported"
        if math.isnan(table.precision_nm)
        else f"median {table.precision_nm:.3g} nm",
        "photons": "" if math.isnan(table.photons) else f"median {short(table.photons)} in a localization",
        "labelled": table.structure or "not stated",
        "velocity": velocity_of(found).removeprefix("the "),
        "velocity told by localizations": _measured(place.velocities.told),
        "velocity seen in widefield": _measured(place.velocities.seen) if place.velocities.has_images else "",
        "same molecule in the next frame": f"{100 * found.repeats.share:.0f} % of the localizations, within "
        f"{found.repeats.distance_nm:.0f} nm",
        "field that is filled": "" if math.isnan(found.occupied) else f"{100 * found.occupied:.0f} %",
        "shift as a whole": "not measurable"
        if found.drift is None
        else f"{found.drift.shift_nm:.0f} ± {found.drift.error_nm:.0f} nm at most",
    }
    return {name: said for name, said in lines.items() if said}


def _measured(velocity: FilamentVelocity | None) -> str:
    return str(velocity) if velocity else "not measurable"


def answer(reason: Reason) -> str:
    """Write a reason."""
    return (
        f"<div><dt>{html.escape(reason.title)}</dt>"
        f'<dd class="{reason.state}"><span class="visually-hidden">{STATES[reason.state]}: </span>'
        f"{html.escape(reason.sentence)}</dd></div>"
    )


def listing(lines: Iterable[str], nothing: str) -> str:
    """Write lines as a list, or a sentence if there are none."""
    items = "".join(f"<li>{_with_options(_capital(line.rstrip('.')))}.</li>" for line in lines)
    return f'<ul class="warnings">{items}</ul>' if items else f"<p>{html.escape(nothing)}</p>"


def _with_options(line: str) -> str:
    """Escape a line, and keep each option of the command line together."""
    return re.sub(r"--[a-z][a-z-]*", r"<code>\g<0></code>", html.escape(line))


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def about_halves(found: Findings) -> str:
    """Say what the halves show."""
    if found.halves.problem:
        return f"Two halves cannot be compared: {found.halves.problem}."
    return (
        f"{found.chosen} on two random halves of the localizations, averaged over time. What is in one half only "
        "depends on single localizations: it may be invented. What is in both may still be: a network that always "
        "draws lines draws them twice."
    )


def about_map(found: Findings) -> str:
    """Say what the map shows, and where the velocity comes from."""
    velocity = "" if found.place.velocity else " Nothing tells the velocity, so all of them are considered."
    return (
        f"Each cell is the mean {found.place.metric} of {found.place.seeds} simulated movies of filaments that move on "
        f"their own; the frame or arrow is this table.{velocity} Expected scores hold for filaments like those only. "
        f"{about_velocity(found)}"
    )


def about_spread(found: Findings, deviation: xr.DataArray | None) -> str:
    """Say what the uncertainty is."""
    if found.variation is None or deviation is None:
        return (
            f"{found.chosen} does not estimate its uncertainty; the disagreement of halves is shown instead."
        )
    return (
        f"The uncertainty is the {deviation.attrs['long_name']}, in the mean "
        f"{100 * found.variation:.0f} % of the density; it tells what the network is unsure of, not where it is wrong."
    )


def expected_scores(found: Findings) -> str:
    """Write the expected scores of all reconstructors as a table."""
    head = ("reconstructor", f"expected {found.place.metric}", "over the ranges", "remark")
    rows = []
    for one in found.expected:
        remark = "used" if one.name == found.chosen else ""
        remark = "; ".join(filter(None, [remark, *one.outside]))
        cells = (score_of(one), f"{one.low:.2f} to {one.high:.2f}")
        rows.append(
            f'<tr><th scope="row">{html.escape(one.name)}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            + f'<td class="text">{html.escape(remark)}</td></tr>'
        )
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    return (
        "<table><caption>Mean ± standard deviation at this place of the map.</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def widefield_section(found: Findings, pictures: dict[str, bytes]) -> str:
    """Write the section on widefield images; nothing without them."""
    wide = found.widefield
    if wide is None:
        return ""
    reason = next(reason for reason in reasons(found) if reason.title == WIDEFIELD)
    return (
        '<section aria-labelledby="widefield-title"><h2 id="widefield-title">Widefield images</h2>'
        f'<p class="hint">{html.escape(reason.sentence)}</p>'
        f"{picture(pictures, 'widefield', 'Widefield images, the reconstruction, and their difference.')}</section>"
    )


def picture(pictures: dict[str, bytes], name: str, text: str, kind: str = "") -> str:
    """Write a figure with its picture inside."""
    if name not in pictures:
        return ""
    data = base64.b64encode(pictures[name]).decode()
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(text)}">'
        f'<figure class="picture {kind}"><img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
        "</figure></div>"
    )
