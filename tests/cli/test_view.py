"""The viewer in the browser is a file or a local server; napari's options are its own."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from smlmsim import io, schema


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    found = schema.dataset(
        loc_frame=np.arange(50, dtype=np.int32),
        loc_y=rng.uniform(0, 2000, 50).astype(np.float32),
        loc_x=rng.uniform(0, 2000, 50).astype(np.float32),
    )
    io.write(found, tmp_path / "table.csv")
    return tmp_path / "table.csv"


def test_a_table_becomes_one_file(run, table, tmp_path):
    code, said = run("view", table, "--out", tmp_path / "a.html", "--crop-nm", "0,1000,0,2000")
    assert code == 0
    assert f"23 localizations in {tmp_path / 'a.html'}, 0.6 MB" in said
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_options_of_the_browser_are_refused_for_napari(run, table):
    code, said = run("view", table, "--crop-nm", "0,1000,0,2000", "--pixel-nm", "20")
    assert code == 1
    assert "--crop-nm and --pixel-nm are for --browser" in said


def test_a_server_says_its_address_and_ends_with_ctrl_c(table):
    command = [sys.executable, "-m", "smlmsim", "view", str(table), "--browser", "--no-open"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    said = running.stdout.readline()
    assert said.startswith("50 localizations at http://127.0.0.1:")
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert rest == "closed\n"
    assert running.returncode == 0
