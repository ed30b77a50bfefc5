"""The command line: ``smlmsim --help``."""

from __future__ import annotations

from collections.abc import Callable

from smlmsim.cli.interruption import end_while_loading

__all__ = ["main"]


def main(run: Callable[[], None] | None = None) -> None:
    """Run the command line, or another one; errors that a user can correct are one line, not a traceback."""
    end_while_loading()
    from smlmsim.cli import app

    app.main(run or app.app)
