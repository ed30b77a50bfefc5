"""The command that tells how well two halves, or two channels, of a measured table agree."""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

import smlmsim
from smlmsim.channels import split
from smlmsim.cli.messages import said
from smlmsim.cli.options import Coverage, Out, make_folder, reads_a_table, selects_localizations
from smlmsim.estimate.repeats import repeats
from smlmsim.half_movies import half_movies
from smlmsim.io import Reading
from smlmsim.localization_density import explained_nm
from smlmsim.metrics.skeleton import TOLERANCE_NM
from smlmsim.rng import stream
from smlmsim.selection import Selection

if TYPE_CHECKING:
    import xarray as xr

LONGER = 2.0
"""Times as many dark frames as those that count, from which a warning is worth it."""
_log = logging.getLogger(__name__)


class Part(StrEnum):
    """What is assigned to one of two halves."""

    LOCALIZATION = "localization"
    MOLECULE = "molecule"


BLIND = (
    "agreement is not truth: both pass through the same reconstructor, so that what it always invents, what it always "
    "misses, and drift are in both and look like agreement; disagreement shows what depends on the single localizations"
)
BY_LOCALIZATION = (
    "split by localization: a molecule that was localized several times is in both halves, so that they agree too "
    "well; by=molecule with link_nm=30, say, keeps each molecule in one half"
)
COLOURS = (
    "two channels need not agree where their labels differ; a chromatic shift between them lowers all measures, and "
    "light of one channel that leaks into the other raises them"
)


