"""Localizers see movies of any length in blocks, and only tables of localizations come out."""

import logging

import numpy as np
import pytest
import xarray as xr
from spots_on_frames import one_each

from smlmsim import schema
from smlmsim.localizers import LocalizerError, localize, localize_with
from smlmsim.testing import check_localizer


class Sums:
    """One localization in every frame, whose photons are the light of this frame and of those around."""

    def __init__(self, context=0):
        self.context_frames = context
        self.seen = []

    def localize(self, frames):
        self.seen.append(frames.sizes["frame"])
        number, first = frames.sizes["frame"], frames.attrs["first_frame"]
        light = frames.frames.values.astype(float).sum(axis=(1, 2))
        around = [
            light[max(0, k - self.context_frames) : k + self.context_frames + 1].sum() for k in range(number)
        ]
        return self.table(first + np.arange(number), around)

    def table(self, frame, light):
        where = np.full(len(frame), 650.0)
        return schema.dataset(
            loc_frame=frame,
            loc_y=where,
            loc_x=where,
            loc_uncertainty=where,
            loc_intensity=np.asarray(light, float),
        )


def blocks(frames, *sizes):
    """The frames cut into blocks of given sizes."""
    ends = np.cumsum(sizes)
    for begin, end in zip([0, *ends], [*ends, frames.sizes["frame"]], strict=True):
        yield frames.isel(frame=slice(begin, end)).assign_attrs(
            first_frame=frames.attrs["first_frame"] + int(begin)
        )


@pytest.fixture(scope="module")
def frames():
    return one_each(11)[0].assign_attrs(first_frame=40)


@pytest.mark.parametrize("context", [0, 1, 3])
@pytest.mark.parametrize("sizes", [(4,), (1, 1, 1), (2, 7), (5, 5, 1)])
def test_a_movie_has_the_same_localizations_however_it_is_cut(frames, context, sizes):
    whole = localize(Sums(context), frames)
    assert whole.loc_frame.values.tolist() == list(range(40, 51))
    assert localize(Sums(context), blocks(frames, *sizes)).identical(whole)


def test_blocks_overlap_by_the_frames_that_a_localizer_looks_at(frames):
    localizer = Sums(1)
    localize(localizer, blocks(frames, 4, 4))
    assert localizer.seen == [4, 6, 5, 2]


def test_a_long_movie_is_cut(frames, monkeypatch):
    monkeypatch.setattr("smlmsim.localizers.BLOCK_PIXELS", 4 * 13 * 13)
    localizer = Sums()
    localize(localizer, frames)
    assert localizer.seen == [4, 4, 3]


def test_the_table_tells_when_and_where_the_camera_recorded(frames):
    table = localize(Sums(), frames)
    np.testing.assert_allclose(table.loc_time, (np.arange(40, 51) + 0.5) * 0.03)
    assert table.attrs["field_nm"] == [0, 0, 1300, 1300]
    assert table.attrs["recorded_frames"] == [40, 51]
    assert (table.attrs["exposure_s"], table.attrs["camera_pixel_nm"]) == (0.03, 100)


def test_a_localizer_is_found_by_name_with_its_settings(frames):
    dim = localize_with("mle", frames, {"threshold": 1000.0})
    assert dim.sizes["localization"] == 0
    assert localize_with("mle", frames).sizes["localization"] >= 11


def test_blocks_that_do_not_follow_each_other_are_refused(frames):
    first, second = blocks(frames, 4)
    with pytest.raises(schema.SchemaError, match="begins with frame 40, expected frame 51"):
        localize(Sums(), [second, first])


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="no frames"):
        localize(Sums(), [])


class Nothing(Sums):
    def localize(self, frames):
        return None


class Elsewhere(Sums):
    def localize(self, frames):
        return self.table(np.array([3]), [1.0])


class Dark(Sums):
    def localize(self, frames):
        return self.table(np.array([40]), [0.0])


class NotANumber(Sums):
    def localize(self, frames):
        return self.table(np.array([40]), [np.nan])


class Changing(Sums):
    def localize(self, frames):
        frames["frames"].values[:] = 0
        return super().localize(frames)


class Unsure(Sums):
    def localize(self, frames):
        return super().localize(frames).drop_vars("loc_uncertainty")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Nothing, "Nothing is refused: it returned NoneType, expected an xarray.Dataset"),
        (Elsewhere, "in the frames 3 to 3 of the frames 40 to 50"),
        (Dark, "its loc_intensity is not positive everywhere, found 0"),
        (NotANumber, "loc_intensity holds 1 values that are NaN or infinite"),
        (Changing, "it changed the frames"),
        (Unsure, "no 'loc_uncertainty'"),
    ],
)
def test_what_is_no_table_of_localizations_is_refused_with_the_reason(frames, kind, reason):
    with pytest.raises(LocalizerError, match=reason):
        localize(kind(), frames.copy(deep=True))


def test_columns_beyond_the_vocabulary_are_left_out(frames):
    class More(Sums):
        def localize(self, frames):
            found = super().localize(frames)
            return found.assign(loc_background=found.loc_intensity, quality=found.loc_intensity)

    assert set(localize(More(), frames)) >= {"loc_background"}
    assert "quality" not in localize(More(), frames)


def test_noise_that_is_not_that_of_the_camera_is_said(caplog):
    frames, _ = one_each(2, edge=40, background_photons=50.0)
    with caplog.at_level(logging.WARNING, "smlmsim"):
        localize(Sums(), frames)
        assert not caplog.records
        localize(Sums(), frames.assign_attrs(electrons_per_level=7.5))
    assert "times that of the camera as calibrated here" in caplog.text


def test_an_offset_above_the_light_is_said(caplog):
    frames, _ = one_each(2, edge=40, background_photons=50.0)
    level = float(np.quantile(frames.frames[0], 0.05))
    with caplog.at_level(logging.WARNING, "smlmsim"):
        localize(Sums(), frames.assign_attrs(offset=level + 30))
    assert "the first frame are 30 grey levels darker than the camera without light" in caplog.text
    assert f"offset={level + 30:g}" in caplog.text


def test_the_contract_names_the_frames_on_which_it_is_broken():
    class Random(Sums):
        def localize(self, frames):
            found = super().localize(frames)
            return found.assign(loc_y=found.loc_y + np.random.default_rng().uniform(0, 50, found.loc_y.size))

    with pytest.raises(
        LocalizerError, match=r"Random on molecules by themselves of shape .*: its loc_y differs"
    ):
        check_localizer(Random())
    with pytest.raises(
        LocalizerError, match=r"Sums on molecules by themselves .* it found 23% of bright molecules"
    ):
        check_localizer(Sums())
    with pytest.raises(LocalizerError, match="is not an object with a method localize"):
        check_localizer(Sums)


def test_what_sees_more_frames_than_it_says_breaks_the_contract():
    class Greedy(Sums):
        def localize(self, frames):
            found = super().localize(frames)
            return found.assign(loc_intensity=xr.full_like(found.loc_intensity, float(frames.frames.mean())))

    with pytest.raises(LocalizerError, match="its loc_intensity depends on where the movie is cut"):
        check_localizer(Greedy())
