"""The trust report: one self-contained HTML page, with the movies and figures beside it as files."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import figures, io
from smlmsim.brightness import white_level
from smlmsim.provenance import provenance
from smlmsim.report.content import colours, safe_json
from smlmsim.report.sprites import Quality, encode, sheet_columns
from smlmsim.trust import words
from smlmsim.trust.examine import Examination
from smlmsim.trust.findings import Findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ASSETS = resources.files("smlmsim.trust") / "assets"
REPORT_ASSETS = resources.files("smlmsim.report") / "assets"
LONGEST_SIDE = 512
"""Pixels along the longer side of the movie on the page; those of larger fields are averaged in squares."""
MOST_FRAMES = 60
"""Frames of the movie on the page."""
WEBP = 75
SCALES = {"uncertainty": "viridis", "where halves disagree": "viridis"}


def write_page(found: Examination, out: Path, *, said: Sequence[str] = ()) -> Path:
    """Write the page `index.html`, the movies, the figures and `summary.json` in a folder that exists.

    Parameters
    ----------
    found : Examination
        From :func:`smlmsim.trust.examine`.
    out : Path
        The folder.
    said : sequence of str
        Notes and warnings that were shown meanwhile.

    Returns
    -------
    Path
        Path of the page.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    for label, image in found.images.items():
        if label != "localizations":
            io.write(image, out / f"{_file(label)}.tif")
    pictures = {name: _saved(figure, out / f"{name}.png") for name, figure in _figures(found).items()}
    with io.replacing(out / "summary.json") as draft:
        draft.write_text(
            json.dumps(summary(found.findings, said), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    target = out / "index.html"
    with io.replacing(target) as draft:
        draft.write_text(_page(found, pictures, said), encoding="utf-8")
    return target


def summary(found: Findings, said: Sequence[str] = ()) -> dict[str, Any]:
    """Return every number and sentence of a page, as JSON can store them; None where there is no number."""
    return {
        "verdict": words.verdict(found),
        "lead": words.lead(found),
        "reasons": [reason._asdict() for reason in words.reasons(found)],
        "advice": words.advice(found),
        "warnings": words.warnings(found),
        "found": _plain(found),
        "said": list(said),
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def _figures(found: Examination) -> dict[str, Figure]:
    """The figures of the page by their names."""
    made: dict[str, Figure] = {}
    if found.agreement is not None:
        made["agreement"] = figures.agreement(found.halves, found.agreement)
    chosen, held = found.findings.chosen, found.scores.reconstructor.values.tolist()
    shown = chosen if chosen in held else next((one.name for one in found.findings.expected), held[0])
    scores = found.scores.sel(reconstructor=[shown])
    made["map"] = figures.heatmap(
        scores, str(next(iter(scores))), marked=found.box.known, marks="this table", beyond=True
    )
    if found.error is not None and found.widefield is not None:
        estimate = found.images[chosen]
        begin_s = found.findings.shown.begin_s
        times_s = [float(time) for time in found.error.time.values[[0, -1]]]
        made["widefield"] = figures.montage(
            {
                "widefield": found.widefield.rename("widefield").assign_attrs(units="grey level"),
                chosen: estimate.assign_coords(time=estimate.time + begin_s),
                "error": found.error,
            },
            sorted(set(times_s)),
        )
    return made


def _saved(figure: Figure, path: Path) -> bytes:
    figures.save(figure, path)
    return path.read_bytes()


def _page(found: Examination, pictures: dict[str, bytes], said: Sequence[str]) -> str:
    of = found.findings
    return Template(_asset(ASSETS, "page.html")).substitute(
        table=html.escape(of.table.name),
        css=_asset(REPORT_ASSETS, "page.css") + _asset(ASSETS, "trust.css"),
        js=_asset(ASSETS, "trust.js"),
        verdict=html.escape(words.verdict(of)),
        lead=html.escape(words.lead(of)),
        reasons="\n".join(map(_reason, words.reasons(of))),
        warnings=_list(words.warnings(of), "Nothing was found that calls for a warning."),
        advice=html.escape(words.advice(of)),
        variation=html.escape(_variation(of, found.images.get("uncertainty"))),
        halves=html.escape(_about_halves(of)),
        agreement=_picture(
            pictures, "agreement", "Both halves, where they disagree, and the resolution over time.", "wide"
        ),
        map=html.escape(_about_map(of)),
        heatmap=_picture(pictures, "map", "Scores over velocity and localization rate, with this table."),
        expected=_expected(of),
        widefield=_widefield(of, pictures),
        holds="\n".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in holds(of).items()),
        notes=f"<details><summary>Notes</summary>{_list(said, '')}</details>" if said else "",
        made=html.escape(_made()),
        content=safe_json(json.dumps({"movie": _movie(found), "colours": colours()}, allow_nan=False)),
    )


def holds(found: Findings) -> dict[str, str]:
    """Describe what a table holds, line by line."""
    table, place = found.table, found.place
    lines = {
        "localizations": f"{table.localizations:,}",
        "frames": f"{table.frames:,} of {table.exposure_s:g} s, {table.duration_s:.4g} s in all",
        "field": f"{table.width_nm / 1000:.3g} x {table.height_nm / 1000:.3g} um",
        "rate": f"{words.short(place.rate_hz)} ± {place.rate_error_hz:.2g} Hz per 2.56 x 2.56 um, "
        f"{words.span(place.rates_hz)} Hz over the recording",
        "precision": "not reported"
        if math.isnan(table.precision_nm)
        else f"median {table.precision_nm:.3g} nm",
        "photons": ""
        if math.isnan(table.photons)
        else f"median {words.short(table.photons)} in a localization",
        "labelled": table.structure or "not stated",
        "velocity": words.velocity_of(found).removeprefix("at the ").replace("velocity, ", ""),
        "same molecule in the next frame": f"{100 * found.repeats.share:.0f} % of the localizations, within "
        f"{found.repeats.distance_nm:.0f} nm",
        "shift as a whole": "not measurable"
        if found.drift is None
        else f"{found.drift.shift_nm:.0f} ± {found.drift.error_nm:.0f} nm at most",
    }
    return {name: said for name, said in lines.items() if said}


def _reason(reason: words.Reason) -> str:
    return (
        f"<div><dt>{html.escape(reason.title)}</dt>"
        f'<dd class="{reason.state}"><span class="visually-hidden">{STATES[reason.state]}: </span>'
        f"{html.escape(reason.sentence)}</dd></div>"
    )


STATES = {
    "good": "speaks for it",
    "fair": "speaks partly for it",
    "poor": "speaks against it",
    "unknown": "not known",
}


def _list(lines: Iterable[str], nothing: str) -> str:
    items = "".join(f"<li>{_with_options(_capital(line.rstrip('.')))}.</li>" for line in lines)
    return f'<ul class="warnings">{items}</ul>' if items else f"<p>{html.escape(nothing)}</p>"


def _with_options(line: str) -> str:
    """Escape a line, and keep each option of the command line together."""
    return re.sub(r"--[a-z][a-z-]*", r"<code>\g<0></code>", html.escape(line))


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def _about_halves(found: Findings) -> str:
    if found.halves.problem:
        return f"Two halves cannot be compared: {found.halves.problem}."
    return (
        f"{found.chosen} on two random halves of the localizations, averaged over time. What is in one half only "
        "depends on single localizations: it may be invented. What is in both may still be: a network that always "
        "draws lines draws them twice."
    )


def _about_map(found: Findings) -> str:
    velocity = "" if found.place.velocity else " No velocity was measured, so all of them are considered."
    return (
        f"Each cell is the mean {found.place.metric} of {found.place.seeds} simulated movies of filaments that move on "
        f"their own; the frame or arrow is this table.{velocity} Expected scores hold for filaments like those only."
    )


def _variation(found: Findings, deviation: xr.DataArray | None) -> str:
    if found.variation is None or deviation is None:
        return (
            f"{found.chosen} does not estimate its uncertainty; the disagreement of halves is shown instead."
        )
    return (
        f"The uncertainty is the {deviation.attrs['long_name']}, in the mean "
        f"{100 * found.variation:.0f} % of the density; it tells what the network is unsure of, not where it is wrong."
    )


def _expected(found: Findings) -> str:
    head = ("reconstructor", f"expected {found.place.metric}", "over the ranges", "remark")
    rows = []
    for one in found.expected:
        remark = "used" if one.name == found.chosen else ""
        remark = "; ".join(filter(None, [remark, *one.outside]))
        cells = (words.score_of(one), f"{one.low:.2f} to {one.high:.2f}")
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


def _widefield(found: Findings, pictures: dict[str, bytes]) -> str:
    wide = found.widefield
    if wide is None:
        return ""
    reason = next(reason for reason in words.reasons(found) if reason.title == words.WIDEFIELD)
    return (
        '<section aria-labelledby="widefield-title"><h2 id="widefield-title">Widefield images</h2>'
        f'<p class="hint">{html.escape(reason.sentence)}</p>'
        f"{_picture(pictures, 'widefield', 'Widefield images, the reconstruction, and their difference.')}</section>"
    )


def _picture(pictures: dict[str, bytes], name: str, text: str, kind: str = "") -> str:
    if name not in pictures:
        return ""
    data = base64.b64encode(pictures[name]).decode()
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(text)}">'
        f'<figure class="picture {kind}"><img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
        "</figure></div>"
    )


