"""The photons of a spot are those with which the formula gives its standard error."""

import numpy as np
import pydantic
import pytest

from smlmsim.localization import Spot

UNCERTAINTY_NM = np.geomspace(0.5, 300, 2001).astype(np.float32)


def variance_nm2(photons, width_nm, background, pixel_nm):
    """Mortensen et al. 2010, term by term."""
    wide = width_nm**2 + pixel_nm**2 / 12
    return wide / photons * (16 / 9 + 8 * np.pi * wide * background / (photons * pixel_nm**2))


@pytest.mark.parametrize("pixel_nm", [65.0, 160.0])
@pytest.mark.parametrize("background", [0.0, 1.0, 300.0])
@pytest.mark.parametrize("width_nm", [90.0, 250.0])
def test_photons_give_the_standard_error_back_by_the_published_formula(width_nm, background, pixel_nm):
    spot = Spot(width_nm=width_nm, background_photons=background, pixel_nm=pixel_nm)
    photons = spot.photons(UNCERTAINTY_NM)
    assert photons.dtype == np.float32
    again = np.sqrt(variance_nm2(photons.astype(float), width_nm, background, pixel_nm))
    assert again == pytest.approx(UNCERTAINTY_NM, rel=1e-6)
    assert spot.uncertainty_nm(photons) == pytest.approx(UNCERTAINTY_NM, rel=1e-6)


def test_photons_are_the_root_that_numpy_finds():
    spot = Spot()
    wide = 130**2 + 100**2 / 12
    roots = [
        1 / np.roots([8 * np.pi * wide**2 * 10 / 100**2, 16 / 9 * wide, -(float(error) ** 2)]).max()
        for error in UNCERTAINTY_NM[::100]
    ]
    assert spot.photons(UNCERTAINTY_NM[::100]) == pytest.approx(roots, rel=1e-6)


def test_without_background_the_precision_improves_as_the_root_of_the_photons():
    one, four = Spot(background_photons=0).uncertainty_nm([100.0, 400.0])
    assert one / four == pytest.approx(2)


def test_no_number_of_photons_makes_a_localization_exact():
    assert np.isinf(Spot().photons(np.zeros(3, np.float32))).all()


@pytest.mark.parametrize("setting", [{"width_nm": 0}, {"background_photons": -1}, {"pixel_nm": 0}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(pydantic.ValidationError):
        Spot(**setting)
