"""Measured camera frames of single molecules are localized where another program finds the molecules."""

from pathlib import Path

import numpy as np
import pytest

from smlmsim import io, localizers
from smlmsim.io import stack

FOLDER = Path(__file__).parent / "single_molecules"
PIXEL_NM = 160.0


@pytest.mark.parametrize("name", ["mle", "phasor"])
def test_molecules_of_a_measured_stack_are_localized_within_a_tenth_of_a_pixel(name, tmp_path):
    recording = stack.Recording(camera_pixel_nm=PIXEL_NM, exposure_s=0.02, offset=158)
    with stack.opened(FOLDER / "frames.tif", recording) as frames:
        io.write(localizers.localize(localizers.load(name), frames.blocks()), tmp_path / "table.csv")
    found = io.read(tmp_path / "table.csv")
    positions = np.loadtxt(FOLDER / "positions.csv", delimiter=",", skiprows=1)
    off = []
    for frame, x, y in positions:
        here = found.isel(localization=np.flatnonzero(found.loc_frame.values == frame))
        away = np.hypot(here.loc_x / PIXEL_NM - 0.5 - x, here.loc_y / PIXEL_NM - 0.5 - y)
        off.append(float(away.min()))
    assert len(off) == 29
    assert np.median(off) < 0.1
    assert np.quantile(off, 0.9) < 0.5, "one in ten overlaps with another"
    number = np.bincount(found.loc_frame.values, minlength=10)
    assert number[:3].sum() > 1.5 * number[-3:].sum(), "they bleach"