@selects_localizations
@reads_a_table
def agree(
    table: Annotated[
        Path, typer.Argument(help="A localization table; `smlmsim list --formats` lists the formats.")
    ],
    out: Out,
    reading: Reading,
    selection: Selection,
    name: Annotated[
        str, typer.Option("--with", help="The reconstructor; `smlmsim list` shows those installed.")
    ] = "gaussian_time",
    by: Annotated[
        Part,
        typer.Option(
            help="What is assigned to a half: each localization, or each molecule (with `--link-nm`)."
        ),
    ] = Part.LOCALIZATION,
    channels: Annotated[
        str | None, typer.Option(help="Compare two channels of the table instead of two halves: A,B.")
    ] = None,
    tolerance_nm: Annotated[
        float | None,
        typer.Option(
            help="Distance of centre lines that counts as agreement, nm. [default: the median precision times the "
            "square root of 2, but at least a pixel; 40 if the table reports no precision]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random halves.")] = 0,
    frames_per_point: Annotated[int, typer.Option(min=1, help="Camera frames in one time point.")] = 50,
    pixel_nm: Annotated[float, typer.Option(help="Pixel size of the images, nm.")] = 20.0,
    coverage: Coverage = 1.0,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of a network, instead of the bundled ones.")
    ] = None,
) -> None:
    """Tell how well a reconstruction agrees with itself, without a truth: split halves of one table.

    The localizations are split into two random halves, and each is reconstructed. Where the halves disagree, the
    reconstruction depends on the single localizations: it may be invented there. Agreement is no proof: what a
    reconstructor always invents is in both halves. `smlmsim pair` measures that, on fixed cells.

    With `--by molecule`, localizations in successive frames that are at most `--link-nm` apart stay in one half, so
    that blinking does not look like agreement. Without it, `--link-nm` joins them to one localization before.

    Files in DIR: `agreement.png`, the halves, where they disagree, and the resolution over time and over the field;
    `montage.png`; `NAME_first_half.tif` and `NAME_second_half.tif`, or a file for each channel; `disagreement.tif`; and
    `summary.json`: Pearson's correlation, Manders' coefficients, F1 of the centre lines, and the resolution by Fourier
    ring correlation of all, of each time point, and of each part of the field. With `--channels` it also says how far
    the second channel lies beside the first, as with a chromatic shift.

    For example, `smlmsim agree cell.csv --with annapalm2d --by molecule --link-nm 30 --out agree`.
    """
    smlmsim.io.require_writable(out)
    if tolerance_nm is not None and tolerance_nm <= 0:
        raise ValueError(f"tolerance_nm={tolerance_nm:g} is no distance; give tolerance_nm=40, say")
    if by == "molecule" and (selection.link_nm is None or channels):
        raise ValueError(
            "by=molecule splits into halves, and channels are compared whole; leave one of them out"
            if channels
            else "by=molecule needs the distance within which localizations are of one molecule; "
            "about three reported precisions are usual, as in link_nm=30"
        )
    if channels and reading.channel:
        raise ValueError(f"channels={channels} chooses the channels; leave out channel={reading.channel}")
    settings = {"weights": weights} if weights else {}
    reconstructor = smlmsim.load(name, settings)
    study = smlmsim.Experimental(
        table=table, frames_per_point=frames_per_point, pixel_nm=pixel_nm, coverage=coverage,
        reading=reading.replace({"channel": "all"}) if channels else reading,
        selection=selection.replace({"link_nm": None}) if by == "molecule" else selection,
    )  # fmt: skip
    observation = study.movie().observation
    parts = (
        _channels(observation, channels, table.name)
        if channels
        else _halves(observation, seed, by, selection, table.name)
    )
    tolerance_nm = tolerance_nm or _tolerance_nm(observation, pixel_nm)
    estimates = {
        label: smlmsim.reconstruct.reconstruct(reconstructor, part).density for label, part in parts.items()
    }
    one, other = estimates.values()
    try:
        found = smlmsim.metrics.agreement(one, other, tolerance_nm=tolerance_nm)
    except ValueError as error:
        raise ValueError(
            f"{table.name} with {name}: {error}; another reconstructor or more data may do"
        ) from None
    blind = [BLIND, COLOURS] if channels else [BLIND]
    if by == "localization" and not channels and selection.link_nm is None:
        blind.append(BY_LOCALIZATION)
    words = _words(found, {label: part.sizes["localization"] for label, part in parts.items()}, name)
    beside = smlmsim.metrics.displacement_nm(one, other) if channels else None
    if beside:
        words.append(_beside(*beside, *parts))
    typer.echo("\n".join([*words, BLIND, *([COLOURS] if channels else [])]))
    if BY_LOCALIZATION in blind:
        _log.warning(BY_LOCALIZATION)
    make_folder(out)
    for label, image in estimates.items():
        smlmsim.write(image, out / f"{name}_{_file(label)}.tif")
    smlmsim.write(found.disagreement, out / "disagreement.tif")
    shown = {**estimates, "disagreement": found.disagreement}
    smlmsim.figures.save(smlmsim.figures.agreement(estimates, found), out / "agreement.png")
    smlmsim.figures.save(smlmsim.figures.montage(shown), out / "montage.png")
    made: dict[str, Any] = {
        "reconstructor": name,
        **{key: str(value) for key, value in settings.items()},
        "study": json.loads(study.model_dump_json(exclude_none=True)),
        "compared": "channels" if channels else "halves",
        **({} if channels else {"by": str(by), "seed": seed, "link_nm": selection.link_nm}),
        "localizations": {label: part.sizes["localization"] for label, part in parts.items()},
        **_numbers(found),
        **({"displacement_nm": [round(nm, 3) for nm in beside]} if beside else {}),
        "words": words,
        "cannot_see": blind,
        "said": said(),
    }
    with smlmsim.io.replacing(out / "summary.json") as draft:
        draft.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(f"agreement.png, montage.png, summary.json and the movies are in {out}")


def _halves(
    observation: xr.Dataset, seed: int, by: str, selection: Selection, table: str
) -> dict[str, xr.Dataset]:
    """Split an observation at random into two."""
    linked = {"distance_nm": selection.link_nm, "dark_frames": selection.link_dark_frames}
    try:
        parts = half_movies(observation, stream(seed, "halves"), **(linked if by == "molecule" else {}))  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(str(error).replace("the table", table, 1)) from None
    if by == "molecule" and selection.link_nm:
        _say_how_long_they_are_dark(observation, selection.link_nm, selection.link_dark_frames)
    return dict(zip(("first half", "second half"), parts, strict=True))


