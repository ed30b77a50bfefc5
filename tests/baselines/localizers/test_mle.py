"""The maximum-likelihood fit is that of scipy, and as precise as the photons allow."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr
from spots_on_frames import PIXEL_NM, errors_nm, events, one_each

from baselines.localizers import _fit_kernels as kernels
from baselines.localizers.mle import MaximumLikelihood
from smlmsim.camera import CAMERAS
from smlmsim.metrics.localizations import score_localizations
from smlmsim.shot_noise import EXCESS, counts_of
from smlmsim.testing import make_frames

SIGMA_PX, BACKGROUND = 1.3, 10.0
NUMBER = 800


def model(at, edge):
    """Expected counts: the twin of the kernel."""
    y, x, n, b, s = at
    edges = np.arange(edge + 1) - 0.5
    part_y, part_x = (np.diff(ndtr((edges - centre) / s)) for centre in (y, x))
    return n * np.outer(part_y, part_x) + b


def scipy_fit(image, variance, start):
    """The maximum of the same likelihood."""

    def loss(at):
        mean = model(np.exp(at) if at.size == 0 else [at[0], at[1], *np.exp(at[2:])], len(image)) + variance
        return float((mean - np.maximum(image + variance, 0) * np.log(mean)).sum())

    y, x, *positive = start
    found = minimize(loss, [y, x, *np.log(positive)], method="BFGS", options={"gtol": 1e-7})
    return np.array([found.x[0], found.x[1], *np.exp(found.x[2:])])


def bound_nm(photons, camera):
    """The Cramer-Rao bound along an axis of a molecule in the middle of a pixel, on a large image."""
    edge, excess = 31, EXCESS if camera.em_gain > 1 else 1.0
    per_photon = camera.quantum_efficiency / excess
    readout = (camera.read_noise_e**2 + camera.electrons_per_level**2 / 12) / (camera.em_gain * excess) ** 2
    at = np.array([15.0, 15.0, photons * per_photon, BACKGROUND * per_photon, SIGMA_PX])
    step = np.array([1e-4, 0, 0, 0, 0])
    slope = (model(at + step, edge) - model(at - step, edge)) / 2e-4
    return PIXEL_NM / np.sqrt((slope**2 / (model(at, edge) + readout)).sum())


def test_the_fit_is_the_maximum_that_scipy_finds():
    frames, _ = one_each(12, photons=1500, edge=7)
    counts = counts_of(frames)
    spots = np.array([(number, 3, 3) for number in range(12)], np.int32)
    found, _ = kernels.fit(counts.values, counts.variance, spots, SIGMA_PX, 3, True)
    for image, at in zip(counts.values.astype(np.float64), found, strict=True):
        best = scipy_fit(image, counts.variance, [3, 3, 1400, 9, 1.3])
        np.testing.assert_allclose(at[:2], best[:2], atol=1e-3)
        np.testing.assert_allclose(at[2:], best[2:], rtol=5e-3)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("photons", [300, 1000, 3000])
def test_the_error_is_within_ten_percent_of_the_bound_and_reported_so(name, photons):
    frames, molecules = one_each(NUMBER, photons, camera=name, background_photons=BACKGROUND)
    found = MaximumLikelihood().localize(frames)
    error = errors_nm(found, molecules)
    assert error.shape[1] > 0.97 * NUMBER
    rms, bound = np.sqrt(np.square(error).mean()), bound_nm(photons, CAMERAS[name])
    chance = 4 / np.sqrt(2 * error.size)  # of the root of a mean of squares
    assert 1 - chance < rms / bound < 1.1
    reported = np.sqrt(np.square(found.loc_uncertainty).mean())
    assert reported / rms == pytest.approx(1, abs=0.05 + chance)
    assert abs(error.mean()) < 4 * rms / np.sqrt(error.size)


@pytest.mark.parametrize("fit_width", [True, False])
def test_photons_background_and_width_are_those_of_the_molecules(fit_width):
    frames, _ = one_each(NUMBER, 3000, background_photons=BACKGROUND)
    found = MaximumLikelihood(fit_width=fit_width).localize(frames)
    found = found.isel(localization=found.loc_intensity.values > 1000)
    assert float(found.loc_intensity.mean()) == pytest.approx(3000, rel=0.01)
    assert float(found.loc_background.mean()) == pytest.approx(BACKGROUND, rel=0.02)
    assert float(found.loc_sigma.mean()) == pytest.approx(130, rel=0.01)
    assert fit_width or (found.loc_sigma == 130).all()


def test_wider_spots_than_expected_are_measured():
    frames, _ = one_each(100, 3000, edge=17, psf={"sigma_nm": 180.0})
    found = MaximumLikelihood(sigma_nm=130).localize(frames)
    found = found.isel(localization=found.loc_intensity.values > 1000)
    assert float(found.loc_sigma.mean()) == pytest.approx(180, rel=0.03)


def sparse(photons):
    """Molecules at low density, 0.1 per um^2, and their frames."""
    rng = np.random.default_rng(3)
    frame = np.sort(rng.integers(0, 30, 30 * 4))
    molecules = events(frame, *rng.uniform(0, 6400, (2, frame.size)), photons)
    return molecules, make_frames(molecules, (30, 64, 64))


def test_at_low_density_nearly_all_molecules_are_found_and_nothing_else():
    molecules, frames = sparse(1000)
    scores = score_localizations(MaximumLikelihood().localize(frames), molecules)
    assert float(scores.jaccard) >= 0.95
    assert float(scores.precision) >= 0.98
    assert float(scores.rmse_nm) < 30


@pytest.mark.parametrize(("y", "x"), [(20, 1050), (1050, 20), (20, 20), (2080, 2080)])
def test_a_molecule_at_the_border_is_found_in_the_frame(y, x):
    frames = make_frames(events([0], [y], [x], 5000), (1, 21, 21))
    found = MaximumLikelihood().localize(frames)
    near = np.hypot(found.loc_y - y, found.loc_x - x).values
    assert near.min() < 40
    assert ((found.loc_y >= 0) & (found.loc_y < 2100) & (found.loc_x >= 0) & (found.loc_x < 2100)).all()


def test_a_hot_pixel_is_no_molecule():
    frames = make_frames(events([], [], []), (1, 21, 21))
    frames["frames"].values[0, 10, 10] += 400
    assert MaximumLikelihood().localize(frames).sizes["localization"] == 0


def test_the_noise_of_single_pixels_is_weighed():
    frames, molecules = one_each(300, 1000)
    noisy = frames["frames"].values.astype(np.float64)
    rng = np.random.default_rng(5)
    noisy[:, 6, 7] += rng.normal(0, 80, 300)
    frames["frames"].values[:] = noisy.clip(0).astype(np.uint16)
    readout = np.full((13, 13), 1.5)
    readout[6, 7] = 80 * 0.75
    known = frames.assign(camera_read_noise_e=(("camera_y", "camera_x"), readout))
    rms = [
        np.sqrt(np.square(errors_nm(MaximumLikelihood().localize(each), molecules)).mean())
        for each in (known, frames)
    ]
    assert rms[0] < 1.1 * bound_nm(1000, CAMERAS["scmos"])
    assert rms[1] > 1.3 * rms[0]
