"""The command that summarises a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import smlmsim
from smlmsim.channels import called, split
from smlmsim.cli.options import (
    PixelNm,
    PointS,
    reads_a_table,
    say_what_is_not_used,
    selects_localizations,
)
from smlmsim.io import Reading
from smlmsim.io.metadata import Metadata
from smlmsim.io.reading import CountedFromZeroError
from smlmsim.progress import bar
from smlmsim.selection import Selection

if TYPE_CHECKING:
    import xarray as xr

    from smlmsim.estimate import Summary

LONGEST = 100
"""Greatest number of characters of a text that are shown, about a line."""
LINED_UP = ("exposure_s", "frames", "first_frame", "field_nm", "channels")
_log = logging.getLogger(__name__)


@selects_localizations
@reads_a_table
def info(
    path: Annotated[Path, typer.Argument(help="A table or a movie, in any format that is read.")],
    reading: Reading,
    selection: Selection,
    pixel_nm: PixelNm = None,
    point_s: PointS = None,
) -> None:
    """Summarise a file: number, positions, frames and precision of localizations, tags; and warn of implausible values.

    A table of any length is read piece by piece, unless localizations of one molecule are joined.
    """
    lines = {"format": smlmsim.io.format_name(path)}
    attrs: dict[str, Any] = {}
    is_table = smlmsim.io.holds_table(path)
    say_what_is_not_used(path, is_table, reading, selection, pixel_nm, point_s)
    if is_table:
        try:
            summary = smlmsim.estimate.summarise(_noting(_chunks(path, reading, selection), attrs))
        except CountedFromZeroError:
            counted = reading.replace({"first_frame": 0})
            summary = smlmsim.estimate.summarise(_noting(_chunks(path, counted, selection), attrs))
        lines |= _table(summary, attrs)
        doubts = smlmsim.estimate.implausible(
            summary, exposure_s=attrs.get("exposure_s"), field_nm=attrs.get("field_nm")
        )
        for doubt in doubts:
            _log.warning("%s", doubt)
    else:
        movie = smlmsim.read(path, pixel_nm=pixel_nm, point_s=point_s)
        attrs = movie.attrs
        lines |= _movie(movie)
    tree = Metadata.of(smlmsim.schema.dataset(attrs)).tree()
    lines |= {
        name: _said(value) for name, value in tree.items() if name not in lines and name not in LINED_UP
    }
    width = max(map(len, lines)) + 2
    for name, text in lines.items():
        typer.echo(f"{name.replace('_', ' '):{width}}{text}")


def _chunks(path: Path, reading: Reading, selection: Selection) -> Iterator[xr.Dataset]:
    """Yield the selected localizations, piece by piece if each can be selected separately."""
    if selection.limits:
        yield selection.select(smlmsim.read(path, reading))
        return
    with bar(None, "localizations", thousands=True) as progress:
        for chunk in smlmsim.io.chunks(path, reading):
            yield chunk
            progress.update(chunk.sizes["localization"])


def _noting(chunks: Iterator[xr.Dataset], attrs: dict[str, Any]) -> Iterator[xr.Dataset]:
    """Yield the pieces unchanged and collect their attributes."""
    for chunk in chunks:
        attrs.update(chunk.attrs)
        yield chunk


def _table(summary: Summary, attrs: dict[str, Any]) -> dict[str, str]:
    exposure_s, extent = attrs.get("exposure_s"), summary.extent_nm
    lines = {"localizations": str(summary.localizations)}
    if summary.last_frame >= 0:
        lines["frames"] = smlmsim.estimate.shown_frames(summary)
        if "frames" in attrs:
            lines["frames"] += f"; {attrs['frames']} in all"
    else:
        lines["frames"] = "none: the table does not say when molecules were localized"
    lines["exposure"] = f"{exposure_s:g} s" if exposure_s else "unknown; --exposure-s gives rates per second"
    if summary.channels:
        names = _channel_names(summary, attrs)
        chooses = "; --channel chooses one, or all" if len(names) > 1 else ""
        lines["channels"] = ", ".join(names.values()) + chooses
    for axis in ("y", "x", "z"):
        if (found := extent.get(f"loc_{axis}")) is not None:
            lines[f"field {axis}"] = f"{found[0]:.1f} to {found[1]:.1f} nm"
    if "field_nm" in attrs:
        top, left, height, width = attrs["field_nm"]
        lines["camera's field"] = (
            f"y {top:.0f} to {top + height:.0f} nm, x {left:.0f} to {left + width:.0f} nm"
        )
    if summary.last_frame >= 0:
        lines |= _rate(summary, _channel_names(summary, attrs), exposure_s)
    middle, low, high = (summary.precision_nm(share) for share in (0.5, 0.1, 0.9))
    known = middle == middle
    lines["precision"] = (
        f"median {middle:.3g} nm, 80 % in {low:.3g} to {high:.3g} nm" if known else "not reported"
    )
    for name, quantile in (("photons", summary.photons), ("background", summary.background)):
        middle, low, high = (quantile(share) for share in (0.5, 0.1, 0.9))
        if middle == middle:
            each = "in a localization" if name == "photons" else "in a pixel"
            lines[name] = f"median {middle:.3g} {each}, 80 % in {low:.3g} to {high:.3g}"
    return lines


def _channel_names(summary: Summary, attrs: dict[str, Any]) -> dict[int, str]:
    """Return the names of the channels of a table by their numbers."""
    return called(summary.channels, attrs.get("channels", ()))


def _rate(summary: Summary, channels: dict[int, str], exposure_s: float | None) -> dict[str, str]:
    """Return the rate, its course over time and that of each of several channels, in Hz if the exposure is known."""
    unit, frame = ("Hz", exposure_s) if exposure_s else ("per frame", 1.0)
    mean = summary.rate_hz(frame)
    error = mean / summary.localizations**0.5
    whole = " of all channels together" if len(channels) > 1 else ""
    (height, width) = (high - low for low, high in (summary.extent_nm[name] for name in ("loc_y", "loc_x")))
    over_time = " ".join(f"{rate / frame:.3g}" for rate in summary.rate_per_frame())
    span = summary.frames_per_span * frame
    lines = {
        "rate": f"{mean:.4g} ± {error:.2g} {unit}{whole}",
        "rate over time": f"{over_time} {unit}{whole}, each over {span:.4g} {'s' if exposure_s else 'frames'}",
    }
    if whole:
        shares = {name: summary.channels[number] / summary.localizations for number, name in channels.items()}
        rates = (f"{mean * share:.4g} {unit} of {name}" for name, share in shares.items())
        lines["rate by channel"] = ", ".join(rates)
    if height > 0 and width > 0:
        fields = height * width / 2560**2
        lines["rate in a field"] = (
            f"{mean / fields:.4g} ± {error / fields:.2g} {unit} per 2.56 x 2.56 um{whole}"
        )
    return lines


def _movie(movie: xr.Dataset) -> dict[str, str]:
    name, image = next(iter(movie.data_vars.items()))
    lines = {
        "variable": f"{name}, {image.dtype}, from {float(image.min()):.4g} to {float(image.max()):.4g}",
        "images": f"{image.sizes['time']} images of {image.sizes['y']} x {image.sizes['x']} pixels",
    }
    if len(parts := split(image)) > 1:
        lines |= {"channels": ", ".join(parts), "images": lines["images"] + " in each channel"}
    if "time" not in image.coords:
        lines["images"] += ", duration unknown; --point-s gives it"
    for dim, what in (("time", "time point"), ("y", "pixel y"), ("x", "pixel x")):
        if dim not in image.coords:
            continue
        values = image[dim].values
        step = f"{(values[-1] - values[0]) / (values.size - 1):.6g}" if values.size > 1 else "unknown"
        lines[what] = f"{step} {image[dim].attrs['units']}, the first at {values[0]:.6g}"
    return lines


def _said(value: Any) -> str:
    """Return a value as one line of limited length."""
    text = " ".join((", ".join(map(str, value)) if isinstance(value, list) else str(value)).split())
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
