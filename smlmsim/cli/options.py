"""Options that several commands share."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from smlmsim.io import Reading
from smlmsim.io.stack import Recording
from smlmsim.selection import Selection
from smlmsim.spec import Spec

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Number of local processes. [default: one per core]", show_default=False),
]
Scheduler = Annotated[str | None, typer.Option(help="Run on a Dask cluster, such as tcp://host:8786.")]
PixelNm = Annotated[
    float | None,
    typer.Option(help="Pixel size of images, nm; if the image file lacks it, or to replace it."),
]
PointS = Annotated[
    float | None,
    typer.Option(help="Duration of a time point of images, s; if the image file lacks it, or to replace it."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")]
Coverage = Annotated[
    float,
    typer.Option(help="Fraction of localizations that the field contains; 0.999 excludes a few far outside."),
]

TABLE = "How the table is read"
PART = "Which localizations are used"
STACK = "How the stack was recorded"
READING = {
    "exposure_s": Annotated[
        float | None,
        typer.Option(help="Duration of a camera frame, s. [default: from the table]", rich_help_panel=TABLE),
    ],
    "camera_pixel_nm": Annotated[
        float | None,
        typer.Option(
            help="Camera pixel size, nm, if coordinates are in pixels. [default: from the table]",
            rich_help_panel=TABLE,
        ),
    ],
    "first_frame": Annotated[
        int | None,
        typer.Option(
            help="Number of the first camera frame in the table, 0 or 1. [default: that of its format]",
            rich_help_panel=TABLE,
        ),
    ],
    "channel": Annotated[
        str | None,
        typer.Option(
            help="Name or number of the channel to use, or `all` for each separately.",
            rich_help_panel=TABLE,
        ),
    ],
    "columns": Annotated[
        str | None,
        typer.Option(
            help="Names of the columns of an unknown table format: x=...,y=...,frame=... "
            "A number is a column, counted from 1.",
            rich_help_panel=TABLE,
        ),
    ],
    "drop_bad_rows": Annotated[
        bool,
        typer.Option(
            "--drop-bad-rows", help="Leave out rows without a position or frame.", rich_help_panel=TABLE
        ),
    ],
}
SELECTION = {
    "max_uncertainty_nm": Annotated[
        float | None, typer.Option(help="Largest reported precision, nm.", rich_help_panel=PART)
    ],
    "min_photons": Annotated[
        float | None, typer.Option(help="Smallest number of photons.", rich_help_panel=PART)
    ],
    "max_photons": Annotated[
        float | None, typer.Option(help="Greatest number of photons.", rich_help_panel=PART)
    ],
    "from_frame": Annotated[
        int | None, typer.Option(help="First camera frame, numbered as in the table.", rich_help_panel=PART)
    ],
    "to_frame": Annotated[
        int | None, typer.Option(help="Last camera frame, numbered as in the table.", rich_help_panel=PART)
    ],
    "crop_nm": Annotated[
        str | None, typer.Option(help="Rectangle to use, nm: x0,x1,y0,y1.", rich_help_panel=PART)
    ],
    "link_nm": Annotated[
        float | None,
        typer.Option(
            help="Join localizations of one molecule in successive frames: greatest distance, nm.",
            rich_help_panel=PART,
        ),
    ],
    "link_dark_frames": Annotated[
        int, typer.Option(min=0, help="Greatest dark time within a molecule, frames.", rich_help_panel=PART)
    ],
}
RECORDING = {
    "camera_pixel_nm": Annotated[
        float | None,
        typer.Option(
            help="Camera pixel size in the sample, nm. [default: from the file]", rich_help_panel=STACK
        ),
    ],
    "exposure_s": Annotated[
        float | None,
        typer.Option(
            help="Time from one frame to the next, s. [default: from the file, or 0.03]",
            rich_help_panel=STACK,
        ),
    ],
    "first_frame": Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of the first frame in the recording, counted from 0, if others come before the stack. "
            "[default: from the file, or 0]",
            rich_help_panel=STACK,
        ),
    ],
    "camera": Annotated[
        str | None,
        typer.Option(
            help="Calibration of a typical camera: `emccd`, `scmos` or `ideal`; the options below replace parts of it.",
            rich_help_panel=STACK,
        ),
    ],
    "offset": Annotated[
        float | None,
        typer.Option(
            help="Grey level of a pixel without light: the mean of a dark frame. [default: from the file, or 0]",
            rich_help_panel=STACK,
        ),
    ],
    "electrons_per_level": Annotated[
        float | None,
        typer.Option(
            help="Electrons per grey level, after any multiplication; data sheets call it sensitivity, conversion "
            "factor or gain, e-/ADU. [default: 1]",
            rich_help_panel=STACK,
        ),
    ],
    "quantum_efficiency": Annotated[
        float | None,
        typer.Option(
            help="Electrons per photon, at most 1; it only scales photons. [default: 1]",
            rich_help_panel=STACK,
        ),
    ],
    "em_gain": Annotated[
        float | None,
        typer.Option(
            help="Mean gain of an electron-multiplying camera; 1 for others. [default: from the file, or 1]",
            rich_help_panel=STACK,
        ),
    ],
    "read_noise_e": Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of the read noise, electrons after any multiplication. [default: 0]",
            rich_help_panel=STACK,
        ),
    ],
}
Command = Callable[..., Any]
_log = logging.getLogger(__name__)


def reads_a_table(command: Command) -> Command:
    """Add the options for reading a table to a command, which gets them as one ``reading``."""
    return _with(command, "reading", Reading(), READING, {"columns": _headings})


def selects_localizations(command: Command) -> Command:
    """Add the options for selecting localizations to a command, which gets them as one ``selection``."""
    return _with(command, "selection", Selection(), SELECTION, {"crop_nm": _numbers})


def reads_a_stack(command: Command) -> Command:
    """Add the options for reading camera frames to a command, which gets them as one ``recording``."""
    return _with(command, "recording", Recording(), RECORDING, {})


def say_what_is_not_used(
    path: Path,
    is_table: bool,
    reading: Reading,
    selection: Selection,
    pixel_nm: float | None,
    point_s: float | None,
) -> None:
    """Warn of options that do not apply to a file: those of images for a table, and vice versa."""
    if is_table:
        given = {name for name, value in (("pixel_nm", pixel_nm), ("point_s", point_s)) if value is not None}
    else:
        given = reading.model_fields_set | selection.model_fields_set
        given = {name for name in given if getattr(reading, name, None) or getattr(selection, name, None)}
        given -= {"link_dark_frames"}
    if given:
        kind = "a table, which has no images" if is_table else "images, which have no localizations"
        _log.warning("%s holds %s: %s is not used", path.name, kind, " and ".join(sorted(given)))


def _with(
    command: Command,
    argument: str,
    default: Spec,
    options: dict[str, Any],
    parsed: dict[str, Callable[[str], Any]],
) -> Command:
    """Replace an argument of a command by the options from which it is made."""

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        found = {name: given.pop(name) for name in options}
        values = {name: parsed[name](v) if name in parsed and v else v for name, v in found.items()}
        made = type(default).model_validate({name: v for name, v in values.items() if v is not None})
        return command(**given, **{argument: made})

    signature = inspect.signature(command, eval_str=True)
    others = [known for name, known in signature.parameters.items() if name != argument]
    usual = {name: getattr(default, name) for name in options} | {"columns": None}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual[name], annotation=annotation)
        for name, annotation in options.items()
    ]
    made = [known.replace(kind=inspect.Parameter.KEYWORD_ONLY) for known in others] + more
    run.__signature__ = signature.replace(parameters=made)  # type: ignore[attr-defined]
    run.__annotations__ = {known.name: known.annotation for known in made}
    return run


def _headings(text: str) -> dict[str, str]:
    """Parse column names from ``x=A,y=B``."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(sign and heading.strip() for _, sign, heading in pairs):
        raise ValueError(f"columns are given as in x=xnano,y=ynano,frame=t, found {text!r}")
    return {name.strip(): heading.strip() for name, _, heading in pairs}


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"crop_nm is four numbers, as in 0,2560,0,2560, found {text!r}") from None


def make_folder(out: Path) -> None:
    """Make the folder for the results, and its parents.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot make the folder {out}: {error.strerror}; choose another one with --out"
        ) from error
