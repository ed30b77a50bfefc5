"""From molecules to localizations: true and reported errors and false positives are of the stated size and kind."""

import numpy as np
import pydantic
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.localization import Spot, Statistical
from smlmsim.localization import _statistical_kernels as kernels
from smlmsim.schema import SchemaError

FIELD = FieldOfView(height_nm=1600, width_nm=1280, origin_y_nm=-300, origin_x_nm=500)
WIDE = FieldOfView(height_nm=1e5, width_nm=1e5, pixel_nm=100)
ACQUISITION = Acquisition(time_points=20, frames_per_point=50)
EXACT = {
    "precision_nm": 0.0,
    "precision_spread": 0.0,
    "false_positive_uniform": 0.0,
    "false_positive_structured": 0.0,
}
N = 200_000


def events(y, x, frames=None):
    """True events in random frames, sorted."""
    if frames is None:
        frames = np.sort(np.random.default_rng(0).integers(ACQUISITION.frames, size=np.size(y)))
    return schema.dataset(
        event_frame=np.asarray(frames, np.int32),
        event_time=ACQUISITION.frame_times_s(np.asarray(frames)),
        event_y=np.asarray(y, np.float32),
        event_x=np.asarray(x, np.float32),
    )


def scattered(n, field, margin_nm=0.0, seed=1):
    rng = np.random.default_rng(seed)
    y = field.origin_y_nm - margin_nm + rng.random(n) * (field.height_nm + 2 * margin_nm)
    x = field.origin_x_nm - margin_nm + rng.random(n) * (field.width_nm + 2 * margin_nm)
    return events(y, x)


def in_the_middle(n):
    return events(np.full(n, 5e4), np.full(n, 5e4))


def errors(seed=2, **settings):
    """Errors along y and x and the reported ones, of molecules far from any border."""
    found = Statistical(**{**EXACT, **settings}).localize(
        in_the_middle(N), WIDE, ACQUISITION, np.random.default_rng(seed)
    )
    assert found.sizes["localization"] == N
    return (
        found.loc_y.values.astype(float) - 5e4,
        found.loc_x.values.astype(float) - 5e4,
        found.loc_uncertainty.values.astype(float),
    )


def test_exact_localization_returns_the_events_of_the_field():
    truth = scattered(5000, FIELD, margin_nm=200)
    found = Statistical(**EXACT).localize(truth, FIELD, ACQUISITION, np.random.default_rng(0))
    inside = FIELD.contains(truth.event_y.values, truth.event_x.values)
    assert 0 < inside.sum() < 5000
    for name in ("frame", "time", "y", "x"):
        assert np.array_equal(found[f"loc_{name}"], truth[f"event_{name}"][inside]), name
    assert (found.loc_uncertainty == 0).all()


@pytest.mark.parametrize("precision_nm", [1.0, 15.0, 40.0])
def test_errors_have_the_reported_variance(precision_nm):
    y, x, reported = errors(precision_nm=precision_nm)
    assert (reported == precision_nm).all()
    for error in (y, x):
        assert abs(error.mean()) < 5 * precision_nm / np.sqrt(N)
        assert abs(error.var() / precision_nm**2 - 1) < 5 * np.sqrt(2 / N)
    assert abs(np.corrcoef(y, x)[0, 1]) < 5 / np.sqrt(N)


def test_errors_are_gaussian():
    y, x, _ = errors(precision_nm=20.0)
    assert kstest(y[:20_000] / 20, "norm").pvalue > 1e-4
    assert kstest(x[:20_000] / 20, "norm").pvalue > 1e-4


def test_reported_errors_are_log_normal_about_the_median():
    _, _, reported = errors(precision_nm=12.0, precision_spread=0.4)
    logarithm = np.log(reported / 12.0)
    assert abs(logarithm.mean()) < 5 * 0.4 / np.sqrt(N)
    assert abs(logarithm.var() / 0.4**2 - 1) < 5 * np.sqrt(2 / N)
    assert kstest(logarithm[:20_000] / 0.4, "norm").pvalue > 1e-4


