"""One run writes to a folder at a time, and a lock ends with its process."""

import subprocess
import sys

import pytest

from smlmsim.io.lock import BusyError, sole_writer

HOLD = """
import sys
from pathlib import Path
from smlmsim.io.lock import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_a_second_writer_is_refused_until_the_first_has_died(tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "held\n"
    with (
        pytest.raises(BusyError, match=f"another run is writing to {tmp_path}; wait .* --out"),
        sole_writer(tmp_path),
    ):
        pass
    first.kill()
    first.communicate()
    with sole_writer(tmp_path) as locked:
        assert locked
    assert list(tmp_path.iterdir()) == []


def test_two_folders_have_a_writer_each(tmp_path):
    (tmp_path / "a").mkdir()
    with sole_writer(tmp_path), sole_writer(tmp_path / "a") as locked:
        assert locked
