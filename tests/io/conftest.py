"""Localization tables to write and to read again."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlmsim import schema

OPTIONAL = (
    "loc_z", "loc_sigma", "loc_intensity", "loc_background", "loc_uncertainty", "loc_uncertainty_z", "loc_channel",
)  # fmt: skip
NOT_NEGATIVE = ("loc_sigma", "loc_uncertainty", "loc_uncertainty_z")


@st.composite
def _localizations(draw, last_frame=2**31 - 1, largest=2.0**66):
    """Datasets of localizations, sorted by frame and channel, with any choice of optional variables."""
    size = draw(st.integers(1, 30))
    values = {}
    for name in ("loc_x", "loc_y", *sorted(draw(st.sets(st.sampled_from(OPTIONAL))))):
        if name == "loc_channel":
            continue
        elements = st.floats(0 if name in NOT_NEGATIVE else -largest, largest, width=32)
        values[name] = draw(arrays(np.float32, size, elements=elements))
    frames = np.sort(draw(arrays(np.int32, size, elements=st.integers(0, last_frame))))
    columns = {"loc_frame": frames} | values
    return schema.dataset(**{name: columns[name] for name in schema.VOCABULARY if name in columns})


@pytest.fixture(scope="session")
def localizations():
    """A function that gives a strategy for tables."""
    return _localizations


@pytest.fixture
def table():
    """A table with every variable that a file can hold, and metadata."""
    rng = np.random.default_rng(1)
    frame = np.sort(rng.integers(0, 100, 500)).astype(np.int32)
    columns = {name: rng.uniform(1, 5000, 500).astype("f4") for name in OPTIONAL[:-1]}
    channel = np.zeros(500, np.int32)
    for number in np.unique(frame):
        channel[frame == number] = np.sort(rng.integers(0, 2, np.count_nonzero(frame == number)))
    columns |= {
        "loc_x": rng.uniform(-90, 5000, 500).astype("f4"),
        "loc_y": rng.uniform(0, 5000, 500).astype("f4"),
    }
    columns |= {"loc_frame": frame, "loc_channel": channel}
    attrs = {
        "name": "two colours", "modality": "dSTORM", "cell_line": "COS-7", "fluorophore": "Alexa Fluor 647",
        "labelling": "indirect immunofluorescence", "structure": "microtubules", "target": "β-tubulin",
        "dimension": "3D", "camera": "sCMOS", "software": "ThunderSTORM 1.3", "buffer": "MEA: 50 mM", "fixation": "PFA",
        "tags": ["drift corrected", "lab:ours"], "channels": ["647", "561"],
        "exposure_s": 0.02, "camera_pixel_nm": 108.0,
    }  # fmt: skip
    return schema.dataset(attrs, **{name: columns[name] for name in schema.VOCABULARY if name in columns})


@pytest.fixture(scope="session")
def real_tables():
    """The measured tables beside the repository."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no measured tables beside the repository")
    tables = sorted(folder.glob("*.csv"))
    assert tables
    return tables


@pytest.fixture
def coloured() -> xr.Dataset:
    """A movie of two channels, whose numbers are all different."""
    return schema.dataset(
        counts=np.arange(2 * 3 * 4 * 6, dtype=np.uint16).reshape(2, 3, 4, 6),
        channel=["Alexa 647", "Cy3B"],
        time=0.75 + 1.5 * np.arange(3),
        y=110 + 20.0 * np.arange(4),
        x=10 + 20.0 * np.arange(6),
    )
