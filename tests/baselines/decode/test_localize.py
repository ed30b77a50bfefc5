"""The localizer decode chooses the pixels that stand for a molecule."""

import numpy as np

from baselines.decode.localize import _chosen


def test_a_molecule_between_two_pixels_is_one_and_likely_neighbours_are_two():
    probability = np.zeros((2, 5, 6), np.float32)
    probability[0, 2, 3:5] = 0.45, 0.5
    probability[1, 2, 3:5] = 0.9, 0.95
    frame, row, column = _chosen(probability, 0.5)
    assert list(zip(frame, row, column, strict=True)) == [(0, 2, 4), (1, 2, 3), (1, 2, 4)]


def test_of_equal_pixels_the_first_is_chosen():
    probability = np.zeros((1, 4, 4), np.float32)
    probability[0, 1:3, 1:3] = 0.4
    assert [int(index[0]) for index in _chosen(probability, 0.5)] == [0, 1, 1]
