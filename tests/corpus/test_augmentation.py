"""An augmented crop is another view of a movie: localized anew, at the rate asked for, aligned with its truth."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter

from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Augmentation
from smlmsim.corpus.augmentation import Contours
from smlmsim.corpus.corpus import CorpusError
from smlmsim.field import FieldOfView
from smlmsim.localization import Statistical
from smlmsim.photophysics import Blinking
from smlmsim.pipeline import SimulatedDynamic
from smlmsim.sparse import bin_localizations
from smlmsim.widefield import Widefield

STEP_NM = 0.3125
STUDY = SimulatedDynamic(
    field=FieldOfView(height_nm=1280, width_nm=1280),
    acquisition=Acquisition(time_points=60, frames_per_point=10),
    localization=Statistical(precision_spread=0, false_positive_structured=0),
)
CROP = Augmentation(
    time_points=60, height=64, width=64, rate_hz=(800, 800), precision_nm=(1, 1), false_positives=(0, 0)
)


def contours(*lines_nm, period_nm=math.inf):
    """Lines of 41 vertices, each a function that gives its two ends (yx), in nm from the middle, at a time point."""
    along = np.linspace(0, 1, 41)[:, None]
    ends = np.array([[line(t) for line in lines_nm] for t in range(60)], dtype=float)
    places = ends[:, :, None, 0] * (1 - along) + ends[:, :, None, 1] * along
    steps = np.rint(places / STEP_NM).astype(np.int16).reshape(60, -1, 2)
    names = np.repeat(np.arange(len(lines_nm), dtype=np.int32), 41)
    return Contours(steps[:, :, 0], steps[:, :, 1], names, STEP_NM, (period_nm, period_nm))


def crossing(t):
    return (-900, -300), (900, -300)


def slanted(t):
    return (-900, 700 - 5 * t), (900, -400)


def test_the_sparse_movie_has_the_rate_that_was_asked_for():
    expected = 800 * (1280 / 2560) ** 2 * STUDY.acquisition.recorded_s
    assert expected > 3000
    for seed in range(10):
        observation, _ = CROP.redraw(contours(crossing, slanted), STUDY, np.random.default_rng(seed))
        assert abs(observation.sizes["localization"] - expected) < 5 * math.sqrt(expected)


def test_little_contour_in_view_gives_few_localizations():
    observation, _ = CROP.redraw(contours(lambda t: ((0, 0), (100, 0))), STUDY, np.random.default_rng(0))
    expected = 0.1 * 800 * (1280 / 2560) ** 2 * STUDY.acquisition.recorded_s
    assert abs(observation.sizes["localization"] - expected) < 5 * math.sqrt(expected)


def test_nothing_in_view_gives_an_empty_pair():
    observation, truth = CROP.redraw(
        contours(lambda t: ((5000, 0), (6000, 0))), STUDY, np.random.default_rng(0)
    )
    assert observation.counts.sum() == 0
    assert truth.density.max() == 0


def test_every_localization_lies_on_the_truth_whichever_way_it_is_turned():
    farthest = 20 / math.sqrt(2) + 5 * CROP.precision_nm[1]
    faintest = math.exp(-0.5 * (farthest / STUDY.density.sigma_nm) ** 2) / (
        math.sqrt(2 * math.pi) * STUDY.density.sigma_nm
    )
    for seed in range(10):
        observation, truth = CROP.redraw(contours(crossing, slanted), STUDY, np.random.default_rng(seed))
        assert truth.density.values[observation.counts.values > 0].min() > 0.9 * faintest


def test_crops_are_congruent_to_the_movie_and_turned_every_way():
    directions = []
    for seed in range(200):
        _, truth = CROP.redraw(contours(crossing), STUDY, np.random.default_rng(seed))
        y, x = truth.vertex_y.values[0] - 640, truth.vertex_x.values[0] - 640
        assert np.hypot(y, x).min() == pytest.approx(300, abs=1)
        np.testing.assert_allclose(np.hypot(np.diff(y), np.diff(x)), 45, atol=0.5)
        directions.append((y[-1] - y[0], x[-1] - x[0]) / np.hypot(y[-1] - y[0], x[-1] - x[0]))
    assert (np.abs(np.mean(directions, axis=0)) < 5 * math.sqrt(0.5 / 200)).all()


def test_half_of_the_crops_are_mirrored():
    def bent(t):
        return (0, 0), (600, 100)

    turns = []
    for seed in range(200):
        _, truth = CROP.redraw(contours(bent, crossing), STUDY, np.random.default_rng(seed))
        y, x, filament = truth.vertex_y.values[0], truth.vertex_x.values[0], truth.filament.values
        first, second = (np.flatnonzero(filament == name) for name in (0, 1))
        a, b = ((y[of[-1]] - y[of[0]], x[of[-1]] - x[of[0]]) for of in (first, second))
        turns.append(a[0] * b[1] - a[1] * b[0] > 0)
    assert abs(np.mean(turns) - 0.5) < 5 * math.sqrt(0.25 / 200)


def test_false_positives_are_anywhere_and_as_many_as_asked_for():
    with_false = CROP.replace({"false_positives": (0.5, 0.5)})
    observation, truth = with_false.redraw(contours(crossing), STUDY, np.random.default_rng(0))
    events = 800 * (1280 / 2560) ** 2 * STUDY.acquisition.recorded_s
    dark = truth.density.values < 1e-6
    expected = 0.5 * events * dark.mean()
    assert abs(observation.counts.values[dark].sum() - expected) < 5 * math.sqrt(1.5 * expected)


def test_a_filament_that_re_enters_a_periodic_box_never_crosses_the_field():
    period = 4000.0

    def leaving(t):
        y = 1000 + 40 * t
        y -= period * (y > period / 2)
        return (y, -500), (y, 500)

    pair = contours(crossing, leaving, period_nm=period)
    assert (np.abs(np.diff(pair.y[:, 60].astype(int))) * STEP_NM > period / 2).any()
    for seed in range(10):
        observation, truth = CROP.redraw(pair, STUDY, np.random.default_rng(seed))
        assert truth.density.values[observation.counts.values > 0].min() > 0.1 / (math.sqrt(2 * math.pi) * 30)


def test_images_without_contours_are_thinned_to_the_rate_and_stay_aligned():
    rng = np.random.default_rng(0)
    density = np.zeros((60, 64, 64), np.float32)
    density[:, 10:14, 5:40] = 1
    expected = 800 * (1280 / 2560) ** 2 * STUDY.acquisition.recorded_s
    turned = set()
    for _ in range(40):
        crop = CROP.thin(density, STUDY, rng)
        counts = crop.observation.counts.values
        assert abs(counts.sum() - expected) < 5 * math.sqrt(expected)
        assert (crop.density[counts > 0] == 1).all()
        turned.add(crop.density.tobytes())
        table = crop.observation.drop_vars("counts")
        np.testing.assert_array_equal(bin_localizations(table, STUDY.field, STUDY.acquisition).counts, counts)
        assert (np.diff(crop.observation.loc_frame) >= 0).all()
    assert len(turned) == 8


def test_poisson_events_of_a_crop_are_those_of_the_photophysics_of_the_study():
    """The same random numbers give the same table whichever margin and rate the study has, unless it is frozen."""
    tables = [
        CROP.redraw(contours(crossing, slanted), STUDY.replace(photophysics), np.random.default_rng(0))[0]
        for photophysics in ({}, {"photophysics.rate_hz": 5}, {"photophysics.frozen": True})
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


BLINKING = STUDY.replace({"photophysics": Blinking(on_s=0.3, blinks=3, labels_per_um=2000)})


def test_molecules_that_blink_in_the_movie_blink_in_its_crops_at_the_rate_asked_for():
    """Blinks of 0.3 s in frames of 0.03 s are 10 localizations in a row; Poisson events come one by one."""
    expected = 800 * (1280 / 2560) ** 2 * STUDY.acquisition.recorded_s
    sharp = {"localization.linkage_nm": 0.0}
    number, repeated = {}, {}
    for name, study in {"blinking": BLINKING.replace(sharp), "poisson": STUDY.replace(sharp)}.items():
        observation, _ = CROP.redraw(contours(crossing, slanted), study, np.random.default_rng(0))
        frame = observation.loc_frame.values
        y, x = (observation[f"loc_{axis}"].values for axis in "yx")
        near = []
        for now in range(0, 599, 5):
            dy, dx = (axis[frame == now][:, None] - axis[frame == now + 1] for axis in (y, x))
            near.append((np.hypot(dy, dx) < 6).any(axis=1))
        number[name], repeated[name] = frame.size, np.concatenate(near).mean()
    assert number["blinking"] == pytest.approx(expected, rel=0.2)
    assert repeated["blinking"] > 0.7
    assert repeated["poisson"] < 0.3


def test_molecules_that_cannot_give_the_rate_give_the_highest_they_can():
    few = BLINKING.replace({"photophysics.labels_per_um": 20})
    observation, truth = CROP.redraw(contours(crossing), few, np.random.default_rng(0))
    most = 20 * 1.28 * 3 * 10.5
    assert 0.3 * most < observation.sizes["localization"] < 1.5 * most
    assert truth.density.values[observation.counts.values > 0].min() > 0


def test_the_microscope_of_the_movie_takes_the_widefield_images_of_a_crop():
    microscope = Widefield(camera="ideal", photons_per_um=1e5)
    study = STUDY.replace({"widefield": microscope})
    observation, truth = CROP.redraw(contours(crossing, slanted), study, np.random.default_rng(0))
    plain, _ = CROP.redraw(contours(crossing, slanted), STUDY, np.random.default_rng(0))
    np.testing.assert_array_equal(observation.counts, plain.counts)
    assert observation.widefield.sizes == {
        "widefield_time": 600 // 50, "widefield_y": 13, "widefield_x": 13,
    }  # fmt: skip
    own, turned = [], []
    for image, time_s in zip(observation.widefield.values, observation.widefield_time.values, strict=True):
        dense = truth.density.sel(time=time_s, method="nearest").values
        coarse = gaussian_filter(dense, microscope.sigma_nm / 20)[2::5, 2::5]
        own.append(np.corrcoef(image.ravel(), coarse.ravel())[0, 1])
        turned.append(np.corrcoef(image.ravel(), coarse[::-1].ravel())[0, 1])
    assert min(own) > 0.9
    assert np.mean(turned) < 0.6


def test_a_crop_too_short_for_a_widefield_image_has_none():
    study = STUDY.replace({"widefield": Widefield(frames_between=601)})
    observation, _ = CROP.redraw(contours(crossing), study, np.random.default_rng(0))
    assert "widefield" not in observation
    assert observation.counts.any()


def test_what_an_observer_knows_stands_in_a_crop():
    observation, _ = CROP.redraw(contours(crossing), STUDY, np.random.default_rng(0))
    assert observation.attrs == {"pixel_nm": 20, "exposure_s": 0.03, "frames_per_point": 10}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_hz": (100, 30)}, "rate_hz goes from 100 to 30; swap them"),
        ({"precision_nm": (0, 30)}, "greater than 0"),
        ({"false_positives": (0, 2)}, "less than or equal to 1"),
    ],
)
def test_ranges_that_are_none_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**settings)


def test_gathered_time_points_have_the_truth_at_their_middles_and_the_localizations_of_all():
    lines = contours(crossing, slanted)
    single, truth = CROP.redraw(lines, STUDY, np.random.default_rng(0))
    crop = CROP.replace({"time_points": 12, "point_s": 1.5})
    gathered, middles = crop.redraw(lines, STUDY, np.random.default_rng(0))
    np.testing.assert_array_equal(middles.density, truth.density[2::5])
    np.testing.assert_allclose(gathered.time, single.time[2::5])
    assert gathered.attrs["frames_per_point"] == 50
    number = single.sizes["localization"]
    assert abs(gathered.sizes["localization"] - number) < 5 * math.sqrt(2 * number)
    assert int(gathered.loc_frame.max()) > 590


@pytest.mark.parametrize("point_s", [0.6, 0.4, 0.1])
def test_time_points_of_crops_are_an_odd_multiple_of_those_of_movies(point_s):
    with pytest.raises(CorpusError, match=rf"point_s={point_s} are no odd multiple of .*, 0\.3 s"):
        CROP.replace({"point_s": point_s}).require_fit(STUDY)


def test_time_points_as_long_as_those_of_movies_are_not_gathered():
    assert CROP.replace({"point_s": 0.3}).gathered(STUDY) == 1


def test_time_points_around_a_crop_are_observed_but_have_no_truth():
    lines = contours(crossing, slanted)
    whole, truth = CROP.redraw(lines, STUDY, np.random.default_rng(0))
    crop = CROP.replace({"time_points": 10})
    observation, middle = crop.redraw(lines, STUDY, np.random.default_rng(0), first=20)
    xr.testing.assert_identical(observation, whole)
    np.testing.assert_array_equal(middle.density, truth.density[20:30])


def test_gathered_images_have_the_density_at_their_middles_and_counts_of_all():
    density = np.zeros((60, 64, 64), np.float32)
    density[:, 20, 20:40] = 1
    density[2::5, 20, 20:40] = 0
    density[2::5, 40, 20:40] = 1
    crop = CROP.replace({"time_points": 12, "point_s": 1.5})
    observation, middles, _ = crop.thin(density, STUDY, np.random.default_rng(0))
    assert np.count_nonzero(middles) == 12 * 20
    outside = observation.counts.values[middles == 0].sum() / observation.counts.values.sum()
    assert outside == pytest.approx(0.8, abs=0.05)


def test_movies_of_fewer_time_points_than_are_gathered_are_told_apart_from_empty_ones():
    crop = CROP.replace({"time_points": 1, "point_s": 300.3})
    with pytest.raises(CorpusError, match=r"movies of \(0, .*\), in time points of point_s=300\.3"):
        crop.require_fit(STUDY)


def test_crops_gather_no_more_time_points_than_a_movie_has():
    with pytest.raises(
        CorpusError, match=r"crops of \(13, 64, 64\) .* do not fit into movies of \(12, 64, 64\)"
    ):
        CROP.replace({"time_points": 13, "point_s": 1.5}).require_fit(STUDY)
