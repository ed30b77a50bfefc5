"""A rigid structure shifts at the wanted velocity and keeps its shape."""

import numpy as np
import pydantic
import pytest

from smlmsim import estimate, schema
from smlmsim.motion.rigid import Rigid
from smlmsim.rng import stream

POINT_S = 1.5
TIMES_S = np.arange(31) * POINT_S
BOX_NM = [-1000.0, -500.0, 6000.0, 5000.0]
F32_NM = 6000 * 2.0**-23


def _chains(filaments=40, vertices=60, bond_nm=50.0, spread=0.05, **attrs):
    """Semiflexible chains with their centres of mass in the box."""
    rng = stream(3, "chains")
    angles = rng.uniform(0, 2 * np.pi, (filaments, 1)) + np.cumsum(
        spread * rng.standard_normal((filaments, vertices)), axis=1
    )
    y, x = (np.cumsum(bond_nm * part, axis=1) for part in (np.sin(angles), np.cos(angles)))
    centres = np.array(BOX_NM[:2]) + rng.random((filaments, 2)) * np.array(BOX_NM[2:])
    y += centres[:, :1] - y.mean(axis=1, keepdims=True)
    x += centres[:, 1:] - x.mean(axis=1, keepdims=True)
    return schema.dataset(
        attrs,
        vertex_y=y.ravel(),
        vertex_x=x.ravel(),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), vertices),
    )


def _row(angle_deg, vertices=20):
    """One straight filament."""
    along, angle = 50.0 * np.arange(vertices), np.radians(angle_deg)
    return schema.dataset(
        vertex_y=along * np.sin(angle),
        vertex_x=along * np.cos(angle),
        filament=np.zeros(vertices, dtype=np.int32),
    )


@pytest.mark.parametrize("velocity", [5.0, 60.0, 220.0])
@pytest.mark.parametrize("box", [{}, {"box_nm": BOX_NM}])
def test_the_velocity_along_the_normals_is_the_wanted_one_at_any_lag(velocity, box):
    moving = Rigid(velocity_nm_per_s=velocity).move(_chains(**box), TIMES_S, stream(0, "motion"))
    for lag in (1, 4):
        found = estimate.contour_velocity(moving, lag * POINT_S)
        resolution = 4 * F32_NM / (lag * POINT_S)
        assert found.normal_nm_per_s == pytest.approx(velocity, rel=1e-4, abs=resolution)
        assert found.normal_rms_nm_per_s == pytest.approx(
            moving.velocity_rms_nm_per_s, rel=1e-4, abs=resolution
        )
        assert found.full_nm_per_s == pytest.approx(moving.speed_nm_per_s, rel=1e-4, abs=resolution)


def test_velocities_move_the_same_structure_the_same_way():
    structure = _chains()
    slow, fast = (
        Rigid(velocity_nm_per_s=v).move(structure, TIMES_S, stream(4, "motion")) for v in (30.0, 60.0)
    )
    for name in ("vertex_y", "vertex_x"):
        np.testing.assert_allclose(slow[name][-1], (fast[name][0] + fast[name][-1]) / 2, atol=4 * F32_NM)


def test_zero_velocity_is_exactly_static():
    structure = _chains(box_nm=BOX_NM)
    moving = Rigid(velocity_nm_per_s=0).move(structure, TIMES_S, stream(0, "motion"))
    assert (moving.vertex_y.values == structure.vertex_y.values.astype(np.float32)).all()
    assert moving.speed_nm_per_s == 0


def test_the_shape_is_kept_and_the_first_time_is_as_built():
    structure = _chains()
    moving = Rigid().move(structure, 100 + TIMES_S, stream(0, "motion"))
    for name in ("vertex_y", "vertex_x"):
        assert (moving[name][0].values == structure[name].values.astype(np.float32)).all()
        shift = moving[name].values.astype(np.float64) - structure[name].values
        assert np.ptp(shift, axis=1).max() < 4 * F32_NM


