"""Whatever happens to a file, its reader ends soon, within some memory, and with the error that it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("damaged.py")
INPUTS = 2000


@pytest.mark.skipif(sys.platform != "linux", reason="memory and time of a process are bounded on Linux only")
@pytest.mark.slow
def test_damaged_files_of_every_format_end_in_one_line(tmp_path):
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "0", str(INPUTS), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [json.loads(line) for line in ended.stdout.splitlines()] == []
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert f'{{"trying": {INPUTS - 1}}}' in ended.stderr
