import itertools

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.plugins import PluginError
from smlmsim.reconstruct import ReconstructionError
from smlmsim.spec import Spec
from smlmsim.testing import (
    check_reconstructor,
    check_trainable,
    make_observation,
    with_frames,
    with_widefield,
)


class Blur:
    """A reconstructor that keeps to the contract, until a test spoils it."""

    def spoil(self, density):
        return density

    def attrs(self):
        return {"width": 3, "kernel": [1.0, 2.0, 1.0], "name": "blur"}

    def reconstruct(self, observation):
        return schema.dataset(
            self.attrs(),
            density=self.spoil(observation.counts.values.astype(np.float32)),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )


def test_a_reconstructor_that_keeps_to_the_contract_passes():
    check_reconstructor(Blur())


class Colours(Blur):
    """One that takes all channels at once."""

    takes_channels = True

    def reconstruct(self, observation):
        made = super().reconstruct(observation)
        return made.assign_coords({name: observation[name] for name in observation.counts.dims})


def test_a_reconstructor_that_takes_channels_is_tried_on_two_and_on_movies_without():
    check_reconstructor(Colours())

    class Sums(Colours):
        def spoil(self, density):
            return density.sum(axis=0) if density.ndim == 4 else density

    with pytest.raises(
        ReconstructionError, match=r"on two channels of shape \(2, 8, 24, 24\): Sums is refused"
    ):
        check_reconstructor(Sums())


def test_a_reconstructor_that_needs_frames_is_tried_on_movies_with_frames():
    seen = []

    class FromFrames(Blur):
        needs = ("frames",)

        def reconstruct(self, observation):
            schema.check_frames(observation)
            seen.append(observation.sizes)
            return super().reconstruct(observation)

    check_reconstructor(FromFrames())
    assert len(seen) == 18
    assert all(sizes["frame"] == sizes["time"] for sizes in seen)


def test_a_reconstructor_that_needs_widefield_images_is_tried_on_movies_with_them():
    seen = []

    class FromWidefield(Blur):
        needs = ("widefield",)

        def reconstruct(self, observation):
            schema.check(observation, "widefield")
            seen.append(observation.sizes)
            return super().reconstruct(observation)

    check_reconstructor(FromWidefield())
    assert len(seen) == 22
    assert all(sizes["widefield_time"] == sizes["time"] for sizes in seen)


def test_widefield_images_are_the_blurred_localizations_of_all_channels_together():
    counts = np.zeros((2, 3, 40, 60), int)
    counts[0, 1, 11, 33] = counts[1, 1, 25, 9] = 3
    movie = with_widefield(make_observation(counts), sigma_nm=40.0)
    image = movie.widefield.values[1]
    assert image.sum() == pytest.approx(6)
    assert image[11, 33] == pytest.approx(image[25, 9]) == image.max()
    assert not movie.widefield.values[[0, 2]].any()


def test_frames_show_molecules_where_the_localizations_are():
    counts = np.zeros((3, 40, 60), int)
    counts[1, 11, 33] = 3
    movie = with_frames(make_observation(counts, pixel_nm=25.0, origin_nm=-400.0))
    frame, row, column = np.unravel_index(movie.frames.values.argmax(), movie.frames.shape)
    assert frame == 1
    assert abs(float(movie.camera_y[row] - movie.y[11])) <= 100
    assert abs(float(movie.camera_x[column] - movie.x[33])) <= 100


def test_the_movies_are_of_many_kinds():
    seen = []

    class Remembers(Blur):
        def reconstruct(self, observation):
            seen.append(observation)
            return super().reconstruct(observation)

    check_reconstructor(Remembers())
    shapes = {observation.counts.shape for observation in seen}
    localizations = {int(observation.counts.sum()) for observation in seen}
    assert (37, 61, 90) in shapes
    for axis in range(3):
        assert any(shape[axis] == 1 for shape in shapes)
    assert {0, 1} <= localizations
    assert max(int(observation.counts.max()) for observation in seen) == 65535


class Random(Blur):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def spoil(self, density):
        return density + self.rng.random(density.shape)


class Scaled(Blur):
    def spoil(self, density):
        with np.errstate(invalid="ignore"):
            return density / density.max()


