"""The shape of a structure tells structures apart, whatever their rotation and the number of localizations."""

import json
from pathlib import Path

import numpy as np
import pytest

from smlmsim import io, schema
from smlmsim.catalogue.adding import add
from smlmsim.catalogue.index import opened
from smlmsim.catalogue.shape import EDGES_NM, LEAST, RINGS_NM, Shape, likeness
from smlmsim.io.reading import Reading
from smlmsim.pipeline import SemiSimulated, simulate

DATA = Path(__file__).parents[3] / "shared" / "data"
MEASURED = (
    "fixed_microtubules_decodestorm_2.9um", "fixed_microtubules_luckyprofiler_10um",
    "fixed_mitochondria_tom22_2.56um", "live_ftsz_dendra2_5um",
)  # fmt: skip
KINDS = ("microtubules", "mitochondria", "actin_bundles", "nuclear_pores")
SIDE_NM = 4000.0


def observed(kind, seed):
    """The localizations of a structure at rest."""
    study = SemiSimulated().replace({
        "structure": {"kind": kind}, "motion.velocity_nm_per_s": 0.0, "acquisition.time_points": 20 + 10 * seed,
        "field.height_nm": 3840.0, "field.width_nm": 3840.0, "localization.precision_nm": 10.0 + 10 * seed,
        "photophysics.rate_hz": 100.0 * 2**seed,
    })  # fmt: skip
    return simulate(study, seed).observation


def uniform(rng, number):
    return rng.uniform(0, SIDE_NM, (2, number))


def table(y, x):
    return schema.dataset(loc_y=np.asarray(y, float), loc_x=np.asarray(x, float))


def filaments(rng, number):
    """Localizations on 25 straight lines across the field."""
    line = rng.integers(0, 25, number)
    angle, offset = rng.uniform(0, np.pi, 25)[line], rng.uniform(-1500, 1500, 25)[line]
    along = rng.uniform(-2500, 2500, number)
    y = 2000 + along * np.sin(angle) + offset * np.cos(angle) + rng.normal(0, 10, number)
    x = 2000 + along * np.cos(angle) - offset * np.sin(angle) + rng.normal(0, 10, number)
    inside = (np.minimum(y, x) > 0) & (np.maximum(y, x) < SIDE_NM)
    return y[inside], x[inside]


def test_the_most_alike_table_is_of_the_same_structure():
    found = [(kind, Shape.of(observed(kind, seed))) for kind in KINDS for seed in range(2)]
    for kind, shape in found:
        others = [(likeness(shape, other), name) for name, other in found if other is not shape]
        assert max(others)[1] == kind


@pytest.mark.skipif(not DATA.is_dir(), reason="there are no measured tables beside the repository")
def test_measured_microtubules_of_two_laboratories_are_most_alike():
    found = list(
        map(Shape.of, (io.read(DATA / f"{name}.csv", Reading(exposure_s=0.03)) for name in MEASURED))
    )
    for one, other in ((0, 1), (1, 0)):
        alike = [likeness(found[one], shape) if shape is not found[one] else 0 for shape in found]
        assert np.argmax(alike) == other


def test_localizations_at_random_have_no_correlation():
    shape = Shape.of(table(*uniform(np.random.default_rng(0), 40_000)))
    pairs = 40_000**2 / 2 * np.pi * np.diff(EDGES_NM**2) / SIDE_NM**2
    np.testing.assert_allclose(shape.correlation, 1, atol=5 * pairs.min() ** -0.5 + 2e-3)
    np.testing.assert_allclose([*shape.polar, *shape.nematic], 0, atol=0.01)


def test_along_straight_lines_directions_are_equal_or_opposite():
    y = np.repeat(np.arange(200.0, 4000, 1300), 4000)
    x = np.random.default_rng(0).uniform(0, SIDE_NM, y.size)
    shape = Shape.of(table(np.r_[0, y, SIDE_NM], np.r_[0, x, SIDE_NM]))
    np.testing.assert_allclose(shape.nematic, 1, atol=0.02)
    np.testing.assert_allclose(shape.polar, 0, atol=0.02)


