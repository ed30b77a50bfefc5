"""Drift is removed from a table on the command line."""

import numpy as np
import pytest

from smlmsim import io, schema
from smlmsim.drift import Drift

FRAMES = 1000


@pytest.fixture
def fixed():
    """A ring of molecules that drifts by 100 nm."""
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, FRAMES, 8000))
    angle = rng.uniform(0, 2 * np.pi, frame.size)
    y, x = 1000 + 800 * np.stack([np.sin(angle), np.cos(angle)]) + rng.normal(0, 10, (2, frame.size))
    return schema.dataset(
        {"exposure_s": 0.03, "frames": FRAMES},
        loc_frame=frame.astype("i4"), loc_y=(y + 0.1 * frame).astype("f4"), loc_x=x.astype("f4"),
    )  # fmt: skip


def test_a_table_is_corrected_on_the_command_line(run, fixed, tmp_path):
    source, target, curve = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    io.write(fixed, source)
    code, said = run("drift", source, "--out", target, "--curve", curve)
    assert code == 0, said
    assert f"removed, table in {target}" in said
    assert "note: what moves the whole field alike is taken for drift" in said
    assert Drift().find(io.read(target)).range_nm < 10
    lines = curve.read_text().splitlines()
    assert lines[0] == "frame,y_nm,x_nm"
    assert len(lines) == 1 + int(np.ptp(fixed.loc_frame.values)) + 1
    code, said = run("drift", source, "--out", source)
    assert (code, "would be replaced by what is made of it" in said) == (1, True)
    code, said = run("drift", source, "--out", tmp_path / "d.csv", "--windows", "100")
    assert code == 1
    assert "ask for fewer windows, as in --windows 50" in said
    assert not (tmp_path / "d.csv").exists()
