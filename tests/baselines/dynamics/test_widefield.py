"""The widefield images that can be differentiated are those of the simulator."""

import numpy as np
import pytest
import torch

from baselines.dynamics import widefield
from baselines.dynamics.stills import Still, Stills
from smlmsim.camera import CAMERAS
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.motion import Deformation
from smlmsim.motion.periodic_grid import PeriodicGrid
from smlmsim.pipeline import SemiSimulated
from smlmsim.rng import stream
from smlmsim.widefield import Widefield

EDGE, MIDDLE = 24, (1280.0, 1280.0)
MICROSCOPE = Widefield()
STUDY = SemiSimulated(structure={"density_per_um": 1.5, "vertices": 60})
STRUCTURE = STUDY.scene_at_rest(stream(1, "still"))
GRID = PeriodicGrid.over(STRUCTURE.attrs["box_nm"], 640 / 3, 4)
STILL = Still.of(STRUCTURE, GRID)


def light(stills, shift):
    begin, end = stills.ends(shift)
    return widefield.light(begin, end, MIDDLE, (GRID.height_nm, GRID.width_nm), EDGE, MICROSCOPE)


def test_an_image_at_rest_is_the_one_that_the_simulator_draws():
    """The spline and what is left of the blur differ from a Gaussian by 1 % of the brightest pixel."""
    field = FieldOfView(height_nm=2400, width_nm=2400, pixel_nm=100, origin_y_nm=80, origin_x_nm=80)
    in_box = Deformation(velocity_nm_per_s=0).move(STRUCTURE, np.zeros(1), stream(1, "motion"))
    drawn = (
        Density(sigma_nm=MICROSCOPE.pixel_sigma_nm).render(in_box, field).density.values[0] * 100**2 * 1e-3
    )
    found = light(Stills.of([STILL]), torch.zeros(1, 1, 2, GRID.rows, GRID.columns))[0, 0].numpy()
    np.testing.assert_allclose(found, drawn, rtol=0, atol=0.02 * drawn.max())
    assert found.sum() == pytest.approx(drawn.sum(), rel=1e-3)


def test_padding_to_other_structures_changes_nothing():
    other = Still.of(STUDY.scene_at_rest(stream(2, "still")), GRID)
    shift = torch.zeros(2, 1, 2, GRID.rows, GRID.columns)
    both, alone = light(Stills.of([STILL, other]), shift), light(Stills.of([STILL]), shift[:1])
    np.testing.assert_allclose(both[0].numpy(), alone[0].numpy(), atol=1e-6)


def test_a_uniform_displacement_by_a_pixel_shifts_the_image_by_a_pixel():
    shift = torch.zeros(1, 2, 2, GRID.rows, GRID.columns)
    shift[:, 1] = 100.0
    before, after = light(Stills.of([STILL]), shift)[0].numpy()
    np.testing.assert_allclose(after[1:, 1:], before[:-1, :-1], atol=1e-5)


def test_the_gradient_of_an_image_by_the_nodes_is_the_limit_of_differences():
    stills = Stills.of([STILL])
    shift = 20 * torch.randn(1, 1, 2, GRID.rows, GRID.columns, generator=torch.Generator().manual_seed(0))
    way = torch.randn(shift.shape, generator=torch.Generator().manual_seed(1))
    weights = torch.randn(EDGE, EDGE, generator=torch.Generator().manual_seed(2))
    shift.requires_grad_()
    (light(stills, shift) * weights).sum().backward()
    step = 0.5
    with torch.no_grad():
        ahead, behind = (
            float((light(stills, shift + sign * step * way) * weights).sum()) for sign in (1, -1)
        )
    assert float((shift.grad * way).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=0.01)


@pytest.mark.parametrize("name", ["scmos", "emccd"])
def test_electrons_have_the_mean_and_the_variance_of_the_camera(name):
    """Over n pixels the relative error of a variance is sqrt(2 / n), for the camera a little more: five times it."""
    microscope = MICROSCOPE.replace({"camera": CAMERAS[name].model_dump()})
    camera, contour = microscope.camera, torch.full((1, 50, 40, 40), 0.05)
    torch.manual_seed(0)
    found = widefield.recorded(contour, microscope).numpy()
    photons = np.full(found.shape, microscope.photons_per_um * 0.05 + microscope.background_photons)
    levels = camera.record(photons, np.random.default_rng(0)).astype(float)
    recorded = (levels - camera.offset) * camera.electrons_per_level / camera.em_gain
    assert found.mean() == pytest.approx(recorded.mean(), rel=0.01)
    assert found.var() == pytest.approx(recorded.var(), rel=5 * np.sqrt(2 / found.size) + 0.01)
