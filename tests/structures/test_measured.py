"""A measured structure is a patch of a table, whole, turned, and mirrored into a periodic plane."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.rng import stream
from smlmsim.structures.measured import Measured

FIELD = FieldOfView(height_nm=800, width_nm=1200)


def write(path, y, x):
    rows = "".join(f"{i + 1},{b:.3f},{a:.3f}\n" for i, (a, b) in enumerate(zip(y, x, strict=True)))
    path.write_text('"frame","x [nm]","y [nm]"\n' + rows)
    return path


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(1)
    return write(tmp_path / "table.csv", *(rng.random((2, 5000)) * [[4000], [5000]]))


def centres(structure):
    y, x = structure.vertex_y.values, structure.vertex_x.values
    return (y[::2] + y[1::2]) / 2, (x[::2] + x[1::2]) / 2


def test_a_localization_is_a_speck_of_one_nanometre(table):
    structure = Measured(table=table).build(FIELD, stream(0, "structure"))
    y, x = structure.vertex_y.values, structure.vertex_x.values
    np.testing.assert_allclose(np.hypot(y[1::2] - y[::2], x[1::2] - x[::2]), 1, rtol=1e-9)


def test_the_patch_keeps_the_density_of_the_table_at_any_angle(table):
    expected = 5000 / (4000 * 5000) * 800 * 1200
    inside = [
        FIELD.contains(*centres(Measured(table=table).build(FIELD, stream(seed, "structure")))).sum()
        for seed in range(60)
    ]
    assert abs(np.mean(inside) - expected) < 5 * np.sqrt(expected / 60)


def test_the_plane_is_mirrored_at_the_borders_of_the_field(table):
    y, x = centres(Measured(table=table).build(FIELD, stream(2, "structure")))
    found = {(round(a, 3), round(b, 3)) for a, b in zip(y, x, strict=True)}
    assert len(found) > 300
    for a, b in list(found)[:300]:
        mirror = -a if a < 400 else 1600 - a
        assert (round(mirror, 3), b) in found


def test_a_table_as_large_as_the_field_gives_its_own_dense_image_back(tmp_path):
    rng = np.random.default_rng(3)
    y, x = rng.random((2, 3000)) * [[800], [1200]]
    structure = Measured(table=write(tmp_path / "t.csv", y, x)).build(FIELD, stream(0, "structure"))
    found = Density(sigma_nm=60).render(structure, FIELD).density.values * FIELD.pixel_nm**2
    counts = np.histogram2d(y, x, bins=FIELD.shape, range=[[0, 800], [0, 1200]])[0]
    expected = gaussian_filter(counts, 3.0, mode="reflect")
    turned = [expected, expected[::-1, ::-1]]
    errors = [np.sqrt(np.mean((found - image) ** 2)) / expected.max() for image in turned]
    assert min(errors) < 0.02


def test_a_table_smaller_than_the_field_is_refused(table):
    with pytest.raises(
        ValueError, match=r"table\.csv covers 39.. x 49.. nm, less than the field of 6000 x 1200"
    ):
        Measured(table=table).build(FieldOfView(height_nm=6000, width_nm=1200), stream(0, "structure"))


def test_a_table_with_too_little_in_it_is_refused(table):
    with pytest.raises(ValueError, match="holds 4000 localizations; ask for fewer"):
        Measured(table=table, least=4000).build(FIELD, stream(0, "structure"))
