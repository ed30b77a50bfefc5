"""Sheets hold the frames that they say, and get smaller with the budget."""

import io

import numpy as np
import pytest
from PIL import Image

from smlmsim.report.sprites import (
    QUALITIES,
    Quality,
    affordable,
    chosen_frames,
    encode,
    encode_all,
    reduced,
    sheet,
    sheet_columns,
)  # fmt: skip
from smlmsim.rng import stream


def smooth(frames=20, size=32):
    t, y, x = np.meshgrid(np.arange(frames), np.arange(size), np.arange(size), indexing="ij")
    return np.rint(127 + 120 * np.sin(x / 5 + t / 3) * np.cos(y / 6)).astype(np.uint8)


def test_frames_lie_row_by_row_in_a_sheet():
    movie = smooth(7, 8)
    laid_out, columns = sheet(movie), sheet_columns(7)
    for index, frame in enumerate(movie):
        top, left = 8 * (index // columns), 8 * (index % columns)
        np.testing.assert_array_equal(laid_out[top : top + 8, left : left + 8], frame)


@pytest.mark.parametrize("most", [1, 5, 20, 100])
def test_kept_frames_are_evenly_spaced_from_first_to_last(most):
    kept = chosen_frames(20, most)
    assert len(kept) == min(most, 20)
    assert kept[0] == 0
    assert most == 1 or kept[-1] == 19
    assert np.ptp(np.diff(kept)) <= 1 if len(kept) > 1 else True


def test_points_survive_without_loss_and_smooth_movies_nearly():
    points = np.where(stream(1, "points").random((9, 16, 16)) < 0.02, 255, 0).astype(np.uint8)
    for movie, loss in ((points, 0), (smooth(), 6)):
        decoded = np.asarray(Image.open(io.BytesIO(encode(movie, QUALITIES[0]))).convert("L")).astype(int)
        error = np.abs(decoded - sheet(reduced(movie, QUALITIES[0])))
        assert np.sqrt(np.mean(error**2)) <= loss


@pytest.mark.parametrize(("share", "lossless"), [(0.001, True), (0.02, True), (0.5, False)])
def test_points_are_compressed_without_loss_where_that_is_smaller(share, lossless):
    rng = stream(3, "points")
    movie = np.where(rng.random((24, 64, 64)) < share, rng.integers(1, 256, (24, 64, 64)), 0).astype(np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode(movie, QUALITIES[0]))).convert("L"))
    assert np.array_equal(decoded, sheet(reduced(movie, QUALITIES[0]))) == lossless


def test_a_reduced_pixel_is_the_mean_of_those_it_replaces():
    movie = stream(2, "movie").integers(0, 256, (3, 6, 7)).astype(np.uint8)
    found = reduced(movie, Quality(3, 2, 50))
    assert found.shape == (3, 3, 3)
    assert found[1, 2, 0] == round(movie[1, 4:6, 0:2].mean())


def test_the_best_quality_that_fits_is_taken():
    samples = [[smooth(80, 64)] * 3]
    sizes = [3 * len(encode(smooth(80, 64), quality)) for quality in QUALITIES]
    best, sheets = affordable(samples, 10, 10**9)
    assert best == QUALITIES[0]
    assert sheets == [encode_all(samples[0], best)]
    assert affordable(samples, 10, 12 * sizes[3])[0] in QUALITIES[: 3 + 1]
    assert affordable(samples, 10, 12 * sizes[-1])[0] != QUALITIES[0]
    with pytest.raises(ValueError, match="10 clips do not fit 0 MB"):
        affordable(samples, 10, 1000)


def test_movies_are_encoded_together_as_one_by_one():
    movies = [smooth(8, 32), np.zeros((8, 32, 32), np.uint8), smooth(8, 32)]
    for threads in (1, 3):
        assert encode_all(movies, QUALITIES[0], threads=threads) == [
            encode(movie, QUALITIES[0]) for movie in movies
        ]