def test_direction_counts_from_the_x_axis_towards_the_y_axis():
    structure = _row(angle_deg=0)
    moving = Rigid(velocity_nm_per_s=10, direction_deg=90).move(
        structure, np.array([0, 2]), stream(0, "motion")
    )
    np.testing.assert_allclose(moving.vertex_y.values[1] - structure.vertex_y.values, 20, rtol=1e-6)
    np.testing.assert_allclose(moving.vertex_x.values[1], structure.vertex_x.values, atol=1e-4)


def test_a_slanted_direction_needs_the_speed_that_its_normal_part_asks_for():
    moving = Rigid(velocity_nm_per_s=10, direction_deg=30).move(
        _row(angle_deg=0), TIMES_S, stream(0, "motion")
    )
    assert moving.speed_nm_per_s == pytest.approx(10 / np.sin(np.radians(30)))


def test_directions_of_seeds_are_uniform():
    seeds, structure = 400, _row(angle_deg=0)
    shifts = []
    for seed in range(seeds):
        moving = Rigid().move(structure, TIMES_S[:2], stream(seed, "motion"))
        shift = np.array([moving[name].values[1, 0] for name in ("vertex_y", "vertex_x")])
        shifts.append(shift / np.hypot(*shift))
    for harmonic in (1, 2):
        turns = np.exp(1j * harmonic * np.arctan2(*np.transpose(shifts)))
        assert abs(turns.mean()) < 5 / np.sqrt(seeds)


def test_filaments_wrap_as_a_whole_by_their_centre_of_mass():
    structure = _chains(box_nm=BOX_NM)
    free = Rigid().move(structure.drop_attrs(), TIMES_S, stream(0, "motion"))
    wrapped = Rigid().move(structure, TIMES_S, stream(0, "motion"))
    jumps = 0
    for name, origin, period in zip(("vertex_y", "vertex_x"), BOX_NM[:2], BOX_NM[2:], strict=True):
        periods = ((wrapped[name].values - free[name].values) / period).reshape(TIMES_S.size, 40, 60)
        np.testing.assert_allclose(
            periods, np.round(periods[..., :1]).repeat(60, -1), atol=8 * F32_NM / period
        )
        centre = wrapped[name].values.reshape(periods.shape).mean(axis=2, dtype=np.float64)
        assert ((centre > origin - F32_NM) & (centre < origin + period + F32_NM)).all()
        jumps += np.count_nonzero(np.round(periods))
    assert jumps > 0


def test_a_direction_along_the_structure_is_refused():
    with pytest.raises(ValueError, match=r"is parallel to the direction 30 degrees.*choose another"):
        Rigid(direction_deg=30).move(_row(angle_deg=30), TIMES_S, stream(0, "motion"))


def test_a_contour_without_a_middle_has_no_velocity():
    with pytest.raises(ValueError, match="two vertices has no central part"):
        Rigid().move(_row(angle_deg=30, vertices=2), TIMES_S, stream(0, "motion"))


def test_a_scattered_filament_is_refused():
    structure = _chains(filaments=2, vertices=4)
    with pytest.raises(ValueError, match="not contiguous; sort the structure by filament"):
        Rigid().move(structure.isel(vertex=[0, 4, 1, 5, 2, 6]), TIMES_S, stream(0, "motion"))


def test_an_empty_structure_is_refused():
    with pytest.raises(ValueError, match="no filament to move"):
        Rigid().move(_chains().isel(vertex=[]), TIMES_S, stream(0, "motion"))


def test_a_negative_velocity_is_refused():
    with pytest.raises(pydantic.ValidationError, match="velocity_nm_per_s"):
        Rigid(velocity_nm_per_s=-1)


def test_a_structure_that_moves_already_is_refused():
    moving = Rigid().move(_chains(), TIMES_S, stream(0, "motion"))
    with pytest.raises(schema.SchemaError, match="moves already"):
        Rigid().move(moving, TIMES_S, stream(0, "motion"))
