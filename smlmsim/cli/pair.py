"""The command that scores reconstructors on a measured table of fixed cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import smlmsim
from smlmsim.cli.messages import said
from smlmsim.cli.options import Coverage, Out, make_folder, reads_a_table, selects_localizations
from smlmsim.io import Reading
from smlmsim.selection import Selection

if TYPE_CHECKING:
    import xarray as xr

EMPTY = "empty estimate"
TAKEN = {
    "first": "the first {frames} camera frames",
    "random": "as many localizations in the same frames, drawn at random from all",
    "every": "{frames} equidistant camera frames, as if they followed each other",
}
BLINKING = "successive frames show a molecule several times, and lack those that blink at other times"


@selects_localizations
@reads_a_table
def pair(
    table: Annotated[
        Path,
        typer.Argument(
            help="A localization table of fixed cells; `smlmsim list --formats` lists the formats."
        ),
    ],
    out: Out,
    reading: Reading,
    selection: Selection,
    frames: Annotated[
        int, typer.Option(min=1, help="Camera frames of the observation, a whole number of time points.")
    ] = 300,
    take: Annotated[
        list[str] | None,
        typer.Option(
            help="Part that is observed: `first`, `random` or `every`; may be repeated. [default: first, random]"
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Reconstructor that is scored; may be repeated. [default: gaussian_time]"
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Metric; may be repeated. [default: the standard ones]"),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Which stretch of frames is `first`; also the seed of `random`.")
    ] = 0,
    precision_nm: Annotated[
        float | None,
        typer.Option(
            help="Precision of localizations that report none. [default: median of the reported, or 15 nm]"
        ),
    ] = None,
    frames_per_point: Annotated[int, typer.Option(min=1, help="Camera frames in one time point.")] = 50,
    pixel_nm: Annotated[float, typer.Option(help="Pixel size of the images, nm.")] = 20.0,
    coverage: Coverage = 1.0,
) -> None:
    """Score reconstructors on measured data: a part of a table of fixed cells against all of it.

    A part of the table is what a reconstructor sees. The truth is the whole table, each localization drawn as a
    Gaussian of its reported precision. It holds if nothing moves: a table of a living cell gives a blurred truth, and
    low scores. The part belongs to the truth, so that scores of large parts are too good.

    `first` takes the first frames, as a short recording would have; `random` has as many localizations in the same
    frames, but drawn from the whole recording. They differ by blinking: in successive frames a molecule is localized
    several times, and molecules that blink at other times are missing. A sentence says by how much. `every` takes
    every k-th frame; it differs from the two in its number of localizations as well.

    Files in DIR: `truth.tif`; for each part `counts_first.tif`, `NAME_first.tif` and `montage_first.png`; `scores.csv`;
    `study.toml`, which can be the `[study]` of a sweep for `smlmsim grid`; and `summary.json`.

    For example, `smlmsim pair cell.csv --frames 300 --with gaussian_time --with annapalm2d --out pair`.
    """
    smlmsim.io.require_writable(out)
    names, takes = _once(name or ["gaussian_time"]), _once(take or ["first", "random"])
    reconstructors = {each: smlmsim.load(each) for each in names}
    studies = {
        each: smlmsim.FixedPair.model_validate({
            "table": table, "frames": frames, "take": each, "precision_nm": precision_nm, "reading": reading,
            "frames_per_point": frames_per_point, "pixel_nm": pixel_nm, "coverage": coverage, "selection": selection,
        })
        for each in takes
    }  # fmt: skip
    chosen = tuple(metric or smlmsim.metrics.STANDARD)
    parts: dict[str, Any] = {}
    truth = None
    for each, study in studies.items():
        observation, truth = smlmsim.simulate(study, seed)
        assert truth is not None
        estimates = {
            label: smlmsim.reconstruct.reconstruct(made, observation)
            for label, made in reconstructors.items()
        }
        parts[each] = _scored(observation, truth, estimates, chosen) | {"study": _settings(study)}
        typer.echo(_in_words(each, parts[each], frames, chosen[0]))
        make_folder(out)
        images = {"counts": observation.counts} | {label: made.density for label, made in estimates.items()}
        for label, image in images.items():
            smlmsim.write(image, out / f"{label}_{each}.tif")
        figure = smlmsim.figures.montage({**images, "truth": truth.density})
        smlmsim.figures.save(figure, out / f"montage_{each}.png")
    assert truth is not None
    smlmsim.write(truth.density, out / "truth.tif")
    if differ := _difference(parts, chosen[0]):
        typer.echo(differ)
    _write(out, parts, studies[takes[0]], truth, seed, differ)
    typer.echo(f"scores.csv, summary.json, study.toml, truth.tif and the pictures are in {out}")


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _settings(study: smlmsim.Spec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(study.model_dump_json(exclude_none=True))
    return found


def _scored(
    observation: xr.Dataset, truth: xr.Dataset, estimates: dict[str, xr.Dataset], metrics: tuple[str, ...]
) -> dict[str, Any]:
    """The scores of all reconstructors and of an empty estimate."""
    empty = truth.assign(density=truth.density * 0)
    scores = {}
    for name, estimate in (*estimates.items(), (EMPTY, empty)):
        found = smlmsim.score(estimate, truth, metrics=metrics)
        scores[name] = {metric: float(found[metric]) for metric in metrics}
    return {
        "localizations": observation.sizes["localization"],
        "observed_share": truth.attrs["observed_share"],
        "scores": {
            name: {metric: value if value == value else None for metric, value in row.items()}
            for name, row in scores.items()
        },
    }


def _in_words(take: str, part: dict[str, Any], frames: int, metric: str) -> str:
    """Describe a part and its scores in one line."""
    known = smlmsim.METRICS[metric]
    unit = "" if known.units == "1" else f" {known.units}"
    scores = ", ".join(
        f"{name} {'not measurable' if row[metric] is None else f'{row[metric]:.3g}{unit}'}"
        for name, row in part["scores"].items()
    )
    return (
        f"{take} ({TAKEN[take].format(frames=frames)}): {part['localizations']} localizations, "
        f"{100 * part['observed_share']:.2g} % of the truth; {known.long_name}: {scores}"
    )


def _difference(parts: dict[str, Any], metric: str) -> str:
    """Describe by how much a random part scores better than successive frames; "" if one of them was not taken."""
    if not {"first", "random"} <= set(parts):
        return ""
    import numpy as np
    import xarray as xr

    from smlmsim import taken  # here, since it loads statistics

    names = [name for name in parts["first"]["scores"] if name != EMPTY]
    values = [[[parts[take]["scores"][name][metric] for name in names]] for take in ("first", "random")]
    known = smlmsim.METRICS[metric]
    scores = xr.DataArray(
        np.array(values, float), {"take": ["first", "random"], "reconstructor": names},
        ("take", "seed", "reconstructor"),
        attrs={"better": known.better, "units": known.units, "long_name": known.long_name},
    )  # fmt: skip
    said = taken.in_words(taken.advantage_of_random(scores))
    return f"{said}; {BLINKING}" if said else ""


def _write(
    out: Path, parts: dict[str, Any], study: smlmsim.FixedPair, truth: xr.Dataset, seed: int, differ: str
) -> None:
    """Write the scores as a table, the study, and the summary."""
    import pandas as pd

    rows = [
        {"take": take, "reconstructor": name, **row}
        for take, part in parts.items()
        for name, row in part["scores"].items()
    ]
    with smlmsim.io.replacing(out / "scores.csv") as draft:
        pd.DataFrame(rows).to_csv(draft, index=False)
    with smlmsim.io.replacing(out / "study.toml") as draft:
        draft.write_text(study.to_toml(), encoding="utf-8")
    made = {
        "table": study.table.name,
        "seed": seed,
        "truth": {key: truth.attrs[key] for key in ("localizations", "precision", "precision_nm")},
        "parts": parts,
        "differ": differ,
        "normalisation": smlmsim.metrics.described(None),
        "said": said(),
    }
    with smlmsim.io.replacing(out / "summary.json") as draft:
        draft.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
