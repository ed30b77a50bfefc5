"""The density is the line integral of a Gaussian along the contour, wherever contour and pixels lie."""

import numpy as np
import pydantic
import pytest
from scipy.special import erf, ndtr

from smlmsim import schema
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.schema import SchemaError

FIELD = FieldOfView(height_nm=1280, width_nm=1600)


def structure(*filaments, dtype=np.float64):
    """Filaments at rest, each a list of (y, x) in nm."""
    vertices = np.concatenate([np.reshape(f, (-1, 2)) for f in filaments]).astype(dtype)
    numbers = np.repeat(np.arange(len(filaments), dtype=np.int32), [len(f) for f in filaments])
    return schema.dataset(vertex_y=vertices[:, 0], vertex_x=vertices[:, 1], filament=numbers)


def chain(rng, centre, bonds, bond_nm, persistence_nm=3000.0):
    """A worm-like chain around a centre."""
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, np.sqrt(bond_nm / persistence_nm), bonds))
    steps = bond_nm * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return path - path.mean(axis=0) + centre


def tangle(seed, field=FIELD, dtype=np.float64):
    """Chains of short, of pixel-sized and of very long segments, which cross the edges of the field."""
    rng = np.random.default_rng(seed)
    low = np.array([field.origin_y_nm, field.origin_x_nm]) - 200
    high = low + 400 + np.array([field.height_nm, field.width_nm])
    kinds = [(300, 7.0), (100, 25.6), (99, 33.3), (12, 120.0), (1, 5000.0)] * 3
    return structure(*(chain(rng, rng.uniform(low, high), *kind) for kind in kinds), dtype=dtype)


def segments(moving):
    """Start, direction and length of the segments of a structure at rest."""
    vertices = np.stack([moving.vertex_y.values, moving.vertex_x.values], axis=1).astype(float)
    within = np.diff(moving.filament.values) == 0
    start, step = vertices[:-1][within], np.diff(vertices, axis=0)[within]
    length = np.hypot(*step.T)
    return start, step / length[:, None], length


def line_integral(moving, field, sigma_nm):
    """The exact density at the pixel centres: a Gaussian across each segment, error functions along it."""
    density = np.zeros(field.shape)
    y, x = field.y_nm[:, None], field.x_nm
    for (y0, x0), (uy, ux), length in zip(*segments(moving), strict=True):
        along, across = (y - y0) * uy + (x - x0) * ux, (y - y0) * ux - (x - x0) * uy
        ends = erf(along / (np.sqrt(2) * sigma_nm)) - erf((along - length) / (np.sqrt(2) * sigma_nm))
        density += np.exp(-0.5 * (across / sigma_nm) ** 2) / (np.sqrt(2 * np.pi) * sigma_nm) * ends / 2
    return density


def blurred_length_in_view(moving, field, sigma_nm):
    """The integral of the density over the field, by the midpoint rule in steps of sigma / 10 at most."""
    low = np.array([field.origin_y_nm, field.origin_x_nm])
    high = low + np.array([field.height_nm, field.width_nm])
    seen_nm = 0.0
    for start, direction, length in zip(*segments(moving), strict=True):
        steps = int(np.ceil(10 * length / sigma_nm))
        points = start + np.outer((np.arange(steps) + 0.5) * length / steps, direction)
        seen = ndtr((high - points) / sigma_nm) - ndtr((low - points) / sigma_nm)
        seen_nm += seen.prod(axis=1).sum() * length / steps
    return seen_nm


def errors(found, expected):
    """Root mean square and greatest error, over the maximum."""
    difference = (found - expected) / expected.max()
    return np.sqrt(np.mean(difference**2)), np.abs(difference).max()


def length_nm(density, field):
    return float(density.values.sum(dtype=np.float64)) * field.pixel_nm**2


def test_density_is_the_line_integral_of_a_gaussian():
    moving = tangle(0, dtype=np.float32)
    rms, greatest = errors(
        Density().render(moving, FIELD).density.values, line_integral(moving, FIELD, sigma_nm=30)
    )
    assert rms < 5e-4
    assert greatest < 3e-3


