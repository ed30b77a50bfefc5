"""Every localization is counted once, in its pixel and time point; what cannot be counted is said."""

import numpy as np
import pytest

from smlmsim import _sparse_kernels, schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.schema import SchemaError
from smlmsim.sparse import bin_chunks, bin_localizations

FIELD = FieldOfView(height_nm=640, width_nm=960)
ACQUISITION = Acquisition(time_points=12, frames_per_point=7)


def table(frame, y, x):
    frame = np.asarray(frame, np.int32)
    return schema.dataset(
        {"seen": "here"},
        loc_frame=frame,
        loc_time=ACQUISITION.frame_times_s(frame),
        loc_y=np.asarray(y, np.float32),
        loc_x=np.asarray(x, np.float32),
    )


def scattered(rng, size, field=FIELD, beyond_nm=100.0):
    """Localizations all over the movie, in the field and around it, sorted by frame."""
    return table(
        np.sort(rng.integers(ACQUISITION.frames, size=size)),
        field.origin_y_nm + rng.uniform(-beyond_nm, field.height_nm + beyond_nm, size),
        field.origin_x_nm + rng.uniform(-beyond_nm, field.width_nm + beyond_nm, size),
    )


def test_channels_are_counted_apart_and_their_sum_is_the_whole():
    rng = np.random.default_rng(3)
    whole = scattered(rng, 4000)
    of_each = whole.assign(
        loc_channel=schema.variable("loc_channel", rng.integers(0, 2, 4000).astype(np.int32))
    )
    found = bin_localizations(of_each, FIELD, ACQUISITION, channels=["red", "green", "none"])
    assert found.counts.dims == ("channel", "time", "y", "x")
    assert found.channel.values.tolist() == ["red", "green", "none"]
    assert found.counts.dtype == np.uint16
    for number in (0, 1):
        chosen = whole.isel(localization=np.flatnonzero(of_each.loc_channel == number))
        alone = bin_localizations(chosen, FIELD, ACQUISITION).counts
        np.testing.assert_array_equal(found.counts[number], alone)
    assert not found.counts[2].any()
    again = bin_localizations(found, FIELD, ACQUISITION)
    assert again.counts.dims == ("time", "y", "x")
    np.testing.assert_array_equal(found.counts.sum("channel"), again.counts)


def test_a_localization_of_none_of_the_channels_is_refused():
    two = table([0, 1], [10, 10], [10, 10])
    with pytest.raises(SchemaError, match="no 'loc_channel'"):
        bin_localizations(two, FIELD, ACQUISITION, channels=["red"])
    two["loc_channel"] = schema.variable("loc_channel", np.int32([0, 1]))
    with pytest.raises(ValueError, match="loc_channel counts 1 channels from 0, found 0 to 1"):
        bin_localizations(two, FIELD, ACQUISITION, channels=["red"])


def histograms(localizations, field, acquisition):
    """The counts by numpy, one time point after the other."""
    low = field.origin_y_nm, field.origin_x_nm
    limits = [(low[0], low[0] + field.height_nm), (low[1], low[1] + field.width_nm)]
    points = localizations.loc_frame.values // acquisition.frames_per_point
    y, x = localizations.loc_y.values.astype(float), localizations.loc_x.values.astype(float)
    return np.stack(
        [
            np.histogram2d(y[points == t], x[points == t], bins=field.shape, range=limits)[0]
            for t in range(acquisition.time_points)
        ]
    )


@pytest.mark.parametrize(
    "field",
    [
        FIELD,
        FieldOfView(height_nm=640, width_nm=960, origin_y_nm=-12345.0, origin_x_nm=777.0),
        FieldOfView(height_nm=33 * 16.3, width_nm=16.3, pixel_nm=16.3, origin_y_nm=1e4),
        FieldOfView(height_nm=108, width_nm=216, pixel_nm=108),
    ],
)
def test_counts_are_the_histograms_of_the_time_points(field):
    localizations = scattered(np.random.default_rng(0), 20_000, field)
    found = bin_localizations(localizations, field, ACQUISITION).counts
    np.testing.assert_array_equal(found, histograms(localizations, field, ACQUISITION))