class ForgetsOddSizes(Blur):
    def spoil(self, density):
        return density.reshape(-1, *(n // 2 * 2 for n in density.shape[1:]))


class Overshoots(Blur):
    def spoil(self, density):
        return density - density.mean()


class NegativeVariance(Blur):
    def reconstruct(self, observation):
        found = super().reconstruct(observation)
        return found.assign(uncertainty=-found.density)


class Blind(Blur):
    def spoil(self, density):
        return np.zeros_like(density)


class SeesFewOnly(Blur):
    def spoil(self, density):
        return density * (density.sum() < 1000)


class Undescribed(Blur):
    def attrs(self):
        return {"width": None}


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (
            Random,
            "on a square movie of shape .*Random is refused: its density differs from one call to the next",
        ),
        (Scaled, "on an empty movie .*Scaled is refused: its density holds 2880 values that are NaN"),
        (
            ForgetsOddSizes,
            r"on a movie of odd sizes of shape \(37, 61, 90\): ForgetsOddSizes raised ValueError",
        ),
        (Overshoots, "on a square movie .*the smallest density is -0.0.*; it cannot be negative"),
        (NegativeVariance, "the smallest uncertainty is -.*; it cannot be negative"),
        (Blind, "on a square movie .*its density is 0 everywhere, though [0-9]+ pixels have localizations"),
        (SeesFewOnly, "on a movie of odd sizes .*its density is 0 everywhere"),
        (Undescribed, "its attribute 'width' is None"),
    ],
)
def test_one_that_breaks_the_contract_is_told_where_and_why(spoilt, reason):
    with pytest.raises(ReconstructionError, match=reason):
        check_reconstructor(spoilt())


@pytest.mark.parametrize("nothing", [Blur, 3, None])
def test_what_is_no_reconstructor_is_refused(nothing):
    with pytest.raises(ReconstructionError, match=r"is not an object with a method reconstruct\(\)"):
        check_reconstructor(nothing)


def test_an_observation_is_consistent():
    counts = np.random.default_rng(0).poisson(0.5, (4, 5, 6))
    seen = make_observation(counts, point_s=0.5, pixel_nm=100.0, origin_nm=-300.0)
    schema.check(
        seen, "counts", "time", "y", "x", "loc_frame", "loc_time", "loc_y", "loc_x", "loc_uncertainty"
    )
    edges = [
        np.arange(n + 1) * step + first
        for n, step, first in zip((4, 5, 6), (0.5, 100, 100), (0, -300, -300), strict=True)
    ]
    again, _ = np.histogramdd(np.stack([seen.loc_time, seen.loc_y, seen.loc_x], axis=1), edges)
    np.testing.assert_array_equal(seen.counts, counts)
    np.testing.assert_array_equal(again, counts)
    assert all(a <= b for a, b in itertools.pairwise(seen.loc_frame.values))


@pytest.mark.parametrize("number", [-1, 65536])
def test_counts_that_a_pixel_cannot_hold_are_refused(number):
    with pytest.raises(ValueError, match=f"counts go from 0 to 65535, found {number} to {number}"):
        make_observation(np.full((1, 2, 2), number))


class Network(Spec):
    """A network that keeps to the contract, until a test spoils it."""

    width: int = 3

    @classmethod
    def configured(cls, size="shipped"):
        if size == "published":
            raise ValueError("no such size")
        return cls(width=4 if size == "tiny" else 3)

    def parameters(self):
        return {"network": 5}


class Unconfigured(Network):
    @classmethod
    def configured(cls, size="shipped"):
        raise FileNotFoundError("shipped.toml")


class Forgets(Network):
    @classmethod
    def model_validate(cls, obj):
        return cls()


class Empty(Network):
    def parameters(self):
        return {"network": 5, "critic": 0}


class Unstorable(Network):
    def model_dump(self, **_):
        return {"width": None}


def test_a_network_that_keeps_to_the_contract_passes():
    check_trainable(Network)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (Unconfigured, "Unconfigured has no default configuration: shipped.toml"),
        (
            Forgets,
            "Forgets is refused: its configuration 'tiny' differs after writing it to TOML and reading it back",
        ),
        (Empty, "Empty is refused: its configuration 'default' counts the parameters .*'critic': 0"),
        (Unstorable, "Unstorable is refused: its configuration 'default' TypeError: .*NoneType"),
    ],
)
def test_a_network_that_breaks_the_contract_is_told_where_and_why(spoilt, reason):
    with pytest.raises(PluginError, match=reason):
        check_trainable(spoilt)
