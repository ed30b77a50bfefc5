"""What is measured on data agrees with what was put in."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlmsim import estimate, schema
from smlmsim.field import FieldOfView
from smlmsim.rng import stream

SIGMAS = 5.0


def _localizations(rng, number, frames, field, **attrs):
    return schema.dataset(
        attrs,
        loc_frame=np.sort(rng.integers(frames, size=number)).astype(np.int32),
        loc_y=(field.origin_y_nm + rng.random(number) * field.height_nm).astype(np.float32),
        loc_x=(field.origin_x_nm + rng.random(number) * field.width_nm).astype(np.float32),
    )


def _rods(times_s, *, angle=0.3, velocity=(0.0, 0.0), spin=0.0, vertices=11, filaments=3, **attrs):
    """Straight filaments of 1 um that move alike: velocity (y, x) in nm/s, spin in rad/s."""
    along = np.tile(np.linspace(-500, 500, vertices), filaments)
    centre = np.repeat(1000.0 * np.arange(filaments), vertices)
    angles = angle + spin * times_s[:, None]
    return schema.dataset(
        attrs,
        vertex_y=centre + velocity[0] * times_s[:, None] + along * np.sin(angles),
        vertex_x=centre + velocity[1] * times_s[:, None] + along * np.cos(angles),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), vertices),
        time=times_s,
    )


def test_rate_is_found_within_its_standard_error():
    field, exposure_s, frames, rate_hz = FieldOfView(), 0.03, 10_000, 200.0
    rng = stream(1, "rate")
    number = rng.poisson(rate_hz * frames * exposure_s)
    found = estimate.localization_rate(_localizations(rng, number, frames, field, exposure_s=exposure_s))
    assert found.rate_hz == pytest.approx(rate_hz, abs=SIGMAS * found.rate_error_hz)
    assert found.rate_error_hz == pytest.approx(math.sqrt(rate_hz / (frames * exposure_s)), rel=0.05)


def test_the_rate_is_that_of_the_recorded_interval():
    field, exposure_s = FieldOfView(), 0.03
    table = _localizations(stream(3, "rate"), 3000, 3000, field, exposure_s=exposure_s)
    later = table.assign(loc_frame=table.loc_frame + 100_000)
    wanted = 3000 / (3000 * exposure_s)
    for found in (table, later):
        assert estimate.localization_rate(found).rate_hz == pytest.approx(wanted, rel=0.01)
        assert all(part.rate_hz > 0.7 * wanted for part in estimate.localization_rates(found))
        assert estimate.summarise([found]).rate_hz(exposure_s) == pytest.approx(wanted, rel=0.01)
        assert estimate.summarise([found]).rate_per_frame() == pytest.approx(1, rel=0.3)
    known = table.assign_attrs(frames=6000)
    assert estimate.localization_rate(known).rate_hz == pytest.approx(wanted / 2, rel=0.01)


def test_a_field_without_stray_localizations_is_the_shortest_that_holds_the_rest():
    y = np.append(np.linspace(0, 1000, 999), 5e7)
    table = schema.dataset(loc_y=y, loc_x=np.linspace(0, 1000, 1000))
    field = estimate.field_of_view(table)
    with pytest.raises(
        ValueError,
        match=r"since 1 of 1000 lie far outside .* at x = 1000 nm, y = 5e\+07 nm; .*coverage=0.999",
    ):
        estimate.require_no_strays(table, field)
    smaller = estimate.field_of_view(table, coverage=0.999)
    assert (smaller.height_nm, smaller.width_nm) == (1020, 1020)
    estimate.require_no_strays(table, smaller)


def test_standard_error_is_the_spread_of_poisson_counts():
    field, exposure_s, frames, movies = FieldOfView(), 0.03, 300, 400
    rng = stream(2, "rate")
    numbers = rng.poisson(50.0 * frames * exposure_s, size=movies)
    found = [
        estimate.localization_rate(_localizations(rng, n, frames, field), exposure_s=exposure_s, field=field)
        for n in numbers
    ]
    spread = np.std([rate.rate_hz for rate in found])
    claimed = np.mean([rate.rate_error_hz for rate in found])
    assert spread / claimed == pytest.approx(1, abs=SIGMAS / math.sqrt(2 * movies))


def test_rate_per_reference_field_does_not_depend_on_how_much_is_seen():
    whole = FieldOfView(height_nm=5120, width_nm=5120)
    quarter = FieldOfView(height_nm=2560, width_nm=2560, origin_y_nm=1280, origin_x_nm=640)
    table = _localizations(stream(3, "rate"), 40_000, 2000, whole)
    wide = estimate.localization_rate(table, exposure_s=0.01, field=whole)
    narrow = estimate.localization_rate(table, exposure_s=0.01, field=quarter)
    assert wide.reference_hz == pytest.approx(wide.rate_hz / 4)
    assert narrow.reference_hz == pytest.approx(narrow.rate_hz)
    assert narrow.reference_hz == pytest.approx(wide.reference_hz, abs=SIGMAS * narrow.reference_error_hz)


def test_rates_over_time_are_found_within_their_standard_errors_and_add_up():
    field, exposure_s, frames = FieldOfView(), 0.03, 10_000
    rng = stream(8, "rate")
    bleaching = frames * rng.beta(1, 3, size=20_000)
    table = _localizations(rng, bleaching.size, frames, field, exposure_s=exposure_s)
    table["loc_frame"][:] = np.sort(bleaching.astype(np.int32))
    table["loc_frame"][-1] = frames - 1
    found = estimate.localization_rates(table, stretches=5, field=field)
    edges = np.linspace(0, 1, 6)
    wanted = 20_000 * np.diff(1 - (1 - edges) ** 3) / (frames / 5 * exposure_s)
    for rate, expected in zip(found, wanted, strict=True):
        assert rate.rate_hz == pytest.approx(expected, abs=SIGMAS * rate.rate_error_hz)
    whole = estimate.localization_rate(table, field=field)
    assert np.mean([rate.rate_hz for rate in found]) == pytest.approx(whole.rate_hz)
    with pytest.raises(ValueError, match="stretches=10001 for a movie of 10000 frames"):
        estimate.localization_rates(table, stretches=10_001)


def test_rate_says_what_it_lacks():
    table = _localizations(stream(4, "rate"), 10, 5, FieldOfView())
    with pytest.raises(ValueError, match="the duration of a camera frame, must be positive, found None"):
        estimate.localization_rate(table)
    with pytest.raises(ValueError, match=r"found -0\.03"):
        estimate.localization_rate(table, exposure_s=-0.03)
    with pytest.raises(ValueError, match="none of 10 localizations lies in the field"):
        estimate.localization_rate(table, exposure_s=0.03, field=FieldOfView(origin_y_nm=9e6))


coordinates_nm = st.floats(-1e5, 1e5, width=32)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 20), st.just(2)), elements=coordinates_nm),
    st.sampled_from([20.0, 23.7, 100.0, 0.1 * 333, 1000 / 7]),
)
def test_field_covers_every_localization_and_lies_on_the_pixel_grid(positions, pixel_nm):
    table = schema.dataset(loc_y=positions[:, 0], loc_x=positions[:, 1])
    field = estimate.field_of_view(table, pixel_nm=pixel_nm)
    assert field.contains(*positions.T.astype(np.float64)).all()
    for origin in (field.origin_y_nm, field.origin_x_nm):
        assert origin / pixel_nm == pytest.approx(round(origin / pixel_nm), abs=1e-9)
    for size_nm, found in zip((field.height_nm, field.width_nm), np.ptp(positions, axis=0), strict=True):
        assert size_nm <= found + 2 * pixel_nm * (1 + 1e-9)


def test_coverage_leaves_out_stray_localizations():
    table = _localizations(stream(5, "field"), 10_000, 100, FieldOfView())
    table["loc_y"][:3] = 1e6
    assert estimate.field_of_view(table).height_nm > 9e5
    field = estimate.field_of_view(table, coverage=0.999)
    assert (field.height_nm, field.width_nm) == (2560, 2560)


def test_field_says_what_is_wrong_with_its_localizations():
    table = schema.dataset(loc_y=np.array([0.0, 1e9]), loc_x=np.array([0.0, 1e9]))
    with pytest.raises(ValueError, match=r"stretch over 5e\+07 x 5e\+07 pixels .* coverage=0\.999"):
        estimate.field_of_view(table)
    with pytest.raises(ValueError, match="there are no localizations"):
        estimate.field_of_view(table.isel(localization=slice(0)))
    with pytest.raises(
        ValueError, match=r"coverage must be in \(0, 1\] and pixel_nm positive, found 2 and 20"
    ):
        estimate.field_of_view(table, coverage=2)


@pytest.mark.parametrize("lag", [1, 3])
def test_velocity_is_the_shift_along_the_normal(lag):
    times_s, angle, velocity = np.arange(20) * 1.5, 0.3, (40.0, -25.0)
    found = estimate.contour_velocity(_rods(times_s, angle=angle, velocity=velocity), lag * 1.5)
    normal = abs(velocity[0] * math.cos(angle) - velocity[1] * math.sin(angle))
    assert found.lag_s == lag * 1.5
    assert found.normal_nm_per_s == pytest.approx(normal)
    assert found.normal_rms_nm_per_s == pytest.approx(normal)
    assert found.full_nm_per_s == pytest.approx(math.hypot(*velocity))


def test_velocity_of_a_still_structure_is_zero():
    assert estimate.contour_velocity(_rods(np.arange(3) * 0.3), 0.3)[1:] == (0, 0, 0)


def test_velocity_counts_the_central_part_of_the_contour():
    """A rod of length L that turns at w moves by w s at s: the mean of |s| below 0.4 L is 0.2 L."""
    times_s, length_nm, spin = np.arange(5) * 0.01, 1000.0, 0.02
    found = estimate.contour_velocity(_rods(times_s, spin=spin, vertices=2001), 0.01)
    assert found.normal_nm_per_s == pytest.approx(spin * 0.2 * length_nm, rel=2e-3)
    assert found.normal_rms_nm_per_s == pytest.approx(spin * 0.4 * length_nm / math.sqrt(3), rel=2e-3)


def test_velocity_of_a_brownian_path_falls_with_the_root_of_the_lag():
    """For a shift of variance 2 D lag along the normal, the mean of |shift| / lag is sqrt(4 D / (pi lag))."""
    steps, filaments, diffusion_nm2_per_s, step_s = 400, 200, 300.0, 0.5
    rng = stream(6, "velocity")
    times_s = step_s * np.arange(steps)
    moving = _rods(times_s, filaments=filaments, vertices=5)
    for name in ("vertex_y", "vertex_x"):
        jumps = math.sqrt(2 * diffusion_nm2_per_s * step_s) * rng.standard_normal((steps, filaments))
        moving[name] = moving[name] + np.repeat(np.cumsum(jumps, axis=0), 5, axis=1)
    for lag in (1, 4):
        found = estimate.contour_velocity(moving, lag * step_s)
        wanted = math.sqrt(4 * diffusion_nm2_per_s / (math.pi * lag * step_s))
        relative = math.sqrt(math.pi / 2 - 1) / math.sqrt(steps * filaments / lag)
        assert found.normal_nm_per_s == pytest.approx(wanted, rel=SIGMAS * relative)


def test_velocity_does_not_see_a_filament_enter_on_the_other_side():
    times_s, box = np.arange(40) * 1.5, [-1000.0, -1500.0, 4000.0, 5000.0]
    free = _rods(times_s, velocity=(120.0, -90.0), box_nm=box)
    centre_y = free.vertex_y.groupby("filament").mean().sel(filament=free.filament)
    centre_x = free.vertex_x.groupby("filament").mean().sel(filament=free.filament)
    wrapped = free.assign(
        vertex_y=free.vertex_y - box[2] * np.floor((centre_y - box[0]) / box[2]),
        vertex_x=free.vertex_x - box[3] * np.floor((centre_x - box[1]) / box[3]),
    )
    assert np.abs(np.diff(wrapped.vertex_y, axis=0)).max() > box[2] / 2
    assert estimate.contour_velocity(wrapped, 1.5) == pytest.approx(estimate.contour_velocity(free, 1.5))


def test_velocity_in_a_field_is_that_of_what_is_seen():
    times_s = np.arange(10) * 1.5
    slow, fast = (_rods(times_s, velocity=(v, 0.0), filaments=1) for v in (10.0, 100.0))
    fast["vertex_x"] = fast.vertex_x + 1e5
    fast["filament"] = fast.filament + 1
    both = xr.concat(
        [slow, fast], "vertex", data_vars="minimal", coords="minimal", compat="override", join="override"
    )
    field = FieldOfView(height_nm=4000, width_nm=4000, origin_y_nm=-2000, origin_x_nm=-2000)
    assert estimate.contour_velocity(both, 1.5).full_nm_per_s == pytest.approx(55)
    assert estimate.contour_velocity(both, 1.5, field=field).full_nm_per_s == pytest.approx(10)
    with pytest.raises(ValueError, match="no filament is ever in the field"):
        estimate.contour_velocity(both, 1.5, field=FieldOfView(origin_y_nm=1e6))


@pytest.mark.parametrize("lag_s", [0.0, -1.5, 2.0, 15.0])
def test_velocity_needs_a_lag_of_whole_steps(lag_s):
    with pytest.raises(ValueError, match=rf"whole number of steps of 1\.5 s, from 1 to 9; found {lag_s:g} s"):
        estimate.contour_velocity(_rods(np.arange(10) * 1.5), lag_s)


def test_velocity_says_what_it_cannot_measure():
    with pytest.raises(ValueError, match="at least three are needed"):
        estimate.contour_velocity(_rods(np.arange(3) * 1.5, vertices=2), 1.5)
    with pytest.raises(ValueError, match="two or more evenly spaced times, found 3"):
        estimate.contour_velocity(_rods(np.array([0.0, 1.0, 5.0])), 1.0)


def _movie(values, pixel_nm=20.0):
    times, rows, columns = values.shape
    field = FieldOfView(
        height_nm=rows * pixel_nm, width_nm=columns * pixel_nm, pixel_nm=pixel_nm, origin_x_nm=100
    )
    return schema.dataset(density=values, time=np.arange(times), y=field.y_nm, x=field.x_nm).density


def test_a_movie_of_unknown_duration_has_no_kymograph():
    movie = _movie(np.zeros((2, 12, 16))).drop_vars("time")
    with pytest.raises(schema.SchemaError, match="not known how long a time point is"):
        estimate.line_profile(movie, estimate.Line(60.0, 180.0, 150.0, 300.0))


def test_profile_of_a_plane_is_the_plane():
    """Linear interpolation is exact for a plane, in any direction and for any width."""
    movie = _movie(np.zeros((2, 12, 16)))
    movie = movie + 3 * movie.y + 2 * movie.x + movie.time
    line = estimate.Line(60.0, 180.0, 150.0, 300.0)
    for width_nm in (0.0, 5.0, 40.0):
        profile = estimate.line_profile(movie, line, width_nm=width_nm)
        assert profile.dims == ("time", "distance")
        assert profile.distance.values[[0, -1]] == pytest.approx([0, 150])
        assert profile.distance.attrs["units"] == "nm"
        share = profile.distance / 150
        wanted = 3 * (60 + 90 * share) + 2 * (180 + 120 * share) + profile.time
        np.testing.assert_allclose(profile, wanted.transpose(*profile.dims), rtol=1e-12)


@pytest.mark.parametrize(("width_nm", "share"), [(0, 1), (80, 3.5 / 4), (160, 5.5 / 8)])
def test_profile_is_the_mean_across_the_width_asked_for(width_nm, share):
    """A step at y = 200 nm; of the band around 230 nm, the share beyond the step is bright."""
    movie = _movie(np.repeat((np.arange(20) >= 10.0)[None, :, None], 20, axis=2))
    profile = estimate.line_profile(movie, estimate.Line(230.0, 150.0, 230.0, 450.0), width_nm=width_nm)
    assert profile.values == pytest.approx(share)


def test_profile_refuses_a_line_beyond_the_image():
    movie = _movie(np.zeros((1, 10, 10)))
    with pytest.raises(
        ValueError, match=r"reaches from x = 110 to 999 nm, but the pixels of the image lie at 110"
    ):
        estimate.line_profile(movie, estimate.Line(50, 110, 50, 999))
    with pytest.raises(ValueError, match="a line must have a length"):
        estimate.line_profile(movie, estimate.Line(50, 110, 50, 110))


@pytest.mark.parametrize("across", ["y", "x"])
def test_busiest_line_crosses_a_filament(across):
    values = np.zeros((3, 16, 16), dtype=np.float32)
    values[:, :, 5] = stream(7, "line").poisson(4, (3, 16))
    movie = _movie(values if across == "x" else values.swapaxes(1, 2))
    line = estimate.busiest_line(movie)
    assert (line.start_y_nm == line.end_y_nm) == (across == "x")
    assert estimate.line_profile(movie, line).sum("time").argmax("distance") == 5


def test_busiest_line_does_not_follow_a_single_bright_spot():
    values = np.zeros((2, 16, 16), dtype=np.uint16)
    values[:, 3, ::2] = 2
    values[:, 9, ::5] = 2
    values[:, 12, 12] = 5000
    line = estimate.busiest_line(_movie(values))
    assert line.start_y_nm == line.end_y_nm == 70


def test_an_empty_movie_has_a_busiest_line_too():
    assert estimate.busiest_line(_movie(np.zeros((2, 4, 4)))).length_nm == 60
