"""A localization counts as one, wherever it is and whatever its precision."""

import numpy as np
import pytest
from scipy.special import ndtr

from smlmsim import schema
from smlmsim.field import FieldOfView
from smlmsim.localization_density import localization_density, precisions

FIELD = FieldOfView(height_nm=400, width_nm=600)


def _table(y, x, **more):
    return schema.dataset(loc_y=np.asarray(y, float), loc_x=np.asarray(x, float), **more)


@pytest.mark.parametrize("pixel_nm", [5.0, 20.0, 100.0])
def test_the_integral_is_the_number_of_localizations(pixel_nm):
    rng = np.random.default_rng(0)
    table = _table(rng.uniform(100, 300, 50), rng.uniform(150, 450, 50))
    image = localization_density(table, rng.uniform(0.5, 20, 50), FIELD.replace({"pixel_nm": pixel_nm}))
    assert image.sum() * pixel_nm**2 == pytest.approx(50, rel=1e-5)


def test_a_localization_on_the_edge_counts_half():
    image = localization_density(_table([200], [0]), np.array([15.0]), FIELD)
    assert image.sum() * 400 == pytest.approx(0.5, rel=1e-3)
    outside = localization_density(_table([200], [-200]), np.array([15.0]), FIELD)
    assert not outside.any()


def test_each_pixel_holds_the_mean_of_the_gaussians_of_their_own_widths():
    y, x, sigma = np.array([110.0, 215.0]), np.array([93.0, 310.0]), np.array([8.0, 33.0])
    image = localization_density(_table(y, x), sigma, FIELD)

    def share(at, centres, width):
        return ndtr((centres + 10 - at) / width) - ndtr((centres - 10 - at) / width)

    wanted = sum(
        np.outer(share(b, FIELD.y_nm, s), share(a, FIELD.x_nm, s)) / 400
        for a, b, s in zip(x, y, sigma, strict=True)
    )
    np.testing.assert_allclose(image, wanted, atol=1e-3 * wanted.max())


@pytest.mark.parametrize(
    ("reported", "given", "nm", "said", "assumed"),
    [
        ([4, 8, 6], None, [4, 8, 6], "as reported", False),
        (
            [4, np.nan, 8],
            None,
            [4, 6, 8],
            "as reported for 2 of 3 localizations, and the median, 6 nm",
            False,
        ),
        ([4, 0, 8], 9.0, [4, 9, 8], "precision_nm, 9 nm, for the others", False),
        (None, None, [15] * 3, "15 nm for all, since the table reports none", True),
        (None, 9.0, [9] * 3, "9 nm for all, as precision_nm says", False),
    ],
)
def test_a_missing_precision_is_filled_in_and_that_is_said(reported, given, nm, said, assumed):
    more = {} if reported is None else {"loc_uncertainty": np.array(reported, float)}
    found = precisions(_table([0, 0, 0], [0, 0, 0], **more), given)
    assert found.nm.tolist() == nm
    assert said in found.origin
    assert found.assumed is assumed
