"""Learned motion carries vertices by a flow, at the velocity that was asked for and without folds."""

import logging

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.contour import Box
from smlmsim.estimate.velocity import contour_velocity
from smlmsim.field import FieldOfView
from smlmsim.motion import learned
from smlmsim.motion.learned import LEAST_JACOBIAN, DynamicsError, Flowing, Learned, first_root
from smlmsim.motion.periodic_grid import PeriodicGrid
from smlmsim.plugins import PluginError
from smlmsim.rng import stream

FIELD = FieldOfView(height_nm=2560, width_nm=1920, pixel_nm=20, origin_y_nm=300, origin_x_nm=-200)
BOX = [-980.0, -1160.0, 5120.0, 3840.0]
TIMES = np.arange(129) * 1.5
"""With a lag of 1.5 s, the 128 times at which the velocity is calibrated are those of the movie."""


def lines(filaments=60, seed=0, **attrs):
    rng = stream(seed, "lines")
    centres = np.array(BOX[:2]) + rng.random((filaments, 2)) * np.array(BOX[2:])
    angles = rng.uniform(0, 2 * np.pi, (filaments, 1))
    along = np.linspace(-400, 400, 20)
    return schema.dataset(
        {"field_nm": FIELD.rectangle_nm, "box_nm": BOX} | attrs,
        vertex_y=(centres[:, :1] + along * np.sin(angles)).ravel(),
        vertex_x=(centres[:, 1:] + along * np.cos(angles)).ravel(),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), 20),
    )


class Noise:
    """Independent steps of every node, smooth over some of them, and a common one."""

    cell_nm, multiple, step_s = 200.0, 4, 1.5
    velocity_nm_per_s, learned_from = (20.0, 100.0), "nothing"
    waves, common = 60.0, 60.0

    def flow(self, image, cell_nm, steps, velocity_nm_per_s, rng):
        own = rng.standard_normal((steps + 1, 2, *image.shape))
        for axis in (-1, -2):
            own = sum(np.roll(own, shift, axis) for shift in range(-2, 3)) / np.sqrt(5)
        own -= own.mean(axis=(-1, -2), keepdims=True)
        common = rng.standard_normal((steps + 1, 2, 1, 1)).cumsum(axis=0)
        return self.waves * own + self.common * common


class Gliding(Noise):
    """A constant velocity of the whole plane."""

    def flow(self, image, cell_nm, steps, velocity_nm_per_s, rng):
        way = np.arange(steps + 1)[:, None] * self.step_s * np.array([30.0, -40.0])
        return np.broadcast_to(way[:, :, None, None], (steps + 1, 2, *image.shape))


@pytest.fixture
def use(monkeypatch):
    """Let learned motion use given dynamics."""

    def chosen(dynamics):
        monkeypatch.setattr(Learned, "_loaded", lambda _: dynamics)

    learned._say_once.cache_clear()
    return chosen


def test_at_rest_every_vertex_is_where_it_was_built(use):
    use(Noise())
    structure = lines(60, box_nm=[-1e4, -1e4, 2e4, 2e4])
    moved = Learned(velocity_nm_per_s=0).move(structure, TIMES[:5], stream(1, "motion"))
    for name in ("vertex_y", "vertex_x"):
        expected = np.broadcast_to(structure[name].values.astype(np.float32), moved[name].shape)
        np.testing.assert_array_equal(moved[name].values, expected)


@pytest.mark.parametrize("velocity", [5.0, 60.0, 240.0])
def test_the_velocity_is_the_one_that_was_asked_for(use, velocity):
    """The search ends within 0.5 %; normals are here those of both neighbours of a vertex, there of one: 1 % in all."""
    use(Noise())
    moved = Learned(velocity_nm_per_s=velocity).move(lines(), TIMES, stream(1, "motion"))
    found = contour_velocity(moved, 1.5, field=FIELD).normal_nm_per_s
    assert found == pytest.approx(velocity, rel=0.01)