def _movie(found: Examination) -> dict[str, Any]:
    """The movie as sheets of pictures, with its times and scale."""
    first = found.images["localizations"]
    kept = np.unique(np.linspace(0, first.sizes["time"] - 1, MOST_FRAMES).round().astype(int))
    step = max(1, math.ceil(max(first.sizes["y"], first.sizes["x"]) / LONGEST_SIDE))
    pixel_nm = found.findings.shown.pixel_nm
    layers = [_layer(name, image, kept, step) for name, image in found.images.items()]
    rows, columns = layers[0].pop("shape")
    for layer in layers[1:]:
        layer.pop("shape")
    times_s = first.time.values[kept] + found.findings.shown.begin_s
    return {
        "times": [round(float(time), 4) for time in times_s],
        "shape": [rows, columns],
        "columns": sheet_columns(kept.size),
        "width_nm": pixel_nm * step * columns,
        "layers": layers,
    }


def _layer(name: str, image: xr.DataArray, kept: npt.NDArray[np.int64], step: int) -> dict[str, Any]:
    values = _averaged(image.values[kept].astype(np.float64), step)
    white = float(values.max()) or 1.0 if name == "uncertainty" else white_level(values)
    levels = np.rint((values / white).clip(0, 1) * 255).astype(np.uint8)
    units = {"localizations": "per pixel", "where halves disagree": ""}.get(name, "own units")
    notes = {
        "localizations": "what was measured",
        "uncertainty": "standard deviation",
        "where halves disagree": "difference relative to the brightest",
    }
    return {
        "name": name,
        "note": notes.get(name, "the reconstruction"),
        "units": units,
        "white": float(f"{white:.2g}"),
        "scale": SCALES.get(name, "inferno"),
        "shape": list(values.shape[1:]),
        "sheet": base64.b64encode(encode(levels, Quality(len(levels), 1, WEBP))).decode(),
    }


def _averaged(values: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    """The means over squares of step x step pixels; rows and columns that fill no square are left out."""
    number, rows, columns = values.shape
    rows, columns = rows // step, columns // step
    blocks = values[:, : rows * step, : columns * step].reshape(number, rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(2, 4)))


def _made() -> str:
    found = provenance()
    versions = [f"{name} {found[f'{name}_version']}" for name in ("smlmsim", "python", "numpy", "torch")]
    commit = found.get("smlmsim_commit", "")
    return f"Made with {', '.join(versions)}{f', commit {commit}' if commit else ''}."


def _file(label: str) -> str:
    return "disagreement" if label == "where halves disagree" else label


def _asset(folder: Any, name: str) -> str:
    return str((folder / name).read_text(encoding="utf-8"))
