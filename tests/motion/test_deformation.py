"""The deformation carries points by its polynomial, at the velocity that was asked for."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.motion.deformation import Deformation, coefficients
from smlmsim.rng import stream

FIELD = [100.0, -300.0, 2560.0, 1280.0]
BOX = [100.0 - 3000, -300.0 - 3000, 8560.0, 7280.0]
TIMES = np.arange(600) * 0.3


def lines(filaments=90, seed=0):
    """Straight filaments all over the box."""
    rng = stream(seed, "lines")
    centres = np.array(BOX[:2]) + rng.random((filaments, 2)) * np.array(BOX[2:])
    angles = rng.uniform(0, 2 * np.pi, (filaments, 1))
    along = np.linspace(-1500, 1500, 50)
    return schema.dataset(
        {"field_nm": FIELD, "box_nm": BOX},
        vertex_y=(centres[:, :1] + along * np.sin(angles)).ravel(),
        vertex_x=(centres[:, 1:] + along * np.cos(angles)).ravel(),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), 50),
    )


def inside(y, x):
    return (y >= FIELD[0]) & (y < FIELD[0] + FIELD[2]) & (x >= FIELD[1]) & (x < FIELD[1] + FIELD[3])


def velocity(moved, lag):
    """The definition, written down a second time: steps of ``lag`` rows of 0.3 s."""
    shape = (moved.sizes["time"], -1, 50)
    y, x = (moved[name].values.astype(float).reshape(shape) for name in ("vertex_y", "vertex_x"))
    across = np.stack([np.gradient(x, axis=2), -np.gradient(y, axis=2)])
    across /= np.hypot(*across)
    shift = np.stack([y[lag:] - y[:-lag], x[lag:] - x[:-lag]])
    period = np.array(BOX[2:]).reshape(2, 1, 1, 1)
    shift -= period * np.round(shift / period)
    seen = inside(y, x)[:-lag]
    seen[..., :5] = seen[..., -5:] = False
    return np.abs((shift * across[:, :-lag]).sum(axis=0))[seen].mean() / (0.3 * lag)


def test_the_displacement_in_the_field_is_the_polynomial():
    rng = stream(3, "points")
    points = np.array(FIELD[:2])[:, None] + rng.random((2, 200)) * np.array(FIELD[2:])[:, None]
    single = np.arange(200, dtype=np.int32)
    structure = schema.dataset({"field_nm": FIELD}, vertex_y=points[0], vertex_x=points[1], filament=single)
    motion = Deformation(velocity_nm_per_s=None, course="linear", alpha=1.5)
    moved = motion.move(structure, TIMES, stream(4, "motion"))
    terms = coefficients(1.5, stream(4, "motion"))
    y, x = (2 * (points[k] - FIELD[k]) / FIELD[2 + k] - 1 for k in range(2))
    powers = np.array([x**0, x, x**2, x**3, x**4, y, y**2, y**3, y**4])
    for k, name in enumerate(("vertex_y", "vertex_x")):
        expected = points[k] + FIELD[2 + k] / 2 * (terms[k] @ powers)
        rounding = np.abs(expected).max() * np.finfo(np.float32).eps
        np.testing.assert_allclose(moved[name].values[-1], expected, rtol=0, atol=rounding)
        np.testing.assert_allclose(moved[name].values[0], points[k], rtol=0, atol=rounding)


def test_the_kernel_agrees_with_the_polynomial_in_double_precision():
    from smlmsim.motion._deformation_kernels import _polynomial

    rng = np.random.default_rng(0)
    c, (y, x) = rng.uniform(-1, 1, 9), rng.uniform(-1, 1, 2)
    expected = sum(c[n] * x**n for n in range(5)) + sum(c[4 + n] * y**n for n in range(1, 5))
    assert _polynomial(c, y, x) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_absolute_coefficients_sum_to_less_than_alpha_uniformly(alpha):
    sums = np.concatenate(
        [np.abs(coefficients(alpha, stream(seed, "c"))).sum(axis=1) for seed in range(2000)]
    )
    assert sums.max() < alpha
    mean, sd = 0.9 * alpha, alpha * np.sqrt(9 / (10**2 * 11))
    assert abs(sums.mean() - mean) < 5 * sd / np.sqrt(sums.size)


@pytest.mark.parametrize("course", ["smooth", "linear"])
@pytest.mark.parametrize("wanted", [5.0, 60.0, 220.0])
def test_the_measured_velocity_is_the_wanted_one(course, wanted):
    motion = Deformation(velocity_nm_per_s=wanted, course=course)
    found = [
        velocity(motion.move(lines(seed=seed), TIMES, stream(seed, "motion")), lag=5) for seed in range(4)
    ]
    np.testing.assert_allclose(found, wanted, rtol=0.05)


def test_specks_of_two_vertices_have_the_wanted_velocity_too():
    rng = stream(5, "specks")
    centres = np.array(BOX[:2])[:, None] + rng.random((2, 4000)) * np.array(BOX[2:])[:, None]
    angle = rng.uniform(0, 2 * np.pi, 4000)
    ends = np.stack([centres, centres + np.stack([np.sin(angle), np.cos(angle)])], axis=2).reshape(2, -1)
    owner = np.repeat(np.arange(4000, dtype=np.int32), 2)
    specks = schema.dataset(
        {"field_nm": FIELD, "box_nm": BOX}, vertex_y=ends[0], vertex_x=ends[1], filament=owner
    )
    moved = Deformation(velocity_nm_per_s=80).move(specks, TIMES, stream(6, "motion"))
    y, x = moved.vertex_y.values.astype(float), moved.vertex_x.values.astype(float)
    along_y, along_x = y[:-5, 1::2] - y[:-5, ::2], x[:-5, 1::2] - x[:-5, ::2]
    dy, dx = ((d := v[5:, ::2] - v[:-5, ::2]) - p * np.round(d / p) for v, p in ((y, BOX[2]), (x, BOX[3])))
    across = np.abs(dy * along_x - dx * along_y) / np.hypot(along_y, along_x)
    assert across[inside(y, x)[:-5, ::2]].mean() / 1.5 == pytest.approx(80, rel=0.05)


def test_velocity_zero_is_static():
    moved = Deformation(velocity_nm_per_s=0).move(lines(), TIMES, stream(0, "motion"))
    assert (moved.vertex_y == moved.vertex_y[0]).all()
    assert (moved.vertex_x == moved.vertex_x[0]).all()


def test_nothing_jumps_within_the_field():
    moved = Deformation(velocity_nm_per_s=220, alpha=4).move(lines(), TIMES, stream(1, "motion"))
    y, x = moved.vertex_y.values, moved.vertex_x.values
    jump = np.hypot(np.diff(y, axis=0), np.diff(x, axis=0))
    seen = inside(y[:-1], x[:-1]) | inside(y[1:], x[1:])
    assert jump[seen].max() < 20 * 220 * 0.3
    assert jump.max() > 4000


def test_the_field_stays_populated_at_high_velocity():
    moved = Deformation(velocity_nm_per_s=220).move(lines(), TIMES, stream(2, "motion"))
    seen = inside(moved.vertex_y.values, moved.vertex_x.values).sum(axis=1)
    assert seen.min() > 0.2 * seen.mean()


def test_a_structure_out_of_the_field_has_no_velocity_there():
    away = schema.dataset({"field_nm": FIELD}, vertex_y=[9e4, 9e4], vertex_x=[0.0, 50.0], filament=[0, 0])
    with pytest.raises(ValueError, match="no part of the structure is in the field"):
        Deformation().move(away, TIMES, stream(0, "motion"))


def test_a_structure_that_is_only_in_the_box_moves_at_the_velocity_there():
    few = lines(filaments=90)
    away = np.repeat(~inside(few.vertex_y.values, few.vertex_x.values).reshape(90, 50).any(axis=1), 50)
    beyond = few.vertex_y.values > FIELD[0] + FIELD[2] + 1500
    chosen = np.flatnonzero(away & np.repeat(beyond.reshape(90, 50).all(axis=1), 50))
    moved = Deformation(velocity_nm_per_s=20).move(few.isel(vertex=chosen), TIMES[:20], stream(0, "motion"))
    assert 0 < np.abs(np.diff(moved.vertex_y.values, axis=0)).mean() < 20 * 0.3 * 2


@pytest.mark.parametrize("alpha", [0, -1])
def test_alpha_that_is_not_positive_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        Deformation(alpha=alpha)
