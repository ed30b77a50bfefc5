"""The command that reconstructs a movie from a measured table."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import smlmsim
from smlmsim.channels import ALONE, labelled, panels, split
from smlmsim.cli import against
from smlmsim.cli.locate import told_velocity
from smlmsim.cli.messages import said
from smlmsim.cli.options import Coverage, Out, make_folder, reads_a_table, selects_localizations
from smlmsim.io import Reading
from smlmsim.selection import Selection
from smlmsim.widefield import with_images

if TYPE_CHECKING:
    import xarray as xr


MOVIES = {"png": "movie.png", "gif": "movie.gif", "mp4": "movie.mp4"}
_log = logging.getLogger(__name__)


@selects_localizations
@reads_a_table
def reconstruct(
    table: Annotated[
        Path, typer.Argument(help="A localization table; `smlmsim list --formats` lists the formats.")
    ],
    out: Out,
    reading: Reading,
    selection: Selection,
    name: Annotated[
        str, typer.Option("--with", help="The reconstructor; `smlmsim list` shows those installed.")
    ] = "gaussian_time",
    frames_per_point: Annotated[int, typer.Option(min=1, help="Camera frames in one time point.")] = 50,
    pixel_nm: Annotated[float, typer.Option(help="Pixel size of the images, nm.")] = 20.0,
    coverage: Coverage = 1.0,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of a network, instead of the bundled ones.")
    ] = None,
    uncertainty: Annotated[
        int,
        typer.Option(
            min=0, help="Estimate the uncertainty of a network from n Monte-Carlo dropout passes, e.g. 20."
        ),
    ] = 0,
    line: Annotated[
        str | None,
        typer.Option(
            help="Line of the kymograph, nm: x0,y0,x1,y1. [default: the row or column that varies most]"
        ),
    ] = None,
    movie: Annotated[
        str, typer.Option(help="Movie format: `png` (animated, for a browser), `gif`, `mp4`, or `none`.")
    ] = "png",
    widefield: against.Widefield = None,
    widefield_pixel_nm: against.WidefieldPixelNm = None,
    widefield_interval_s: against.WidefieldIntervalS = None,
) -> None:
    """Reconstruct a movie from a measured localization table.

    Files in DIR: `NAME.tif` (a stack with its scale in um and s), `counts.tif`, `montage.png`, `kymograph.png`,
    `movie.png` and `summary.json` (all settings); with `--uncertainty` the variance, `uncertainty.tif`. With
    `--channel all`, each channel of the table is reconstructed separately: stacks hold all channels, and pictures show
    them side by side. `--widefield` registers a widefield stack, compares the reconstruction with it (Culley et al.
    2018), and adds `error.tif`: the difference in each pixel, in grey levels.
    """
    if movie not in (*MOVIES, "none"):
        raise ValueError(
            f"the movie format is {', '.join(MOVIES)} or none, found {movie!r}; choose one with movie=png"
        )
    if movie != "none":
        smlmsim.figures.require_movie(MOVIES[movie])
    chosen = _line(line) if line else None
    smlmsim.io.require_writable(out)
    study = smlmsim.Experimental(
        table=table, frames_per_point=frames_per_point, pixel_nm=pixel_nm, coverage=coverage,
        reading=reading, selection=selection,
    )  # fmt: skip
    given = {"weights": weights, "uncertainty": uncertainty}
    reconstructor = _loaded(name, {key: value for key, value in given.items() if value})
    observation = study.movie().observation
    for doubt in _doubts(observation, frames_per_point):
        _log.warning("%s", doubt)
    if min(observation.sizes["y"], observation.sizes["x"]) < 2:
        smaller = f"; give a smaller pixel, as in pixel_nm={pixel_nm / 4:g}"
        raise ValueError(
            f"the localizations cover {observation.sizes['y']} x {observation.sizes['x']} pixels, which is no image"
            + (smaller if observation.sizes["localization"] > 1 else "")
        )
    field = smlmsim.estimate.field_of_view(observation)
    rates = {
        channel: smlmsim.estimate.localization_rate(part, field=field)
        for channel, part in split(observation).items()
    }
    for channel, rate in rates.items():
        typer.echo(f"{labelled('rate', channel)}: {rate}")
    exposure_s = observation.attrs["exposure_s"]
    velocities = {
        channel: told_velocity(part, exposure_s=exposure_s, field=field)
        for channel, part in split(observation).items()
    }
    for channel, velocity in velocities.items():
        if velocity:
            typer.echo(f"{labelled('velocity', channel)} from the localizations: {velocity}")
    stack, judged = None, None
    sees = smlmsim.reconstruct.WIDEFIELD in smlmsim.reconstruct.needs(reconstructor)
    if widefield:
        begin_s = observation.attrs["start_frame"] * observation.attrs["exposure_s"]
        counts = observation.counts.assign_coords(time=observation.time + begin_s)
        stack = against.registered_widefield(
            counts, widefield, widefield_pixel_nm, widefield_interval_s, needed_by=name if sees else None
        )
        stack = stack.assign_coords(time=stack.time - begin_s)
    if stack is not None and sees:
        observation = with_images(observation, stack)
    estimate = smlmsim.reconstruct.reconstruct(reconstructor, observation)
    if stack is not None and widefield:
        judged = against.against_widefield(estimate.density, stack, widefield)
        for channel, scores in split(judged).items():
            typer.echo(f"{channel}: " * (channel != ALONE) + against.verdict(scores))
        if sees:
            typer.echo(f"{name} has seen these images: that it agrees with them is no independent check")
    images = {"counts": observation.counts, name: estimate.density}
    if "uncertainty" in estimate:
        images["uncertainty"] = estimate.uncertainty
    chosen = chosen or smlmsim.estimate.busiest_line(observation.counts)
    profiles = {
        label: smlmsim.estimate.line_profile(image, chosen) for label, image in panels(images).items()
    }
    make_folder(out)
    for label, image in images.items():
        smlmsim.write(image, out / f"{label}.tif")
    if judged is not None:
        smlmsim.write(judged.error, out / "error.tif")
        images["error"] = judged.error
    smlmsim.figures.save(smlmsim.figures.kymograph(profiles, chosen), out / "kymograph.png")
    smlmsim.figures.save(smlmsim.figures.montage(images, line=chosen), out / "montage.png")
    if movie != "none":
        shown = {label: image for label, image in images.items() if label != "error"}
        smlmsim.figures.save_movie(shown, out / MOVIES[movie])
    made: dict[str, Any] = {
        "reconstructor": name,
        **{key: str(value) for key, value in given.items() if value},
        "study": json.loads(study.model_dump_json(exclude_none=True)),
        "rate": _by_channel({channel: rate._asdict() for channel, rate in rates.items()}),
        "velocity": _by_channel(
            {
                channel: {
                    "velocity_nm_per_s": velocity.velocity_nm_per_s,
                    "error_nm_per_s": velocity.error_nm_per_s,
                    "lag_s": velocity.lag_s,
                }
                if velocity
                else {}
                for channel, velocity in velocities.items()
            }
        ),
        "localizations": observation.sizes["localization"],
        "movie": {str(dim): size for dim, size in observation.counts.sizes.items()},
        "line_nm": chosen._asdict(),
        "widefield": {}
        if judged is None
        else _by_channel(
            {
                channel: {key: float(scores[key]) for key in ("rsp", "rse", "sigma_nm")}
                for channel, scores in split(judged).items()
            }
        ),
        "said": said(),
        "attributes": _plain(estimate.attrs | estimate.density.attrs | observation.attrs),
    }
    with smlmsim.io.replacing(out / "summary.json") as draft:
        draft.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(
        ", ".join(sorted(file.name for file in out.iterdir() if not file.name.startswith(".")))
        + f" are in {out}"
    )


def _loaded(name: str, settings: dict[str, Any]) -> smlmsim.Reconstructor:
    """Load the reconstructor; refuse settings of networks for other reconstructors."""
    if settings and (missing := [key for key in settings if not hasattr(smlmsim.load(name), key)]):
        raise ValueError(
            f"{name} has no {' and no '.join(missing)}: these are for networks, such as annapalm2d"
        )
    return smlmsim.load(name, settings)


def _by_channel(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return results by the names of channels; for a movie without channels, the results alone."""
    return found[ALONE] if list(found) == [ALONE] else dict(found)


def _doubts(observation: xr.Dataset, frames_per_point: int) -> list[str]:
    """Return warnings about implausible values of the table."""
    table = observation.drop_dims(observation.counts.dims)
    return smlmsim.estimate.implausible(
        smlmsim.estimate.summarise([table]),
        exposure_s=observation.attrs["exposure_s"],
        frames_per_point=frames_per_point,
        field_nm=observation.attrs.get("field_nm"),
    )


def _line(text: str) -> smlmsim.estimate.Line:
    """Parse a line from ``x0,y0,x1,y1``."""
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
        found = smlmsim.estimate.Line(y0, x0, y1, x1)
    except ValueError:
        found = smlmsim.estimate.Line(0, 0, 0, 0)
    if not 0 < found.length_nm < math.inf:
        raise ValueError(
            f"a line is four numbers in nm, x0,y0,x1,y1, as in line=0,1280,2560,1280, found {text!r}"
        )
    return found


def _plain(attrs: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as types that JSON can store."""
    return {
        name: value if isinstance(value, (str, int, float, bool)) else str(value)
        for name, value in attrs.items()
    }
