"""What lies outside of what a network was trained for is found, and what lies within is not."""

import numpy as np
import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.domain import Domain, around
from smlmsim.field import FieldOfView
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import SimulatedDynamic, simulate
from smlmsim.testing import make_observation

TRAINED = Domain(
    pixel_nm=(20, 20), point_s=(1.5, 1.5), rate_hz=(30, 1600), velocity_nm_per_s=(0, 220), density_per_um=(1, 5),
    structures=("microtubules", "actin_bundles"),
)  # fmt: skip


def observation(rate_hz=200.0, pixel_nm=20.0, point_s=1.5, shape=(128, 128), points=20, seed=0):
    mean = rate_hz * point_s * pixel_nm**2 / 2560**2
    counts = np.random.default_rng(seed).poisson(mean, (points, *shape))
    return make_observation(counts, pixel_nm=pixel_nm, point_s=point_s)


@pytest.mark.parametrize("rate_hz", [30, 200, 1600])
@pytest.mark.parametrize("seed", range(3))
def test_the_movies_of_the_range_are_inside(rate_hz, seed):
    study = SimulatedDynamic(acquisition=Acquisition(time_points=10), photophysics=Poisson(rate_hz=rate_hz))
    assert TRAINED.outside(simulate(study, seed).observation) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pixel_nm": 40}, "found pixels of 40 nm, trained for pixels of 20 nm"),
        ({"pixel_nm": 21}, "found pixels of 21 nm"),
        ({"point_s": 3}, "found time points of 3 s, trained for time points of 1.5 s"),
        ({"rate_hz": 10}, "2.56 x 2.56 um around a localization, trained for 30 to 1600"),
        ({"rate_hz": 3000}, "2.56 x 2.56 um around a localization, trained for 30 to 1600"),
    ],
)
def test_what_is_outside_is_said_in_one_line_with_what_would_not_be(settings, said):
    (line,) = TRAINED.outside(observation(**settings))
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "settings", [{"pixel_nm": 20.2}, {"point_s": 1.52}, {"rate_hz": 1700}, {"rate_hz": 28}]
)
def test_a_little_more_or_less_is_nothing_to_warn_of(settings):
    assert TRAINED.outside(observation(**settings)) == []


@pytest.mark.parametrize(
    ("structure", "lines"),
    [
        ("Microtubule network", []),
        ("actin bundles", []),
        ("FtsZ rings", ["the table is of FtsZ rings, trained for microtubules and actin bundles"]),
    ],
)
def test_a_table_that_says_what_it_is_of_is_compared(structure, lines):
    assert TRAINED.outside(observation().assign_attrs(structure=structure)) == lines


def test_only_too_much_contour_counts():
    assert TRAINED.outside(observation(), density_per_um=0.1) == []
    assert TRAINED.outside(observation(), density_per_um=9) == []
    assert TRAINED.outside(observation(), density_per_um=19) == [
        "found 19 um of contour per um^2, trained for 1 to 5 um of contour per um^2"
    ]


def test_the_rate_is_that_around_the_localizations_however_large_the_field():
    cell = observation(rate_hz=100, shape=(128, 128)).counts.values
    wide = np.zeros((20, 640, 640))
    wide[:, 128:256, 256:384] = cell
    assert TRAINED.outside(make_observation(wide)) == []
    wide[:, 128:256, 256:384] = observation(rate_hz=2500).counts.values
    assert len(TRAINED.outside(make_observation(wide))) == 1


def test_coordinates_tell_what_attributes_do_not():
    seen = observation(pixel_nm=40, point_s=3)
    seen.attrs = {}
    assert len(TRAINED.outside(seen)) == 2
    assert TRAINED.outside(seen.isel(time=[0], x=[0])) == []


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 40), (5, 24, 24)])
def test_a_movie_without_localizations_has_no_rate(shape):
    assert TRAINED.outside(make_observation(np.zeros(shape))) == []


def test_what_is_not_known_is_not_checked():
    assert Domain().outside(observation(pixel_nm=100, rate_hz=9000)) == []
    assert str(Domain()) == "nothing that is known"


def test_a_domain_is_said_in_words():
    assert str(TRAINED) == (
        "pixels of 20 nm, time points of 1.5 s, 30 to 1600 localizations per second in the 2.56 x 2.56 um "
        "around a localization, velocities of 0 to 220 nm/s, 1 to 5 um of contour per um^2, "
        "microtubules and actin bundles"
    )


def test_joined_domains_hold_each_and_know_what_all_know():
    other = Domain(pixel_nm=(32, 32), rate_hz=(5, 50), structures=("clathrin", "microtubules"))
    assert Domain.joined([TRAINED, other]) == Domain(
        pixel_nm=(20, 32), rate_hz=(5, 1600), structures=("microtubules", "actin_bundles", "clathrin")
    )


def test_the_mean_around_localizations_leaves_out_where_there_are_none():
    image, localizations = np.zeros((256, 256)), np.zeros((256, 256))
    image[:128, :128], image[128:, 128:] = 3, 50
    localizations[40, 50] = 7
    assert around(image, localizations, 20) == 3
    assert around(image, localizations, 2560) == 3
    assert around(image[:1, :1], localizations[40:41, 50:51], 20) == 3


def test_fields_that_are_no_multiple_of_the_surroundings_are_measured_right():
    seen = observation(rate_hz=1000, shape=(130, 145), points=40)
    assert Domain(rate_hz=(1000, 1000)).outside(seen) == []
    assert FieldOfView().area_um2 == pytest.approx(2.56**2)


def test_a_domain_says_what_the_motion_of_its_movies_was_learned_from():
    learned = TRAINED.replace({"learned_from": "my movies"})
    joined = Domain.joined([TRAINED, learned, learned, TRAINED.replace({"learned_from": "others"})])
    assert joined.learned_from == "my movies and others"
    assert str(joined).endswith("motion learned from my movies and others")
    assert Domain.joined([TRAINED, TRAINED]).learned_from is None
    assert "learned_from" not in TRAINED.model_dump(mode="json", exclude_none=True)
    assert learned.outside(observation()) == []
