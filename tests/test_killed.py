"""The harness that kills runs does so where it is told, and says what it did."""

import pytest
from killed import killed

RUN = """
import json
from pathlib import Path

def run():
    for name in "abc":
        Path(name).write_text(json.dumps(name))
    Path("a").rename("d")
"""


@pytest.mark.parametrize(
    ("moment", "told", "left"),
    [
        (("disk", 1), -1, ""),
        (("disk", 3), -1, "ab"),
        (("disk", 4), -1, "abc"),
        (("disk", 0), 4, "bcd"),
        (("disk", 5), 4, "bcd"),
        (("json:dumps", 2), -1, "a"),
        (("json:dumps", 4), 4, "bcd"),
    ],
)
def test_a_run_ends_just_before_its_moment(tmp_path, moment, told, left):
    assert killed(tmp_path, RUN, [moment]) == [told]
    assert sorted(path.name for path in tmp_path.iterdir()) == list(left)


def test_runs_follow_one_another_on_what_is_left(tmp_path):
    assert killed(tmp_path, RUN, [("disk", 2), ("json:dumps", 3), ("disk", 0)]) == [-1, -1, 4]


def test_a_run_that_fails_by_itself_is_no_kill(tmp_path):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        killed(tmp_path, "def run():\n    1 / 0", [("disk", 0)])