@pytest.mark.parametrize(("longest_nm", "most"), [(1.0, 3e-3), (60.0, 3e-3), (200.0, 2.5e-3)])
def test_short_lines_are_right_of_their_own_maximum_wherever_they_lie(longest_nm, most):
    rng = np.random.default_rng(9)
    across, apart_px = 12, 24
    field = FieldOfView(height_nm=across * apart_px * 20, width_nm=across * apart_px * 20)
    corners = np.stack(np.divmod(np.arange(across**2), across), axis=1) * apart_px * 20
    centres = corners + apart_px * 10 + rng.uniform(-10, 10, corners.shape)
    angles, halves = rng.uniform(0, 2 * np.pi, across**2), rng.uniform(0.2, 1, across**2) * longest_nm / 2
    ways = np.stack([np.sin(angles), np.cos(angles)], axis=1) * halves[:, None]
    lines = structure(*np.stack([centres - ways, centres + ways], axis=1))
    found = Density().render(lines, field).density.values
    expected = line_integral(lines, field, sigma_nm=30)
    own = (across, apart_px, across, apart_px)
    greatest = np.abs(found - expected).reshape(own).max((1, 3)) / expected.reshape(own).max((1, 3))
    assert greatest.max() < most


@pytest.mark.parametrize("sigma_px", [0.1, 0.2, 0.39, 0.41, 0.7, 1.0, 1.19, 1.21, 2.0, 3.0, 8.0])
def test_density_is_right_for_any_sigma(sigma_px):
    moving = tangle(1)
    rms, greatest = errors(
        Density(sigma_nm=20 * sigma_px).render(moving, FIELD).density.values,
        line_integral(moving, FIELD, sigma_nm=20 * sigma_px),
    )
    assert rms < 1e-3
    assert greatest < 1e-2


@pytest.mark.parametrize(
    "field",
    [
        FieldOfView(height_nm=1280, width_nm=1600, pixel_nm=16, origin_y_nm=-777.7, origin_x_nm=1e6 + 0.3),
        FieldOfView(height_nm=37 * 23.7, width_nm=23.7, pixel_nm=23.7, origin_y_nm=1e5),
        FieldOfView(height_nm=1400, width_nm=2100, pixel_nm=70),
    ],
)
def test_density_is_right_for_any_pixel_and_origin(field):
    moving = tangle(2, field)
    rms, greatest = errors(
        Density().render(moving, field).density.values, line_integral(moving, field, sigma_nm=30)
    )
    assert rms < 1e-3
    assert greatest < 1e-2


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, np.pi / 2])
def test_one_long_segment_is_as_right_as_many_short_ones(angle):
    end = np.array([np.sin(angle), np.cos(angle)]) * 900
    one = structure(np.array([600.0, 700.0]) + np.outer([-1, 1], end))
    many = structure(np.array([600.0, 700.0]) + np.outer(np.linspace(-1, 1, 400), end))
    expected = line_integral(one, FIELD, sigma_nm=30)
    for moving in (one, many):
        rms, greatest = errors(Density().render(moving, FIELD).density.values, expected)
        assert rms < 1e-3
        assert greatest < 1e-2