def test_each_error_has_the_size_that_is_reported_of_it():
    y, x, reported = errors(precision_nm=12.0, precision_spread=0.5, error_factor=1.7)
    for error in (y, x):
        assert abs((error / reported).var() / 1.7**2 - 1) < 5 * np.sqrt(2 / N)
        assert kstest((error / reported / 1.7)[:20_000], "norm").pvalue > 1e-4


def test_linkage_adds_in_quadrature_and_is_not_reported():
    y, x, reported = errors(precision_nm=9.0, linkage_nm=12.0, error_factor=2.0)
    expected = (2 * 9.0) ** 2 + 12.0**2
    assert (reported == 9.0).all()
    for error in (y, x):
        assert abs(error.var() / expected - 1) < 5 * np.sqrt(2 / N)


def test_errors_carry_molecules_both_ways_across_the_border():
    truth = scattered(N, FIELD, margin_nm=150)
    settings = {**EXACT, "precision_nm": 30.0}
    found = Statistical(**settings).localize(truth, FIELD, ACQUISITION, np.random.default_rng(3))
    area = FIELD.height_nm * FIELD.width_nm
    inside = area / ((FIELD.height_nm + 300) * (FIELD.width_nm + 300))
    assert abs(found.sizes["localization"] - N * inside) < 5 * np.sqrt(N * inside * (1 - inside))
    assert FIELD.contains(found.loc_y.values, found.loc_x.values).all()


@pytest.mark.parametrize("kind", ["false_positive_uniform", "false_positive_structured"])
def test_false_positives_are_the_stated_fraction(kind):
    truth = scattered(N, FIELD)
    settings = {**EXACT, kind: 0.05}
    found = Statistical(**settings).localize(truth, FIELD, ACQUISITION, np.random.default_rng(4))
    false = found.sizes["localization"] - N
    assert abs(false - 0.05 * N) < 5 * np.sqrt(0.05 * N)


def test_numbers_of_false_positives_are_poisson():
    truth, rng, movies = scattered(500, FIELD), np.random.default_rng(5), 1500
    localization = Statistical(**{**EXACT, "false_positive_uniform": 0.06, "false_positive_structured": 0.04})
    false = np.array([
        localization.localize(truth, FIELD, ACQUISITION, rng).sizes["localization"] - 500 for _ in range(movies)
    ])  # fmt: skip
    assert abs(false.mean() - 50) < 5 * np.sqrt(50 / movies)
    assert abs(false.var() / 50 - 1) < 5 * np.sqrt(2 / movies)


def false_ones(truth, seed, field=FIELD, **settings):
    """The false positives alone: those that are where no event is."""
    found = Statistical(**{**EXACT, **settings}).localize(
        truth, field, ACQUISITION, np.random.default_rng(seed)
    )
    true = np.isin(found.loc_y.values, truth.event_y.values) & np.isin(
        found.loc_x.values, truth.event_x.values
    )
    return found.isel(localization=np.flatnonzero(~true))


def image(y, x, bins=(20, 16)):
    edges = [
        np.linspace(FIELD.origin_y_nm, FIELD.origin_y_nm + FIELD.height_nm, bins[0] + 1),
        np.linspace(FIELD.origin_x_nm, FIELD.origin_x_nm + FIELD.width_nm, bins[1] + 1),
    ]
    return np.histogram2d(y.values, x.values, edges)[0]


def test_uniform_false_positives_are_anywhere_and_anytime():
    truth = events(np.full(N, 0.0), np.linspace(600, 700, N))
    false = false_ones(truth, 6, false_positive_uniform=0.5)
    n = false.sizes["localization"]
    found = image(false.loc_y, false.loc_x)
    chi2 = ((found - n / found.size) ** 2 / (n / found.size)).sum() / found.size
    assert abs(chi2 - 1) < 5 * np.sqrt(2 / found.size)
    frames = np.bincount(false.loc_frame.values, minlength=ACQUISITION.frames)
    chi2 = ((frames - n / frames.size) ** 2 / (n / frames.size)).sum() / frames.size
    assert abs(chi2 - 1) < 5 * np.sqrt(2 / frames.size)


