"""The command that simulates camera frames."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr

import smlmsim
from smlmsim import schema
from smlmsim.cli.options import Out, make_folder
from smlmsim.contour import at_points
from smlmsim.frames import Imaging
from smlmsim.from_table import FromTable
from smlmsim.io.frames import write_blocks
from smlmsim.movie import require_room
from smlmsim.pipeline import TwoColours
from smlmsim.progress import bar
from smlmsim.rng import stream

_log = logging.getLogger(__name__)


class Container(StrEnum):
    """The formats in which frames are written."""

    TIFF = "tiff"
    ZARR = "zarr"


def frames(
    out: Out,
    study: Annotated[Path | None, typer.Argument(help="A study in TOML. [default: all defaults]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    written: Annotated[Container, typer.Option("--format", help="Format of the frames.")] = Container.TIFF,
) -> None:
    """Simulate the camera frames of one movie, with the molecules that shine in them.

    Files in DIR: `frames.ome.tif` (OME-TIFF, with pixel, exposure, and the calibration of the camera) or, with
    `--format zarr`, `frames.zarr` (OME-Zarr); `molecules.csv` (ThunderSTORM), where the molecules really are in every
    frame, with their expected photons; `truth.tif`; `frames.png`, five of the first frames; and
    `study.toml`, which gives the same frames again. Frames are written as they are made, and need not fit in memory.

    The camera is that of the study if its localization is from camera frames, and a sCMOS camera otherwise. A study
    without `photophysics.photons` has 1000 per frame on average.
    """
    smlmsim.io.require_writable(out)
    chosen = smlmsim.read_study(study) if study else smlmsim.SimulatedDynamic()
    if isinstance(chosen, FromTable):
        raise ValueError(f"{study} is of a measured table, of which no frames can be simulated")
    if isinstance(chosen, TwoColours):
        _log.info("the frames are of the first label; those of the second are not written")
    imaging = chosen.imaging
    if imaging is None:
        imaging = Imaging()
        _log.info(
            "the localization of the study makes no camera frames; they are of a sCMOS camera with pixels of %g nm, "
            "and have %g background photons on each",
            imaging.camera_pixel_nm,
            imaging.background_photons,
        )
    field, acquisition = chosen.field, chosen.acquisition
    require_room(field, acquisition, "ask for fewer acquisition.time_points, or a smaller field")
    moving = chosen.moving(seed)
    events = chosen.events(moving, seed, imaging)
    make_folder(out)
    # The stream from which a localizer of the study draws: it sees these frames.
    blocks = imaging.blocks(events, field, acquisition, stream(seed, "localization"))
    first = next(blocks)
    name = "frames.zarr" if written == "zarr" else "frames.ome.tif"
    write_blocks(
        _counting(itertools.chain([first], blocks), acquisition.frames), acquisition.frames, out / name
    )
    smlmsim.write(_molecules(events), out / "molecules.csv")
    truth = chosen.density.render(at_points(moving, acquisition), field)
    smlmsim.write(truth.density, out / "truth.tif")
    if min(first.frames.shape[1:]) > 1:
        picture = smlmsim.figures.montage({"frames": _movie(first, imaging)})
        smlmsim.figures.save(picture, out / "frames.png")
    else:
        _log.info("frames of a single row or column of pixels make no picture")
    with smlmsim.io.replacing(out / "study.toml") as draft:
        draft.write_text(chosen.to_toml(), encoding="utf-8")
    rows, columns = first.sizes["camera_y"], first.sizes["camera_x"]
    spots = _seen(events, first)
    typer.echo(
        f"{acquisition.frames} frames of {rows} x {columns} pixels with {spots} spots in {out / name}; "
        f"molecules.csv has {events.sizes['event'] - spots} around them, too"
    )


def _seen(events: xr.Dataset, frames: xr.Dataset) -> int:
    """The number of events whose middles lie on the pixels of frames."""
    inside = np.ones(events.sizes["event"], np.bool_)
    for axis in "yx":
        places, middles = events[f"event_{axis}"].values, frames[f"camera_{axis}"].values
        half = frames.attrs["camera_pixel_nm"] / 2
        inside &= (places >= middles[0] - half) & (places < middles[-1] + half)
    return int(inside.sum())


def _counting(blocks: Iterator[xr.Dataset], frames: int) -> Iterator[xr.Dataset]:
    """Pass blocks on, and show the number of frames in a progress bar."""
    with bar(frames, "frames") as progress:
        for block in blocks:
            yield block
            progress.update(block.sizes["frame"])


def _molecules(events: xr.Dataset) -> xr.Dataset:
    """The events as a table of localizations without errors; a column of its own for what is none of theirs."""
    photons = {"loc_intensity": events.event_photons.values} if "event_photons" in events else {}
    table = schema.dataset(
        loc_frame=events.event_frame.values,
        loc_y=events.event_y.values,
        loc_x=events.event_x.values,
        **photons,
    )
    for name in ("molecule", "on_fraction"):
        if f"event_{name}" in events:
            said = {"heading": name, "units": "1"}
            table[f"other_{name}"] = xr.Variable(("localization",), events[f"event_{name}"].values, said)
    return table


def _movie(block: xr.Dataset, imaging: Imaging) -> xr.DataArray:
    """The photons on frames as a movie (time, y, x), for a picture."""
    times_s = (block.first_frame + np.arange(block.sizes["frame"]) + 0.5) * block.exposure_s
    axes = schema.dataset(time=times_s, y=block.camera_y.values, x=block.camera_x.values)
    photons = np.maximum(imaging.camera.photons(block.frames.values), 0).astype(np.float32)
    return xr.DataArray(photons, axes.coords, ("time", "y", "x"), "frames", {"units": "photon"})