def test_order_does_not_matter():
    rng = np.random.default_rng(1)
    localizations = scattered(rng, 20_000)
    shuffled = localizations.isel(localization=rng.permutation(20_000))
    found = bin_localizations(shuffled, FIELD, ACQUISITION).counts
    assert found.equals(bin_localizations(localizations, FIELD, ACQUISITION).counts)


def test_what_the_field_contains_is_counted():
    localizations = scattered(np.random.default_rng(2), 20_000)
    inside = FIELD.contains(localizations.loc_y.values, localizations.loc_x.values)
    assert 0 < inside.sum() < inside.size
    found = bin_localizations(localizations, FIELD, ACQUISITION)
    assert int(found.counts.sum()) == inside.sum()
    assert found.sizes["localization"] == inside.size


@pytest.mark.parametrize("pixel_nm", [0.1, 1 / 3, 16.3, 20.0, 49.0, 97.0, 103.0])
def test_a_pixel_holds_its_upper_and_left_edges(pixel_nm):
    pixels = np.arange(200)
    edges = pixels * pixel_nm
    field = FieldOfView(height_nm=200 * pixel_nm, width_nm=200 * pixel_nm, pixel_nm=pixel_nm)
    localizations = schema.dataset(
        loc_frame=np.zeros(202, np.int32),
        loc_y=np.append(edges, [0, field.height_nm]),
        loc_x=np.append(edges, [field.width_nm, 0]),
    )
    counts = bin_localizations(localizations, field, Acquisition(time_points=1)).counts
    np.testing.assert_array_equal(counts[0], np.eye(200))


@pytest.mark.parametrize("frames_per_point", [1, 3, 7, 30, 49, 50, 500])
def test_every_time_point_has_its_frames(frames_per_point):
    acquisition = Acquisition(time_points=40, frames_per_point=frames_per_point)
    localizations = table(np.arange(acquisition.frames), *np.full((2, acquisition.frames), 5.0))
    counts = bin_localizations(localizations, FIELD, acquisition).counts
    assert (counts[:, 0, 0] == frames_per_point).all()
    assert int(counts.sum()) == acquisition.frames


