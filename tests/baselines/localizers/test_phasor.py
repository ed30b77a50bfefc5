"""The phasor is that of numpy's Fourier transform, nearly as precise as a fit, and honest about it."""

import numpy as np
import pytest
from spots_on_frames import errors_nm, one_each

from baselines.localizers import _phasor_kernels as kernels
from baselines.localizers.mle import MaximumLikelihood
from baselines.localizers.phasor import Phasor
from smlmsim.shot_noise import counts_of

NUMBER = 800


def test_the_position_is_the_phase_of_the_first_coefficient():
    frames, _ = one_each(20, photons=1500, edge=7)
    counts = counts_of(frames)
    spots = np.array([(number, 3, 3) for number in range(20)], np.int32)
    found, _ = kernels.phasors(counts.values, counts.variance, spots, 1.3, 3)
    for image, at in zip(counts.values.astype(np.float64), found, strict=True):
        transform = np.fft.fft2(image)
        phases = np.angle([transform[1, 0], transform[0, 1]])
        np.testing.assert_allclose(at[:2], np.mod(-phases * 7 / (2 * np.pi), 7), atol=1e-5)


@pytest.mark.parametrize("camera", ["ideal", "scmos"])
@pytest.mark.parametrize("photons", [300, 3000])
def test_it_errs_at_most_a_fifth_more_than_a_fit_and_says_by_how_much(camera, photons):
    frames, molecules = one_each(NUMBER, photons, camera=camera)
    found = Phasor().localize(frames)
    error = errors_nm(found, molecules)
    fitted = errors_nm(MaximumLikelihood().localize(frames), molecules)
    rms = np.sqrt(np.square(error).mean())
    assert 1 < rms / np.sqrt(np.square(fitted).mean()) < 1.2
    reported = np.sqrt(np.square(found.loc_uncertainty).mean())
    assert reported / rms == pytest.approx(1, abs=0.05 + 4 / np.sqrt(2 * error.size))


def test_photons_background_and_width_are_those_of_the_molecules():
    frames, _ = one_each(NUMBER, 3000, background_photons=10.0)
    found = Phasor().localize(frames)
    found = found.isel(localization=found.loc_intensity.values > 1000)
    assert float(found.loc_intensity.mean()) == pytest.approx(3000, rel=0.01)
    assert float(found.loc_background.mean()) == pytest.approx(10, rel=0.03)
    assert float(found.loc_sigma.mean()) == pytest.approx(130, rel=0.02)