def test_structured_false_positives_follow_the_blurred_structure():
    rng = np.random.default_rng(7)
    way = rng.random(N)
    truth = events(-250 + 900 * way, 520 + 1200 * way**2)
    fine = (320, 256)
    blurred = gaussian_filter(image(truth.event_y, truth.event_x, fine), 300 / 5, mode="reflect", truncate=8)
    expected = blurred.reshape(20, 16, 16, 16).sum(axis=(1, 3))
    false = false_ones(truth, 8, false_positive_structured=1.0, structured_blur_nm=300)
    found = image(false.loc_y, false.loc_x)
    n = false.sizes["localization"]
    expected *= n / expected.sum()
    chi2 = ((found - expected) ** 2 / expected).sum() / found.size
    assert abs(n - N) < 5 * np.sqrt(N)
    assert chi2 < 1 + 5 * np.sqrt(2 / found.size)


def test_structured_false_positives_come_when_the_structure_shines():
    truth = events(
        np.full(N, 0.0), np.linspace(600, 700, N), frames=np.repeat([3, 700], [N // 4, N - N // 4])
    )
    false = false_ones(truth, 9, false_positive_structured=0.5)
    n = false.sizes["localization"]
    assert set(np.unique(false.loc_frame.values)) == {3, 700}
    assert abs((false.loc_frame.values == 3).sum() - n / 4) < 5 * np.sqrt(n * 3 / 16)


def test_precisions_of_false_positives_are_reported_like_those_of_true_localizations():
    truth = scattered(N, FIELD)
    false = false_ones(
        truth,
        10,
        false_positive_uniform=1.0,
        false_positive_structured=0.0,
        precision_nm=1e-30,
        precision_spread=0.3,
    )
    logarithm = np.log(false.loc_uncertainty.values.astype(float) / 1e-30)
    n = logarithm.size
    assert abs(logarithm.mean()) < 5 * 0.3 / np.sqrt(n)
    assert abs(logarithm.var() / 0.3**2 - 1) < 5 * np.sqrt(2 / n)


def test_localizations_lie_in_the_field_in_the_order_of_frames():
    truth = scattered(20_000, FIELD, margin_nm=150)
    found = Statistical(precision_nm=30).localize(truth, FIELD, ACQUISITION, np.random.default_rng(11))
    frames = found.loc_frame.values
    assert (np.diff(frames) >= 0).all()
    assert frames[0] >= 0
    assert frames[-1] < ACQUISITION.frames
    assert np.array_equal(found.loc_time.values, ACQUISITION.frame_times_s(frames))
    assert FIELD.contains(found.loc_y.values, found.loc_x.values).all()


def test_false_positives_leave_the_true_localizations_alone():
    truth = scattered(5000, FIELD)
    with_false, without = (
        Statistical(false_positive_uniform=f, false_positive_structured=f).localize(
            truth, FIELD, ACQUISITION, np.random.default_rng(12)
        )
        for f in (0.1, 0.0)
    )
    assert np.isin(without.loc_y.values, with_false.loc_y.values).all()
    assert np.isin(without.loc_uncertainty.values, with_false.loc_uncertainty.values).all()


def test_the_events_are_left_as_they_are():
    truth = scattered(1000, FIELD)
    before = truth.copy(deep=True)
    Statistical().localize(truth, FIELD, ACQUISITION, np.random.default_rng(13))
    assert truth.identical(before)


def test_photons_width_and_background_agree_with_the_reported_precision():
    """Of true localizations and false positives alike, by the formula of the spot."""
    spot = Spot(width_nm=115, background_photons=25, pixel_nm=108)
    localization = Statistical(spot=spot, false_positive_uniform=0.3, false_positive_structured=0.3)
    found = localization.localize(scattered(5000, FIELD), FIELD, ACQUISITION, np.random.default_rng(18))
    assert found.sizes["localization"] > 7000
    assert (found.loc_sigma == 115).all()
    assert (found.loc_background == 25).all()
    assert spot.uncertainty_nm(found.loc_intensity.values) == pytest.approx(
        found.loc_uncertainty.values, rel=1e-6
    )


def test_the_spot_changes_photons_and_nothing_that_is_drawn():
    dim, bright = (
        Statistical(spot=Spot(background_photons=background)).localize(
            scattered(3000, FIELD), FIELD, ACQUISITION, np.random.default_rng(19)
        )
        for background in (0, 100)
    )
    for name in ("loc_frame", "loc_y", "loc_x", "loc_uncertainty"):
        assert dim[name].values.tobytes() == bright[name].values.tobytes(), name
    assert (dim.loc_intensity < bright.loc_intensity).all()


def test_photons_of_exact_localizations_are_left_out_and_that_is_said(caplog):
    with caplog.at_level("INFO", logger="smlmsim"):
        found = Statistical(**EXACT).localize(
            scattered(100, FIELD), FIELD, ACQUISITION, np.random.default_rng(20)
        )
    assert "loc_intensity" not in found
    assert {"loc_sigma", "loc_background"} < set(found.data_vars)
    assert caplog.messages == ["precision_nm=0 needs infinitely many photons; photons are left out"]


def test_no_events_give_no_localizations():
    found = Statistical().localize(events([], []), FIELD, ACQUISITION, np.random.default_rng(14))
    assert dict(found.sizes) == {"localization": 0}
    assert set(found.data_vars) == {
        "loc_frame",
        "loc_time",
        "loc_y",
        "loc_x",
        "loc_uncertainty",
        "loc_sigma",
        "loc_background",
        "loc_intensity",
    }


def test_events_outside_the_field_alone_have_no_false_positives():
    truth = events(np.full(100, -400.0), np.full(100, 700.0))
    found = Statistical().localize(truth, FIELD, ACQUISITION, np.random.default_rng(15))
    assert found.sizes["localization"] == 0


def test_same_stream_gives_the_same_bytes():
    truth = scattered(3000, FIELD)
    one, other = (
        Statistical().localize(truth, FIELD, ACQUISITION, np.random.default_rng(16)) for _ in range(2)
    )
    for name in one.data_vars:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


@pytest.mark.parametrize(
    "setting",
    [
        {"precision_nm": -1},
        {"precision_nm": np.nan},
        {"precision_spread": -0.1},
        {"precision_spread": 2.5},
        {"error_factor": -1},
        {"linkage_nm": -1},
        {"false_positive_uniform": 1.1},
        {"false_positive_uniform": -0.1},
        {"false_positive_structured": 1.1},
        {"false_positive_structured": -0.1},
        {"structured_blur_nm": -1},
        {"structured_blur_nm": np.inf},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(pydantic.ValidationError):
        Statistical(**setting)


@pytest.mark.parametrize("name", ["event_frame", "event_y", "event_x"])
def test_a_missing_variable_is_named(name):
    with pytest.raises(SchemaError, match=name):
        Statistical().localize(
            scattered(10, FIELD).drop_vars(name), FIELD, ACQUISITION, np.random.default_rng(0)
        )


def test_a_position_that_is_not_finite_is_refused():
    truth = scattered(10, FIELD)
    truth.event_x[3] = np.nan
    with pytest.raises(SchemaError, match="event_x holds 1 values"):
        Statistical().localize(truth, FIELD, ACQUISITION, np.random.default_rng(0))


def test_kernel_merges_and_keeps_like_numpy():
    rng = np.random.default_rng(17)
    true, false = (
        (
            np.sort(rng.integers(40, size=n)).astype(np.int32),
            *rng.uniform(-1, 2, (3, n)).astype(np.float32),
        )
        for n in (3000, 700)
    )
    found = np.empty(3700, np.int32), *np.empty((3, 3700), np.float32)
    edges, exact = np.float32([0, 1, 0, 1]), np.float32([0, 0, 0, 0])
    n = kernels.localize(*true[:3], tuple(exact), np.uint64(1), false, tuple(edges), found)
    joined = [np.concatenate(pair) for pair in zip((*true[:3], 0 * true[3]), false, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    kept = order[
        (joined[1][order] >= 0) & (joined[1][order] < 1) & (joined[2][order] >= 0) & (joined[2][order] < 1)
    ]
    for ours, expected in zip(found, joined, strict=True):
        assert np.array_equal(ours[:n], expected[kept])
