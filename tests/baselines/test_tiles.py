"""Tiles cover a movie once, in pieces no larger than asked for, and their borders cannot be seen."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from baselines._tiles import tiles

SHAPES = [(1, 1, 1), (37, 61, 90), (5, 200, 33), (64, 64, 64), (100, 3, 17)]
LARGEST = [(16, 32, 32), (64, 256, 256), (7, 5, 3), (2, 64, 1)]


def assembled(function, shape, largest, multiple, movie):
    total = np.zeros(shape, np.float32)
    for tile in tiles(shape, largest, multiple):
        tile.add(function(tile.cut(movie)), total)
    return total


@pytest.mark.parametrize(("shape", "largest"), list(itertools.product(SHAPES, LARGEST)))
def test_weights_add_up_to_one_everywhere(shape, largest):
    if np.prod(shape) / np.prod(largest) > 1e4:
        shape = tuple(min(size, 11) for size in shape)
    total = assembled(np.ones_like, shape, largest, (1, 1, 1), np.zeros(shape))
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("multiple", [(1, 1, 1), (16, 16, 16), (4, 8, 8)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_network_that_changes_nothing_gives_the_movie_back(shape, multiple):
    movie = np.random.default_rng(0).poisson(3, shape).astype(np.uint16)
    found = assembled(lambda tile: tile, shape, (16, 32, 32), multiple, movie)
    np.testing.assert_allclose(found, movie, rtol=1e-6)


@pytest.mark.parametrize("multiple", [(1, 1, 1), (16, 16, 16), (4, 8, 8)])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_tile_is_larger_than_asked_and_each_is_a_multiple(shape, multiple):
    movie = np.zeros(shape, np.uint8)
    for tile in tiles(shape, (16, 32, 40), multiple):
        cut = tile.cut(movie).shape
        assert all(size <= most for size, most in zip(cut, (16, 32, 40), strict=True))
        assert all(size % step == 0 for size, step in zip(cut, multiple, strict=True))


def test_a_tile_is_never_smaller_than_what_the_network_takes():
    (tile,) = tiles((5, 6, 7), (1, 2, 3), (8, 8, 8))
    assert tile.cut(np.zeros((5, 6, 7))).shape == (8, 8, 8)


def test_tiles_of_one_pixel_come_once_each():
    assert len(list(tiles((3, 4, 1), (1, 1, 1), (1, 1, 1)))) == 12


def test_a_large_movie_is_covered_one_tile_at_a_time():
    """What a tile holds is three slices and as many weights as it is long along each axis."""
    covering = tiles((2000, 1024, 1024), (64, 256, 256), (16, 16, 16))
    first = next(covering)
    assert [len(weight) for weight in first.weights] == [64, 256, 256]
    assert sum(1 for _ in covering) + 1 == 42 * 5 * 5  # three quarters of a tile further each, rounded up


def test_the_last_frame_goes_on_and_the_image_is_mirrored():
    movie = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    (tile,) = tiles(movie.shape, (4, 4, 4), (4, 4, 4))
    cut = tile.cut(movie)
    np.testing.assert_array_equal(cut[2:, :3, :3], movie[[1, 1]])
    np.testing.assert_array_equal(cut[:2, 3, :3], movie[:, 1])
    np.testing.assert_array_equal(cut[:2, :3, 3], movie[:, :, 1])


def convolutions():
    """Two layers that see 2 px in each direction, and give values between -1 and 1."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.Tanh(), nn.Conv3d(3, 1, 3, padding=1), nn.Tanh())

    @torch.inference_mode()
    def run(movie):
        return layers(torch.from_numpy(movie)[None, None])[0, 0].numpy()

    return run


def test_there_are_no_seams():
    """A tile is wrong only within 2 px of a border inside the movie, where its weight is small.

    So the blended movie is the untiled one elsewhere, and off by no more than twice the greatest value, 1, times the
    weight of what is wrong.
    """
    shape, largest, seen = (50, 60, 33), (32, 32, 48), 2
    movie, network = np.random.default_rng(0).normal(size=shape).astype(np.float32), convolutions()
    wrong = np.zeros(shape, np.float32)

    def near_a_border(place, size):
        at = np.arange(place.start, place.stop)
        low = (at - place.start < seen) & (place.start > 0)
        return low | ((place.stop - at <= seen) & (place.stop < size))

    for tile in tiles(shape, largest, (1, 1, 1)):
        along = [near_a_border(place, size) for place, size in zip(tile.place, shape, strict=True)]
        tile.add((along[0][:, None, None] | along[1][:, None] | along[2]).astype(np.float32), wrong)
    error = np.abs(assembled(network, shape, largest, (1, 1, 1), movie) - network(movie))
    rounding = 20 * np.finfo(np.float32).eps
    assert (error <= 2 * wrong + rounding).all()
    assert (wrong == 0).mean() > 0.5
    assert 0 < wrong.max() < 0.1
