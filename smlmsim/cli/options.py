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
from smlmsim.selection import Selection
from smlmsim.spec import Spec

Workers = Annotated[
    int | None, typer.Option(min=1, help="Local processes. [default: one per core]", show_default=False)
]
Scheduler = Annotated[
    str | None, typer.Option(help="Hand the work to a Dask cluster, such as tcp://host:8786.")
]
PixelNm = Annotated[
    float | None,
    typer.Option(help="Pixel of images, nm; for image files that do not say it, or say otherwise."),
]
PointS = Annotated[
    float | None,
    typer.Option(
        help="Duration of a time point of images, s; for files that do not say it, or say otherwise."
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if absent.")]
Coverage = Annotated[
    float,
    typer.Option(
        help="The part of the localizations that the field holds; 0.999 leaves out a few far outside."
    ),
]

TABLE = "How the table is to be understood"
PART = "Which localizations are used"
READING = {
    "exposure_s": Annotated[
        float | None,
        typer.Option(
            help="Duration of a camera frame, s. [default: as the table says]", rich_help_panel=TABLE
        ),
    ],
    "camera_pixel_nm": Annotated[
        float | None,
        typer.Option(
            help="Pixel of the camera, nm, if coordinates are in pixels. [default: as the table says]",
            rich_help_panel=TABLE,
        ),
    ],
    "first_frame": Annotated[
        int | None,
        typer.Option(
            help="What the table calls the first camera frame, 0 or 1. [default: as its format does]",
            rich_help_panel=TABLE,
        ),
    ],
    "channel": Annotated[
        str | None,
        typer.Option(
            help="The name or number of the one channel to use, or `all`: each by itself.",
            rich_help_panel=TABLE,
        ),
    ],
    "columns": Annotated[
        str | None,
        typer.Option(
            help="What columns are called where no known program wrote the table: x=...,y=...,frame=... "
            "A number counts columns from 1.",
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
        float | None, typer.Option(help="The largest reported uncertainty, nm.", rich_help_panel=PART)
    ],
    "min_photons": Annotated[float | None, typer.Option(help="The fewest photons.", rich_help_panel=PART)],
    "max_photons": Annotated[float | None, typer.Option(help="The most photons.", rich_help_panel=PART)],
    "from_frame": Annotated[
        int | None, typer.Option(help="The first camera frame, as the table counts.", rich_help_panel=PART)
    ],
    "to_frame": Annotated[
        int | None, typer.Option(help="The last camera frame, as the table counts.", rich_help_panel=PART)
    ],
    "crop_nm": Annotated[
        str | None, typer.Option(help="A rectangle, nm: x0,x1,y0,y1.", rich_help_panel=PART)
    ],
    "link_nm": Annotated[
        float | None,
        typer.Option(
            help="Join localizations in frames that follow each other this near, nm: they are of one molecule.",
            rich_help_panel=PART,
        ),
    ],
    "link_dark_frames": Annotated[
        int, typer.Option(min=0, help="How long a molecule may be dark in between.", rich_help_panel=PART)
    ],
}
Command = Callable[..., Any]
_log = logging.getLogger(__name__)


def reads_a_table(command: Command) -> Command:
    """Give a command the options that say how a table is to be understood, which it gets as one ``reading``."""
    return _with(command, "reading", Reading(), READING, {"columns": _headings})


def selects_localizations(command: Command) -> Command:
    """Give a command the options that say what of a table is used, which it gets as one ``selection``."""
    return _with(command, "selection", Selection(), SELECTION, {"crop_nm": _numbers})


def say_what_is_not_used(
    path: Path,
    is_table: bool,
    reading: Reading,
    selection: Selection,
    pixel_nm: float | None,
    point_s: float | None,
) -> None:
    """Say which options a file has no use for: those of images for a table, and the other way round."""
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
    """Put options in the place of an argument that is made of them."""

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
    """Headings from ``x=A,y=B``."""
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
    """Make the folder of the results, and those around it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot make the folder {out}: {error.strerror}; choose another one with --out"
        ) from error
