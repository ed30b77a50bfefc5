"""A table in three dimensions and two channels, and a movie under it."""

import numpy as np
import pytest

from smlmsim import io, schema
from smlmsim.viewer import Cloud, Scene
from smlmsim.viewer.movies import read_movies

NUMBER = 5000
ROOM = 300


@pytest.fixture(scope="package")
def table():
    """More localizations in the upper left than elsewhere, some without a precision or z."""
    rng = np.random.default_rng(0)
    uncertainty, z = rng.gamma(6, 2, NUMBER), rng.normal(0, 200, NUMBER)
    uncertainty[::10], z[::7] = np.nan, np.nan
    return schema.dataset(
        {"exposure_s": 0.05, "channels": ["red", "far red"]},
        loc_frame=np.sort(rng.integers(3, 1000, NUMBER)).astype(np.int32),
        loc_y=rng.gamma(2, 2000, NUMBER).astype(np.float32),
        loc_x=rng.gamma(2, 2000, NUMBER).astype(np.float32),
        loc_z=z.astype(np.float32),
        loc_uncertainty=uncertainty.astype(np.float32),
        loc_channel=rng.integers(0, 2, NUMBER).astype(np.int32),
    )


@pytest.fixture(scope="package")
def cloud(table):
    return Cloud.of(
        [table.isel(localization=slice(0, 1234)), table.isel(localization=slice(1234, None))], room=ROOM
    )


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """Three time points of 20 s, each a brighter image."""
    path = tmp_path_factory.mktemp("stack") / "estimate.tif"
    brightness = np.ones((3, 40, 50), np.float32) * np.float32([[[1]], [[2]], [[4]]])
    movie = schema.dataset(
        density=brightness,
        time=[10.0, 30.0, 50.0],
        y=np.arange(40) * 200.0 + 100,
        x=np.arange(50) * 200.0 + 100,
    )
    io.write(movie.density, path)
    return path


@pytest.fixture(scope="package")
def scene(cloud, stack):
    return Scene("a <b>table</b>", cloud, tuple(read_movies(stack)))


@pytest.fixture(scope="package")
def unpacked():
    """A function that gives the columns of a tile, as the page takes them apart."""

    def unpack(about, number, part):
        count, offset, found = about["cloud"]["tiles"]["count"][number], 0, {}
        for name, dtype in about["cloud"]["columns"]:
            found[name] = np.frombuffer(part, dtype, count, offset)
            offset += found[name].nbytes
        assert offset == len(part)
        return found

    return unpack
