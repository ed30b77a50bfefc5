"""The command that says what a file holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import smlmsim
from smlmsim.cli.options import PixelNm
from smlmsim.io.metadata import Metadata

if TYPE_CHECKING:
    import xarray as xr

    from smlmsim.estimate import Summary

LONGEST = 100


def info(
    path: Annotated[Path, typer.Argument(help="A table or a movie, in any format that is read.")],
    exposure_s: Annotated[
        float | None, typer.Option(min=0, help="Duration of a camera frame, s. [default: as in the file]")
    ] = None,
    pixel_nm: PixelNm = None,
) -> None:
    """Say what a file holds: how many localizations, where, when, how precise, and the tags.

    A table of any length is read piece by piece.
    """
    lines = {"format": smlmsim.io.format_name(path)}
    if smlmsim.io.holds_table(path):
        attrs: dict[str, Any] = {}
        summary = smlmsim.estimate.summarise(
            _noting(smlmsim.io.chunks(path, smlmsim.Reading(camera_pixel_nm=pixel_nm)), attrs)
        )
        lines |= _table(summary, exposure_s or attrs.get("exposure_s"))
    else:
        movie = smlmsim.read(path, pixel_nm=pixel_nm)
        attrs = movie.attrs
        lines |= _movie(movie)
    lines |= {name: _said(value) for name, value in Metadata.from_tree(attrs, "metadata").tree().items()}
    width = max(map(len, lines)) + 2
    for name, text in lines.items():
        typer.echo(f"{name.replace('_', ' '):{width}}{text}")


def _noting(chunks: Iterator[xr.Dataset], attrs: dict[str, Any]) -> Iterator[xr.Dataset]:
    """Pass pieces on and keep their attributes."""
    for chunk in chunks:
        attrs.update(chunk.attrs)
        yield chunk


def _table(summary: Summary, exposure_s: float | None) -> dict[str, str]:
    extent = summary.extent_nm
    lines = {"localizations": str(summary.localizations)}
    if summary.last_frame >= 0:
        lines["frames"] = f"{summary.first_frame} to {summary.last_frame}, counted from 0"
    for axis in ("y", "x", "z"):
        if (found := extent.get(f"loc_{axis}")) is not None:
            lines[f"field {axis}"] = f"{found[0]:.1f} to {found[1]:.1f} nm"
    if summary.last_frame >= 0:
        lines |= _rate(summary, exposure_s)
    middle, low, high = (summary.precision_nm(share) for share in (0.5, 0.1, 0.9))
    known = middle == middle
    lines["precision"] = (
        f"median {middle:.3g} nm, 80 % in {low:.3g} to {high:.3g} nm" if known else "not claimed"
    )
    return lines


def _rate(summary: Summary, exposure_s: float | None) -> dict[str, str]:
    """The rate on the whole and over time, in Hz where the exposure is known."""
    unit, frame = ("Hz", exposure_s) if exposure_s else ("per frame", 1.0)
    duration = summary.frames * frame
    mean, error = summary.localizations / duration, summary.localizations**0.5 / duration
    (height, width) = (high - low for low, high in (summary.extent_nm[name] for name in ("loc_y", "loc_x")))
    over_time = " ".join(f"{rate / frame:.3g}" for rate in summary.rate_per_frame())
    span = summary.frames_per_span * frame
    lines = {
        "rate": f"{mean:.4g} ± {error:.2g} {unit}",
        "rate over time": f"{over_time} {unit}, each over {span:.4g} {'s' if exposure_s else 'frames'}",
    }
    if height > 0 and width > 0:
        fields = height * width / 2560**2
        lines["rate in a field"] = f"{mean / fields:.4g} ± {error / fields:.2g} {unit} per 2.56 x 2.56 um"
    if not exposure_s:
        lines["rate"] += "; --exposure-s gives it per second"
    return lines


def _movie(movie: xr.Dataset) -> dict[str, str]:
    name, image = next(iter(movie.data_vars.items()))
    lines = {
        "variable": f"{name}, {image.dtype}, from {float(image.min()):.4g} to {float(image.max()):.4g}",
        "images": f"{image.sizes['time']} of {image.sizes['y']} x {image.sizes['x']} pixels",
    }
    for dim, what in (("time", "time point"), ("y", "pixel y"), ("x", "pixel x")):
        values = image[dim].values
        step = f"{(values[-1] - values[0]) / (values.size - 1):.6g}" if values.size > 1 else "unknown"
        lines[what] = f"{step} {image[dim].attrs['units']}, the first at {values[0]:.6g}"
    return lines


def _said(value: Any) -> str:
    """A value in one line of bearable length."""
    text = " ".join((", ".join(map(str, value)) if isinstance(value, list) else str(value)).split())
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
