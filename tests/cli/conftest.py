"""Commands that run in this process."""

import sys

import pytest
from repository import repository

from smlmsim import cli

__all__ = ["repository"]


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs a command in this process and gives how it ended and all it said."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["smlmsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out + said.err

    return command
