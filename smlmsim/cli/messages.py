"""What the command line says: notes and warnings of the package, and settings by the names of their options."""

from __future__ import annotations

import logging
import math
import re
from typing import Any

import typer
from typer.core import TyperCommand

NAMES = {logging.DEBUG: "debug", logging.INFO: "note", logging.WARNING: "warning"}
_running: list[Any] = []  # at most one context: an error is explained when its command has ended


class Command(TyperCommand):
    """A command whose options stay known, to name them in an error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, unless an option is infinite or no number."""
        _running[:] = [ctx]
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{parameter.opts[0]} is a finite number, found {value}")
        return super().invoke(ctx)


class Echo(logging.Handler):
    """Say each note and warning once, on the line that results do not go to."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Say a message, unless it was said before."""
        message = as_options(record.getMessage(), options())
        if message not in self.said:
            self.said.append(message)
            typer.echo(f"{NAMES.get(record.levelno, 'error')}: {message}", err=True)


def listen(level: int) -> None:
    """Show what the package says, from some level on."""
    log = logging.getLogger("smlmsim")
    log.handlers = [handler for handler in log.handlers if not isinstance(handler, Echo)] + [Echo()]
    log.setLevel(level)


def said() -> list[str]:
    """The notes and warnings so far."""
    return [
        text
        for handler in logging.getLogger("smlmsim").handlers
        if isinstance(handler, Echo)
        for text in handler.said
    ]


def options() -> dict[str, bool]:
    """The options of the command that runs, by the names of their settings, and whether they take a value."""
    found = {}
    for parameter in _running[0].command.params if _running else ():
        long = next((name for name in parameter.opts if name.startswith("--")), None)
        if long:
            found[long.removeprefix("--").replace("-", "_")] = not parameter.is_flag
    return found


def as_options(message: str, known: dict[str, bool]) -> str:
    """Name settings as the command line does.

    Parameters
    ----------
    message : str
        A message that names settings as Python does.
    known : dict of str to bool
        The settings that are options of the command, and whether they take a value.

    Examples
    --------
    >>> as_options("give first_frame=0, or drop_bad_rows=True", {"first_frame": True, "drop_bad_rows": False})
    'give --first-frame 0, or --drop-bad-rows'
    """
    for name, takes_value in known.items():
        option = f"--{name.replace('_', '-')}"
        message = re.sub(
            rf"(?<![\w.,=-]){name}=('[^']*'|[\w.,=+-]*\w)",
            rf"{option} \1" if takes_value else option,
            message,
        )
        message = re.sub(rf"^{name}: ", f"{option}: ", message)
        if "_" in name:
            message = re.sub(rf"(?<![\w/-]){name}(?![\w=])", option, message)
    return message