@pytest.mark.parametrize("velocity", [60.0, 400.0])
def test_no_area_shrinks_to_less_than_the_least_one_whatever_the_velocity(use, velocity):
    use(Noise())
    found = Learned(velocity_nm_per_s=velocity)._moved(lines(), TIMES, stream(2, "motion"))
    along_y, along_x = found.scale * found.grid.gradients(found.nodes)
    jacobian = (1 + along_y[:, :, 0]) * (1 + along_x[:, :, 1]) - along_x[:, :, 0] * along_y[:, :, 1]
    assert jacobian.min() >= LEAST_JACOBIAN - 1e-9
    if velocity > 300:
        assert jacobian.min() == pytest.approx(LEAST_JACOBIAN, abs=1e-6)
        assert found.drift > 0


def test_what_a_fold_does_not_allow_is_said_once(use, caplog):
    use(Noise())
    with caplog.at_level(logging.INFO, "smlmsim.motion.learned"):
        for seed in range(2):
            Learned(velocity_nm_per_s=400).move(lines(), TIMES[:20], stream(seed, "motion"))
    assert sum("would fold the plane" in line for line in caplog.messages) == 1
    assert sum("know velocities of 20 to 100 nm/s" in line for line in caplog.messages) == 1


def test_a_uniform_flow_carries_all_alike_along_the_shortest_way(use):
    use(Gliding())
    structure = lines()
    moved = Learned(velocity_nm_per_s=20).move(structure, TIMES, stream(3, "motion"))
    place = np.stack([moved.vertex_y.values, moved.vertex_x.values])
    steps = Box.of(structure).nearest_nm(np.diff(place, axis=1))
    assert np.ptp(steps[0]) < 0.01
    assert steps[0].mean() / steps[1].mean() == pytest.approx(-30 / 40, rel=1e-3)
    centres = place.reshape(2, len(TIMES), 60, 20).mean(axis=3)
    low, high = (
        np.array(BOX[:2])[:, None, None] - 0.01,
        (np.array(BOX[:2]) + np.array(BOX[2:]))[:, None, None] + 0.01,
    )
    assert ((centres >= low) & (centres <= high)).all()


def test_between_two_steps_the_course_is_smooth_and_through_both():
    structure, grid = lines(), PeriodicGrid.over(BOX, 200.0, 4)
    nodes = Noise().flow(np.ones((grid.rows, grid.columns)), 200.0, 6, 60.0, stream(4, "flow"))
    everywhere = np.ones(structure.sizes["vertex"], bool)
    del structure.attrs["box_nm"]
    flowing = Flowing(structure, grid, [everywhere], nodes[None], 10.0, 1.5)
    at_steps = flowing.positions(10 + 1.5 * np.arange(6))
    expected = flowing.rest[:, None] + np.moveaxis(flowing.moved[:6], 1, 0)
    np.testing.assert_allclose(at_steps, expected, atol=1e-3)
    around = flowing.positions(10 + 3.0 + np.array([-1e-3, 0, 1e-3]))
    before, after = np.diff(around.astype(float), axis=1).swapaxes(0, 1)
    assert np.abs(after - before).max() < 0.01


@pytest.mark.parametrize("groups", [1, 3, 100])
def test_the_filaments_of_a_group_flow_alike_and_groups_flow_independently(use, groups):
    """Of common flows alone, a filament is shifted as all others of its group, and no filament of another group is."""

    class Common(Noise):
        waves = 0.0

    use(Common())
    structure = lines()
    moved = Learned(groups=groups).move(structure, TIMES[:12], stream(9, "motion"))
    place = np.stack([moved.vertex_y.values, moved.vertex_x.values]).astype(float)
    steps = Box.of(structure).nearest_nm(np.diff(place, axis=1)).reshape(2, 11, 60, 20)
    assert np.ptp(steps, axis=3).max() < 0.01
    of_filament = steps[..., 0].reshape(22, 60)
    alike = np.abs(of_filament[:, :, None] - of_filament[:, None]).max(axis=0) < 0.05
    sizes = alike.sum(axis=0)
    assert (alike == alike.T).all()
    assert (sizes == 60 / min(groups, 60)).all()


