"""Convert localization tables to an image, compared with pandas, with Picasso, and with h5py and numpy.

A million localizations, sorted by frame, in a field of 20.48 x 20.48 um; pixels of 20 nm, one time point. None lies
on the edge of a pixel. Every side reads the file and counts; before timing, a check requires exactly the same counts.
``smlmsim`` reads a table piece by piece, the others as a whole. Picasso, whose loader needs PyQt6, runs if it is
installed.
"""

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from smlmsim import io, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.sparse import bin_chunks

LOCALIZATIONS = 1_000_000
FIELD = FieldOfView(height_nm=20480, width_nm=20480)
FRAMES = 20_000
ACQUISITION = Acquisition(time_points=1, frames_per_point=FRAMES)
LIMITS = [(0, FIELD.height_nm), (0, FIELD.width_nm)]
CAMERA_PIXEL_NM = 128.0  # a power of two, so that converting pixels to nm is exact


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write the same table in every format, with the columns of ThunderSTORM."""
    rng = np.random.default_rng(0)
    size = LOCALIZATIONS
    columns = {
        name: (rng.integers(4 * 20480, size=size) / 4 + 0.125).astype("f4") for name in ("loc_y", "loc_x")
    }
    columns |= {"loc_sigma": rng.normal(130, 10, size).round(2).astype("f4")}
    columns |= {
        name: rng.gamma(4, 300, size).round(2).astype("f4") for name in ("loc_intensity", "loc_background")
    }
    columns |= {"loc_uncertainty": rng.gamma(9, 1.5, size).round(2).astype("f4")}
    frame = np.sort(rng.integers(FRAMES, size=size)).astype(np.int32)
    table = schema.dataset({"camera_pixel_nm": CAMERA_PIXEL_NM}, loc_frame=frame, **columns)
    folder = tmp_path_factory.mktemp("tables")
    for suffix in (".csv", ".smlm", ".hdf5"):
        io.write(table, folder / f"table{suffix}")
    return folder


def ours(path):
    return bin_chunks(io.chunks(path), FIELD, ACQUISITION).counts.values[0]


def by_pandas(path):
    table = pd.read_csv(path)
    return np.histogram2d(table["y [nm]"], table["x [nm]"], bins=FIELD.shape, range=LIMITS)[0]


def by_pandas_of_three_columns(path):
    table = pd.read_csv(path, usecols=["frame", "x [nm]", "y [nm]"])
    return np.histogram2d(table["y [nm]"], table["x [nm]"], bins=FIELD.shape, range=LIMITS)[0]


def by_h5py(path):
    """Read all records and the YAML file, then make a histogram in camera pixels."""
    with h5py.File(path, "r") as file:
        locs = file["locs"][...].view(np.recarray)
    info = list(yaml.safe_load_all(path.with_suffix(".yaml").read_text()))
    scaled = [(low / info[0]["Pixelsize"], high / info[0]["Pixelsize"]) for low, high in LIMITS]
    return np.histogram2d(locs.y, locs.x, bins=FIELD.shape, range=scaled)[0]


def by_picasso(path):
    """Use the reader and renderer of Picasso; skipped if it is not installed, since it needs a graphical interface."""
    reader = pytest.importorskip("picasso.io", exc_type=ImportError)
    renderer = pytest.importorskip("picasso.render", exc_type=ImportError)
    locs, info = reader.load_locs(str(path))
    whole = (0, 0), (FIELD.height_nm / CAMERA_PIXEL_NM, FIELD.width_nm / CAMERA_PIXEL_NM)
    return renderer.render(locs, info, disp_px_size=FIELD.pixel_nm, viewport=whole)[1]


@pytest.mark.parametrize(
    ("suffix", "count"),
    [
        (".csv", ours),
        (".csv", by_pandas),
        (".csv", by_pandas_of_three_columns),
        (".hdf5", ours),
        (".hdf5", by_h5py),
        (".hdf5", by_picasso),
        (".smlm", ours),
    ],
    ids=[
        "csv: smlmsim",
        "csv: pandas",
        "csv: pandas, 3 columns",
        "hdf5: smlmsim",
        "hdf5: h5py",
        "hdf5: Picasso",
        "smlm: smlmsim",
    ],
)
def test_table_to_image(benchmark, files, suffix, count):
    benchmark.group = "io: a table of 1e6 localizations to an image"
    path = files / f"table{suffix}"
    np.testing.assert_array_equal(count(path), ours(files / "table.smlm"))
    benchmark.extra_info["million localizations"] = LOCALIZATIONS / 1e6
    benchmark.pedantic(count, args=(path,), rounds=5, warmup_rounds=1)
