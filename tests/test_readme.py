"""The examples of the README run as they stand there."""

import doctest
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_examples_give_what_the_readme_shows():
    found = doctest.testfile(str(README), module_relative=False)
    assert found.attempted >= 10
    assert found.failed == 0
