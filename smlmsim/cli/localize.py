"""The command that finds the molecules in camera frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import smlmsim
from smlmsim import localizers
from smlmsim.cli.options import reads_a_stack
from smlmsim.io import stack as stacks
from smlmsim.io.stack import Recording


@reads_a_stack
def localize(
    stack: Annotated[
        Path,
        typer.Argument(
            help="Camera frames of one channel: a TIFF, OME-TIFF or BigTIFF stack, OME-Zarr, or ND2."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The table to write: `.csv` (ThunderSTORM), `.smlm` or `.hdf5` (Picasso)."
        ),
    ],
    recording: Recording,
    name: Annotated[
        str, typer.Option("--with", help="The localizer; `smlmsim list` shows those installed.")
    ] = "mle",
    sigma_nm: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of the point spread function, nm, about 0.21 wavelengths / NA. "
            "[default: that of the localizer, 130]"
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Smallest height of a spot, in standard deviations of the noise; lower finds dimmer molecules and "
            "more false positives. [default: that of the localizer, 5 for mle and phasor]"
        ),
    ] = None,
) -> None:
    """Find the molecules in camera frames, and write a localization table.

    `mle` fits a Gaussian to every spot, as precisely as the photons allow; `phasor` is faster and less precise;
    `daostorm` (`pip install 'smlmsim[localizers]'`) separates spots that overlap. Precision and photons are right for a
    calibrated camera: give its offset, electrons per level, read noise and EM gain, from its data sheet or dark frames.
    Whatever neither the file nor an option says is assumed, and printed. The stack is read piece by piece, so that it
    may be larger than the memory. ND2 needs `pip install 'smlmsim[nd2]'`.

    `smlmsim localize stack.tif --out table.csv --camera-pixel-nm 106 --exposure-s 0.02 --offset 100
    --electrons-per-level 0.46 --read-noise-e 1.4` and then `smlmsim reconstruct table.csv --out movie`.
    """
    require_table(out)
    smlmsim.io.require_writable_file(out)
    localizer = _loaded(name, {"sigma_nm": sigma_nm, "threshold": threshold})
    with stacks.opened(stack, recording) as frames:
        number = len(frames)
        table = localizers.localize(localizer, frames.blocks(), total=number)
    if not table.sizes["localization"]:
        raise ValueError(
            f"no molecule stands out of the noise in {_frames(number)} of {stack}; threshold=4 finds dimmer ones, "
            "and sigma_nm=100, say, other widths of the spots"
        )
    smlmsim.write(table.assign_attrs(software=f"smlmsim {smlmsim.__version__}, {name}"), out)
    precision_nm, photons = (float(np.median(table[f"loc_{of}"])) for of in ("uncertainty", "intensity"))
    typer.echo(
        f"{table.sizes['localization']} localizations in {_frames(number)} are in {out}; "
        f"in the median, reported precision {precision_nm:.3g} nm and {photons:.3g} photons"
    )


def _frames(number: int) -> str:
    return f"{number} frame{'s' * (number != 1)}"


def require_table(out: Path) -> None:
    """Refuse an extension that is not one of a table."""
    known = [extension for extension, form in smlmsim.io.extensions().items() if form.holds == "table"]
    if out.suffix.lower() not in known:
        raise ValueError(f"{out} has the extension {out.suffix!r}; tables are written as {', '.join(known)}")


def _loaded(name: str, settings: dict[str, Any]) -> localizers.Localizer:
    """Load the localizer; refuse settings that it does not have."""
    given = {key: value for key, value in settings.items() if value is not None}
    if given and (missing := [key for key in given if not hasattr(localizers.load(name), key)]):
        raise ValueError(f"the localizer {name} has no setting {' and no setting '.join(missing)}")
    return localizers.load(name, given)