@pytest.mark.parametrize("sigma_nm", [14.0, 30.0, 75.0])
def test_sum_over_pixels_is_the_contour_length(sigma_nm):
    rng = np.random.default_rng(3)
    moving = structure(*(chain(rng, rng.uniform(600, 700, 2), 24, 10.0) for _ in range(10)))
    found = length_nm(Density(sigma_nm=sigma_nm).render(moving, FIELD).density, FIELD)
    assert found == pytest.approx(10 * 24 * 10.0, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_sum_over_pixels_is_the_blurred_contour_length_in_view(seed):
    moving = tangle(seed)
    found = length_nm(Density().render(moving, FIELD).density, FIELD)
    # A sum over pixel centres is the midpoint rule: what runs along the edge of the field, where the
    # Gaussian is steepest, errs by pixel^2 / 24 times this slope. That is less than a tenth of the contour.
    steepest = np.exp(-0.5) / (np.sqrt(2 * np.pi) * 30**2)
    tolerance = 0.1 * FIELD.pixel_nm**2 / 24 * steepest
    assert found == pytest.approx(blurred_length_in_view(moving, FIELD, sigma_nm=30), rel=tolerance)


def test_contour_outside_of_the_field_blurs_into_it():
    along_the_edge = structure([(-1.0, -500.0), (-1.0, 2500.0)])
    density = Density().render(along_the_edge, FIELD).density
    peak = 1 / (np.sqrt(2 * np.pi) * 30)
    assert density[0].values == pytest.approx(peak * np.exp(-0.5 * (11 / 30) ** 2), rel=1e-2)


@pytest.mark.parametrize("sigma_px", [0.1, 0.41, 1.21, 1.5, 8.0])
def test_density_is_never_negative(sigma_px):
    assert (Density(sigma_nm=20 * sigma_px).render(tangle(1), FIELD).density >= 0).all()


def test_filaments_are_not_joined():
    first, second = [(200.0, 200.0), (200.0, 300.0)], [(900.0, 900.0), (1000.0, 900.0)]
    apart = Density().render(structure(first, second), FIELD).density
    assert length_nm(apart, FIELD) == pytest.approx(200, rel=1e-5)


def test_density_of_two_filaments_is_the_sum_of_their_densities():
    rng = np.random.default_rng(4)
    first, second = (chain(rng, (640, 800), 60, 20.0) for _ in range(2))
    both = Density().render(structure(first, second), FIELD).density
    each = [Density().render(structure(filament), FIELD).density for filament in (first, second)]
    np.testing.assert_allclose(both, each[0] + each[1], atol=1e-6 * float(both.max()))


def test_what_is_far_away_changes_nothing():
    rng = np.random.default_rng(5)
    seen = [chain(rng, (640, 800), 60, 20.0) for _ in range(3)]
    far = [chain(rng, centre, 300, 20.0) for centre in ((640, 1e5), (-1e6, 800), (3e4, 3e4), (1e9, -1e9))]
    alone, among_others = structure(*seen), structure(*far, *seen)
    assert Density().render(alone, FIELD).density.equals(Density().render(among_others, FIELD).density)
    assert not Density().render(structure(*far), FIELD).density.any()


def test_every_time_is_drawn_as_if_alone():
    rng = np.random.default_rng(6)
    rest = tangle(6, dtype=np.float32)
    y, x = (rest[n].values + rng.normal(0, 40, (9, 1)).astype(np.float32) for n in ("vertex_y", "vertex_x"))
    moving = schema.dataset(vertex_y=y, vertex_x=x, filament=rest.filament, time=np.arange(9) * 1.5)
    movie = Density().render(moving, FIELD)
    assert movie.density.dims == ("time", "y", "x")
    for t in range(9):
        assert (
            movie.density[t].values.tobytes()
            == Density().render(moving.isel(time=t), FIELD).density.values.tobytes()
        )
    every_third = Density().render(moving.isel(time=slice(1, None, 3)), FIELD)
    assert every_third.equals(movie.isel(time=slice(1, None, 3)))


@pytest.mark.parametrize("filaments", [[], [[(300.0, 300.0)]], [[(300.0, 300.0)], [(400.0, 400.0)]]])
def test_no_contour_has_no_density(filaments):
    moving = structure(*filaments) if filaments else structure([])
    density = Density().render(moving, FIELD).density
    assert density.shape == FIELD.shape
    assert not density.any()


def test_density_says_what_it_is_and_keeps_the_vertices():
    moving = tangle(7).assign_attrs(box_nm=[0.0, 0.0, 1.0, 1.0])
    truth = Density().render(moving, FIELD)
    assert truth.density.attrs["units"] == "nm-1"
    assert truth.density.dtype == np.float32
    np.testing.assert_array_equal(truth.y, FIELD.y_nm)
    np.testing.assert_array_equal(truth.x, FIELD.x_nm)
    assert truth.drop_vars(["density", "y", "x"]).identical(moving)


def test_a_drawn_structure_can_be_drawn_again_elsewhere():
    moving = tangle(8)
    elsewhere = FieldOfView(height_nm=600, width_nm=600, pixel_nm=30)
    drawn = Density().render(moving, FIELD)
    assert Density().render(drawn, elsewhere).identical(Density().render(moving, elsewhere))


def test_a_contour_too_thin_for_the_pixels_is_refused():
    with pytest.raises(
        ValueError, match=r"sigma_nm = 1.9 is too thin for pixels of 20 nm: set it to at least 2 nm"
    ):
        Density(sigma_nm=1.9).render(tangle(0), FIELD)


@pytest.mark.parametrize("sigma_nm", [0.0, -30.0, np.nan, np.inf])
def test_sigma_is_positive_and_finite(sigma_nm):
    with pytest.raises(pydantic.ValidationError):
        Density(sigma_nm=sigma_nm)


def test_vertices_that_are_not_finite_are_refused():
    moving = structure([(0.0, 0.0), (100.0, np.nan)])
    with pytest.raises(SchemaError, match="vertex_x holds 1 values"):
        Density().render(moving, FIELD)


def test_a_dataset_without_vertices_is_refused():
    with pytest.raises(SchemaError, match="no 'filament'"):
        Density().render(schema.dataset(vertex_y=[0.0], vertex_x=[0.0]), FIELD)
