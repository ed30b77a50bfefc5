"""The trust report: one self-contained HTML page, with the movies and figures beside it as files."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from smlmsim import figures, io
from smlmsim.provenance import provenance
from smlmsim.report.content import colours, safe_json
from smlmsim.trust import sections, words
from smlmsim.trust.cautions import warnings
from smlmsim.trust.examine import Examination
from smlmsim.trust.movie import sheets
from smlmsim.trust.reasons import reasons
from smlmsim.trust.summary import summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ASSETS = resources.files("smlmsim.trust") / "assets"
REPORT_ASSETS = resources.files("smlmsim.report") / "assets"


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
        reasons="\n".join(map(sections.answer, reasons(of))),
        warnings=sections.listing(warnings(of), "Nothing was found that calls for a warning."),
        advice=html.escape(words.advice(of)),
        variation=html.escape(sections.about_spread(of, found.images.get("uncertainty"))),
        halves=html.escape(sections.about_halves(of)),
        agreement=sections.picture(
            pictures,
            "agreement",
            "Both halves, where they disagree, and the resolution over time and over the field.",
            "wide",
        ),
        map=html.escape(sections.about_map(of)),
        heatmap=sections.picture(
            pictures, "map", "Scores over velocity and localization rate, with this table."
        ),
        expected=sections.expected_scores(of),
        widefield=sections.widefield_section(of, pictures),
        holds="\n".join(
            f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in sections.holds(of).items()
        ),
        notes=f"<details><summary>Notes</summary>{sections.listing(said, '')}</details>" if said else "",
        made=html.escape(_made()),
        content=safe_json(json.dumps({"movie": sheets(found), "colours": colours()}, allow_nan=False)),
    )


def _made() -> str:
    found = provenance()
    versions = [f"{name} {found[f'{name}_version']}" for name in ("smlmsim", "python", "numpy", "torch")]
    commit = found.get("smlmsim_commit", "")
    return f"Made with {', '.join(versions)}{f', commit {commit}' if commit else ''}."


def _file(label: str) -> str:
    return "disagreement" if label == "where halves disagree" else label


def _asset(folder: Any, name: str) -> str:
    return str((folder / name).read_text(encoding="utf-8"))