def test_time_points_are_exact_up_to_the_greatest_frame():
    rng = np.random.default_rng(3)
    for frames_per_point in (1, 2, 3, 49, 1000, 65_537, 2**30):
        points = rng.integers(2**31 // frames_per_point, size=1000)
        edges = np.concatenate([points * frames_per_point, (points + 1) * frames_per_point - 1])
        frame = np.append(edges, 2**31 - 1).clip(0, 2**31 - 1).astype(np.int32)
        found = np.empty(frame.size, np.int32)
        latest = _sparse_kernels.to_point(frame, 1 / frames_per_point, found)
        np.testing.assert_array_equal(found, frame // frames_per_point)
        assert latest == found.max()


@pytest.mark.parametrize("frames", [[], [0], [30], [83], [70, 30, 8]])
def test_what_was_in_memory_is_overwritten(frames):
    counts = np.full((12, *FIELD.shape), 77, np.uint16)
    frame, position = np.array(frames, np.int32), np.full(len(frames), 5.0)
    assert _sparse_kernels.count(frame, position, position, 7, 0.0, 0.0, 1 / 20, counts) == -1
    assert counts.sum() == counts[frame // 7, 0, 0].sum() == len(frames)


def test_no_localizations_are_no_counts():
    counts = bin_localizations(table([], [], []), FIELD, ACQUISITION).counts
    assert counts.shape == (12, *FIELD.shape)
    assert not counts.any()


def test_counts_say_what_they_are_and_keep_the_localizations():
    localizations = scattered(np.random.default_rng(4), 100)
    observation = bin_localizations(localizations, FIELD, ACQUISITION)
    assert observation.counts.dims == ("time", "y", "x")
    assert observation.counts.dtype == np.uint16
    assert observation.counts.attrs == {"units": "1", "long_name": "localizations per pixel and time point"}
    np.testing.assert_array_equal(observation.time, ACQUISITION.times_s)
    np.testing.assert_array_equal(observation.y, FIELD.y_nm)
    np.testing.assert_array_equal(observation.x, FIELD.x_nm)
    assert observation.drop_dims(["time", "y", "x"]).identical(localizations)


def test_an_observation_can_be_binned_again_otherwise():
    localizations = scattered(np.random.default_rng(5), 1000)
    coarse, slow = FieldOfView(height_nm=600, width_nm=600, pixel_nm=100), Acquisition(time_points=2)
    again = bin_localizations(bin_localizations(localizations, FIELD, ACQUISITION), coarse, slow)
    assert again.identical(bin_localizations(localizations, coarse, slow))


def test_a_pixel_holds_65535_localizations_and_refuses_one_more():
    full = table(np.full(65_535, 8), *np.full((2, 65_535), 30.0))
    counts = bin_localizations(full, FIELD, ACQUISITION).counts
    assert int(counts[1, 1, 1]) == int(counts.sum(dtype=np.int64)) == 65_535
    overfull = table(np.full(65_536, 8), *np.full((2, 65_536), 30.0))
    with pytest.raises(
        ValueError, match=r"65535 localizations in time point 1 in the pixel at y = 30 nm, x = 30 nm"
    ):
        bin_localizations(overfull, FIELD, ACQUISITION)


def test_outside_of_the_field_there_is_no_limit():
    outside = table(np.zeros(70_000), *np.full((2, 70_000), -5.0))
    assert not bin_localizations(outside, FIELD, ACQUISITION).counts.any()


@pytest.mark.parametrize(
    ("frames", "found"), [([-1, 3], "-1 to 3"), ([5, 84], "0 to 84"), ([900], "0 to 900")]
)
def test_frames_outside_of_the_acquisition_are_refused(frames, found):
    localizations = table(frames, [5.0] * len(frames), [5.0] * len(frames))
    with pytest.raises(ValueError, match=f"found frames from {found}; the acquisition has 0 to 83"):
        bin_localizations(localizations, FIELD, ACQUISITION)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_positions_that_are_not_finite_are_refused(value):
    with pytest.raises(SchemaError, match="loc_x holds 1 values that are NaN or infinite"):
        bin_localizations(table([0, 1], [5.0, 5.0], [5.0, value]), FIELD, ACQUISITION)


def test_a_table_without_frames_is_refused():
    with pytest.raises(SchemaError, match="no 'loc_frame'"):
        bin_localizations(schema.dataset(loc_y=[5.0], loc_x=[5.0]), FIELD, ACQUISITION)


def test_positions_beyond_all_bounds_are_outside():
    far = table([0, 0, 0, 0], [1e30, -1e30, 5.0, 5.0], [5.0, 5.0, 3e38, -3e38])
    assert not bin_localizations(far, FIELD, ACQUISITION).counts.any()


@pytest.mark.parametrize("sort", [True, False])
def test_a_table_in_pieces_is_counted_as_the_whole(sort):
    rng = np.random.default_rng(3)
    whole = scattered(rng, 5_000)
    whole = whole if sort else whole.isel(localization=rng.permutation(5_000))
    pieces = (whole.isel(localization=slice(start, start + 700)) for start in range(0, 5_000, 700))
    found = bin_chunks(pieces, FIELD, ACQUISITION)
    assert found.counts.identical(bin_localizations(whole, FIELD, ACQUISITION).counts)


def test_a_pixel_that_fills_up_over_the_pieces_is_named():
    piece = table(np.full(40_000, 50), np.full(40_000, 30.0), np.full(40_000, 70.0))
    with pytest.raises(
        ValueError, match=r"more than 65535 .* time point 7 in the pixel at y = 30 nm, x = 70 nm"
    ):
        bin_chunks([piece, piece], FIELD, ACQUISITION)


def test_a_piece_with_frames_beyond_the_movie_is_refused():
    with pytest.raises(ValueError, match="found frames from 0 to 84; the acquisition has 0 to 83"):
        bin_chunks([table([84], [0], [0])], FIELD, ACQUISITION)