def test_neither_rotation_nor_thinning_nor_background_changes_the_shape_much():
    rng = np.random.default_rng(1)
    y, x = filaments(rng, 60_000)
    whole = Shape.of(table(y, x))
    thin = rng.permutation(y.size)[: y.size // 8]
    behind = uniform(rng, y.size // 5)
    changed = {
        "turned": Shape.of(table(x, SIDE_NM - y)),
        "thinned": Shape.of(table(y[thin], x[thin])),
        "with background": Shape.of(table(np.r_[y, behind[0]], np.r_[x, behind[1]])),
    }
    alike = {name: likeness(whole, shape) for name, shape in changed.items()}
    assert alike["turned"] > 0.97
    assert min(alike.values()) > likeness(whole, Shape.of(observed("nuclear_pores", 0))) + 0.2
    np.testing.assert_allclose(changed["thinned"].correlation, whole.correlation, rtol=0.1)


def test_a_large_field_is_described_in_windows_and_strays_do_not_count():
    rng = np.random.default_rng(2)
    far = np.array([[60_000], [90_000]])
    y, x = np.concatenate([uniform(rng, 20_000), uniform(rng, 20_000) + far], axis=1)
    shape = Shape.of(table(np.r_[y, 1e9], np.r_[x, -1e9]))
    assert np.isfinite(shape.correlation).all()
    assert max(shape.correlation) < 20


def test_what_is_too_small_is_not_described_and_parts_of_it_are_not_compared():
    rng = np.random.default_rng(3)
    assert Shape.of(table(*uniform(rng, LEAST - 1))) is None
    small = Shape.of(table(*uniform(rng, 2000) / 20))
    assert np.isnan(small.nematic[-1])
    assert likeness(small, small) is None
    assert (
        likeness(Shape.of(table(*uniform(rng, 2000) / 4)), Shape.of(table(*uniform(rng, 2000)))) is not None
    )


def test_of_two_channels_the_larger_is_described():
    rng = np.random.default_rng(4)
    y, x = filaments(rng, 20_000)
    other = uniform(rng, 5000)
    both = table(np.r_[y, other[0]], np.r_[x, other[1]])
    channel = np.repeat([3, 5], [y.size, 5000])
    assert Shape.of(both.assign(loc_channel=("localization", channel))) == Shape.of(table(y, x))


def test_a_shape_is_read_as_it_was_written_and_nothing_else_is():
    shape = Shape((np.nan, *map(float, range(2, 13))), (0.1,) * 4, (0.2,) * 4)
    assert str(Shape.read(json.dumps(shape))) == str(shape)
    for text in ("{}", "[1, 2, 3]", "[[1], [2], [3]]", "[", '[["a"], [1], [1]]', "null"):
        with pytest.raises(ValueError, match="no shape of a structure"):
            Shape.read(text)
    assert len(RINGS_NM) == 4


def test_tables_of_an_older_catalogue_are_described_when_they_are_added_again(tmp_path, caplog):
    import sqlite3

    from table_file import table_file

    from smlmsim.catalogue.query import similar

    files = [table_file(tmp_path / f"{name}.smlm", 900) for name in "ab"]
    place = tmp_path / "c"
    with opened(place, make=True) as index:
        add(index, files, Reading())
        assert len(index.shapes()) == 2
    with sqlite3.connect(place) as connection:
        connection.execute("DROP TABLE shape")
    caplog.set_level("INFO")
    with opened(place) as index:
        assert similar(index, index.entries()[0]) == []
    assert "the shapes of 2 tables are not in the catalogue; adding them again describes them" in caplog.text
    with opened(place, make=True) as index:
        assert add(index, files, Reading()).added == 2
        assert add(index, files, Reading()).unchanged == 2
        assert all(index.shapes().values())
        ((share, _),) = similar(index, index.entries()[0])
    assert 0 < share <= 1
