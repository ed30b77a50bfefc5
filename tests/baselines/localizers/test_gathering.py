"""Points whose weights are expected molecules are gathered to molecules."""

import numpy as np
import pytest
from spots_on_frames import events

from baselines.localizers._gathering import gathered, lit
from baselines.localizers._gathering_kernels import ROUNDS, gather
from smlmsim.shot_noise import counts_of
from smlmsim.testing import make_frames


def twin(points, radius, blur, least):
    """The same by comparing every point with every other one."""

    def within(y, x):
        return (points[:, 0] - y) ** 2 + (points[:, 1] - x) ** 2 <= radius**2

    squared = ((points[:, None, :2] - points[None, :, :2]) ** 2).sum(-1)
    score = np.where(squared <= radius**2, points[:, 2] * np.exp(-squared / (2 * blur**2)), 0).sum(1)
    free, found = np.ones(len(points), bool), []
    for i in np.argsort(-score, kind="stable"):
        if not free[i]:
            continue
        y, x = points[i, :2]
        for _ in range(ROUNDS):
            near = within(y, x) & free
            weight = points[near, 2].sum()
            if not weight:
                break
            y, x = (points[near, :2] * points[near, 2:]).sum(0) / weight
        if weight < least:
            continue
        off = points[near, :2] - (y, x)
        variance = (points[near, 2] * (off**2).sum(1)).sum() / weight / 2
        free &= ~within(y, x)
        free[i] = False
        found.append((y, x, weight, variance))
    return np.array(found)


def cloud(rng, y, x, weight, spread=0.15, number=40):
    places = (y, x) + spread * rng.standard_normal((number, 2))
    return np.column_stack([places, np.full(number, weight / number)])


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_a_comparison_of_all_points(seed):
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.uniform(-1, 8, (300, 2)), rng.uniform(0, 0.2, 300)])
    found, expected = gather(points, 0.8, 0.2, 0.5), twin(points, 0.8, 0.2, 0.5)
    assert len(found) > 5
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_molecule_has_the_middle_weight_and_spread_of_its_points():
    rng = np.random.default_rng(0)
    points = cloud(rng, 3.0, 4.0, 0.9)
    ((y, x, weight, variance),) = gather(points, 0.8, 0.2, 0.5)
    assert (y, x) == pytest.approx(points[:, :2].mean(0))
    assert weight == pytest.approx(0.9)
    assert variance == pytest.approx(points[:, :2].var(0).mean())


def test_two_molecules_a_radius_and_a_half_apart_are_two_and_an_unlikely_one_is_none():
    rng = np.random.default_rng(0)
    points = np.concatenate([cloud(rng, 3.0, 4.0, 0.9), cloud(rng, 3.0, 5.2, 0.7), cloud(rng, 9.0, 9.0, 0.4)])
    found = gather(points, 0.8, 0.2, 0.5)
    assert found[:, 1].round(1).tolist() == [4.0, 5.2]


def test_frames_do_not_mix_and_those_without_points_have_no_molecules():
    frame, (y, _, weight, _) = gathered(
        np.array([1, 1, 4]), np.array([2.0, 2.1, 2.0]), np.zeros(3), np.array([0.3, 0.3, 0.6]),
        radius=0.8, blur=0.2, least=0.5,
    )  # fmt: skip
    assert frame.tolist() == [1, 4]
    assert y == pytest.approx([2.05, 2.0])
    assert weight == pytest.approx([0.6, 0.6])
    nothing = gathered(*(np.empty(0) for _ in range(4)), radius=0.8, blur=0.2, least=0.5)
    assert nothing[0].size == 0
    assert nothing[1].shape == (4, 0)


def test_a_table_has_the_photons_of_the_frame_and_no_precision_better_than_that_of_a_spot_by_itself():
    molecules = events(np.arange(50), [800.0] * 50, [820.0] * 50, 1000.0)
    frames = make_frames(molecules, (50, 17, 17))
    y, x = np.full(50, 7.5), np.full(50, 7.7)
    found = lit(frames, counts_of(frames), np.arange(50), y, x, np.full(50, 1e-3), sigma_px=1.3)
    assert found.loc_y.values == pytest.approx(800)
    assert float(found.loc_intensity.mean()) == pytest.approx(1000, rel=0.03)
    assert float(found.loc_background.mean()) == pytest.approx(10, rel=0.1)
    assert 5 < float(found.loc_uncertainty.min()) < 8
    wide = lit(frames, counts_of(frames), np.arange(50), y, x, np.full(50, 0.4), sigma_px=1.3)
    assert wide.loc_uncertainty.values == pytest.approx(40, rel=1e-5)