def test_one_seed_gives_the_same_bytes_and_another_gives_others(use):
    use(Noise())
    first, again, other = (
        Learned().move(lines(), TIMES[:9], stream(seed, "motion")).vertex_y.values for seed in (5, 5, 6)
    )
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_a_structure_that_does_not_repeat_is_moved_over_the_field_and_around(use):
    use(Noise())
    structure = lines()
    del structure.attrs["box_nm"]
    moved = Learned(velocity_nm_per_s=50).move(structure, TIMES, stream(7, "motion"))
    assert contour_velocity(moved, 1.5, field=FIELD).normal_nm_per_s == pytest.approx(50, rel=0.01)


def test_a_moving_structure_says_what_its_motion_was_learned_from(use):
    use(Noise())
    moved = Learned().move(lines(), TIMES[:3], stream(8, "motion"))
    assert moved.attrs["learned_from"] == "nothing"


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (np.zeros((3, 2, 24, 20)), "0 everywhere, so it cannot give velocity_nm_per_s=60"),
        (np.zeros((3, 2, 5, 20)), r"gave a flow of the shape \(3, 2, 5, 20\), expected \(3, 2, 24, 20\)"),
        (np.full((3, 2, 24, 20), np.nan), "not finite everywhere"),
    ],
)
def test_a_flow_that_does_not_fit_is_refused(use, flow, message):
    class Broken(Noise):
        def flow(self, image, cell_nm, steps, velocity_nm_per_s, rng):
            return flow

    use(Broken())
    with pytest.raises(DynamicsError, match=message):
        Learned().move(lines(), TIMES[:1], stream(0, "motion"))


@pytest.mark.parametrize(
    ("times", "box", "message"),
    [
        ([0.0, 2.0, 1.0], BOX, "must be finite and increase"),
        ([], BOX, "must be finite and increase"),
        ([0.0, 1e6], BOX, "ask for a shorter movie"),
        (
            [0.0, 1.0],
            [0.0, 0.0, 5120.0, 1000.0],
            "repeats after 5120 x 1000 nm, too little for cells of 200 nm",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_in_one_line(use, times, box, message):
    use(Noise())
    with pytest.raises(ValueError, match=message) as caught:
        Learned().move(lines(box_nm=box), np.array(times), stream(0, "motion"))
    assert "\n" not in str(caught.value)


def test_a_structure_outside_of_the_field_has_no_velocity(use):
    use(Noise())
    structure = lines()
    structure["vertex_y"] = structure.vertex_y + 1e5
    del structure.attrs["box_nm"]
    with pytest.raises(ValueError, match="no part of the structure is in the field"):
        Learned().move(structure, TIMES[:3], stream(0, "motion"))


def test_dynamics_that_are_not_installed_are_named():
    with pytest.raises(PluginError, match="no learned dynamics 'unett'; did you mean 'unet'"):
        Learned(dynamics="unett").move(lines(), TIMES[:3], stream(0, "motion"))


def test_the_first_root_is_the_smallest_positive_one_of_all():
    rng = np.random.default_rng(0)
    linear, square = rng.standard_normal((2, 40))
    square[:3] = 0
    scales = np.linspace(0, 30, 300_001)
    lowest = np.min([0.8 + a * scales + b * scales**2 for a, b in zip(linear, square, strict=True)], axis=0)
    assert first_root(0.8, linear, square) == pytest.approx(scales[np.argmax(lowest < 0)], abs=2e-4)
    assert first_root(0.8, np.ones(3), np.ones(3)) == np.inf
