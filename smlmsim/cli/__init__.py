"""The command line: ``smlmsim --help``."""

from smlmsim.cli.app import app, main

__all__ = ["app", "main"]