def _say_how_long_they_are_dark(observation: xr.Dataset, link_nm: float, dark_frames: int) -> None:
    """Warn if molecules often return after more dark frames than those over which they are kept in one half."""
    seen = repeats(observation, distance_nm=link_nm)
    if seen.is_seen and seen.dark_frames > LONGER * max(dark_frames, 1):
        _log.warning(
            "molecules often return after up to %d dark frames%s, and link_dark_frames=%d keeps fewer in one half, so "
            "that the halves agree too well; give link_dark_frames=%d", seen.dark_frames,
            " or more" if seen.returns_later else "", dark_frames, seen.dark_frames,
        )  # fmt: skip


def _channels(observation: xr.Dataset, wanted: str, table: str) -> dict[str, xr.Dataset]:
    """Take two channels of an observation."""
    names = [name.strip() for name in wanted.split(",")]
    if len(names) != 2 or names[0] == names[1] or not all(names):
        raise ValueError(f"two channels are compared, as in channels=A,B; found {wanted!r}")
    if "channel" not in observation.counts.dims:
        raise ValueError(f"{table} holds one channel; leave out channels to compare two halves of it")
    found = split(observation)
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"{table} has no channel {missing[0]!r}; it has {', '.join(found)}")
    return {name: found[name] for name in names}


def _tolerance_nm(table: xr.Dataset, pixel_nm: float) -> float:
    """The distance of centre lines that the precision of the localizations explains."""
    found = explained_nm(table, pixel_nm)
    if found is None:
        _log.info("the table reports no precision; centre lines within tolerance_nm=%g agree", TOLERANCE_NM)
        return TOLERANCE_NM
    return found


def _file(label: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in label)


def _numbers(found: xr.Dataset) -> dict[str, Any]:
    """The measures as numbers that JSON can store; None where there is none."""
    return {str(name): _plain(found[name].values) for name in found if name != "disagreement"} | {
        "tolerance_nm": found.attrs["tolerance_nm"],
        "disagreement_mean": float(found.disagreement.mean()),
    }


def _plain(values: Any) -> Any:
    if np.ndim(values):
        return [_plain(value) for value in values]
    return round(float(values), 6) if np.isfinite(values) else None


def _words(found: xr.Dataset, numbers: dict[str, int], name: str) -> list[str]:
    """Describe the agreement in sentences."""
    (one, first), (other, second) = numbers.items()
    worst = float(found.attrs["worst_nm"])
    lines = (
        "there are no centre lines to compare"
        if np.isnan(found.skeleton)
        else f"{100 * float(found.skeleton):.0f} % of their centre lines agree within "
        f"{found.attrs['tolerance_nm']:.3g} nm (F1)"
    )
    return [
        f"{name} on the {one} ({first} localizations) and the {other} ({second}): Pearson correlation "
        f"{float(found.pearson):.3f}, Manders' shares {float(found.manders_one):.2f} and "
        f"{float(found.manders_other):.2f}, {lines}",
        f"Fourier ring correlation: {_resolution(float(found.frc_nm), worst)} for the whole movie; "
        f"{_span(found.frc_over_time_nm.values, worst)} over its time points, "
        f"{_span(found.frc_over_space_nm.values, worst)} over the parts of the field",
    ]


def _beside(y_nm: float, x_nm: float, one: str, other: str) -> str:
    """Describe how far the second channel lies beside the first."""
    return (
        f"the {other} lies {round(x_nm):+d} nm along x and {round(y_nm):+d} nm along y from the {one}, where the two "
        "reconstructions correlate most; a chromatic shift is not corrected here"
    )


def _resolution(nm: float, worst: float) -> str:
    return f"{nm:.0f} nm" if nm < worst else "no correlation"


def _span(values: Any, worst: float) -> str:
    known = np.asarray(values)[np.isfinite(values)]
    if not known.size:
        return "none measurable"
    low, high = (_resolution(float(end), worst) for end in (known.min(), known.max()))
    return low if low == high else f"{low} to {high}"
