"""The examples of the README run as they stand there."""

import doctest
from pathlib import Path

from smlmsim.cli.installed import formats_table

README = Path(__file__).parent.parent / "README.md"


def test_the_examples_give_what_the_readme_shows():
    found = doctest.testfile(str(README), module_relative=False)
    assert found.attempted >= 10
    assert found.failed == 0


def test_the_table_of_formats_is_that_of_the_code():
    rows = [f"| {' | '.join(row)} |" for row in formats_table()]
    section = README.read_text(encoding="utf-8").split("## Files")[1].split("## In Python")[0]
    shown = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line]
    assert shown == rows
