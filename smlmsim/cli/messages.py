"""Messages of the command line: notes and warnings of the package, with settings named as options."""

from __future__ import annotations

import logging
import math
import re
from typing import Any

import typer
from typer.core import TyperCommand

NAMES = {logging.DEBUG: "debug", logging.INFO: "note", logging.WARNING: "warning"}
_running: list[Any] = []  # at most one context: an error is explained after its command has ended


class Command(TyperCommand):
    """A command that remembers its options, to name them in an error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command, unless an option is infinite or NaN."""
        _running[:] = [ctx]
        for parameter in self.params:
            value = ctx.params.get(parameter.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{parameter.opts[0]} must be a finite number, found {value}")
        return super().invoke(ctx)


class Echo(logging.Handler):
    """Write each note and warning once to stderr, apart from results."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message, unless it was written before."""
        message = as_options(record.getMessage(), options())
        if message not in self.said:
            self.said.append(message)
            typer.echo(f"{NAMES.get(record.levelno, 'error')}: {message}", err=True)


def listen(level: int) -> None:
    """Show messages of the package from a given level on."""
    log = logging.getLogger("smlmsim")
    log.handlers = [handler for handler in log.handlers if not isinstance(handler, Echo)] + [Echo()]
    log.setLevel(level)


def said() -> list[str]:
    """Return the notes and warnings so far."""
    return [
        text
        for handler in logging.getLogger("smlmsim").handlers
        if isinstance(handler, Echo)
        for text in handler.said
    ]


def options() -> dict[str, bool]:
    """Return the options of the current command, by the names of their settings, and whether they take a value."""
    found = {}
    for parameter in _running[0].command.params if _running else ():
        long = next((name for name in parameter.opts if name.startswith("--")), None)
        if long:
            found[long.removeprefix("--").replace("-", "_")] = not parameter.is_flag
    return found


def as_options(message: str, known: dict[str, bool]) -> str:
    """Replace the Python names of settings by their command-line options.

    Parameters
    ----------
    message : str
        A message with Python names of settings.
    known : dict of str to bool
        Settings that are options of the command, and whether they take a value.

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
