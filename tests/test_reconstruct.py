import numpy as np
import pytest
import xarray as xr

from smlmsim import schema
from smlmsim.reconstruct import ReconstructionError, Reconstructor, available, load, reconstruct
from smlmsim.testing import make_observation


class Returns:
    """A reconstructor that returns whatever a function makes of the observation."""

    def __init__(self, make):
        self.make = make

    def reconstruct(self, observation):
        return self.make(observation)


@pytest.fixture
def observation():
    return make_observation(np.random.default_rng(0).poisson(0.3, (4, 5, 6)))


def estimate(observation, **changed):
    values = {
        "density": observation.counts.values.astype(np.float64),
        "time": observation.time.values,
        "y": observation.y.values,
        "x": observation.x.values,
    }
    return schema.estimate({"kept": "yes"}, meaning="localizations per pixel", **(values | changed))


def test_an_estimate_comes_back_as_float32_with_the_units_that_it_says(observation):
    found = reconstruct(Returns(estimate), observation)
    assert found.density.dtype == np.float32
    assert found.density.dims == ("time", "y", "x")
    assert found.density.attrs == {"units": "1", "long_name": "localizations per pixel"}
    assert found.attrs == {"kept": "yes"}
    np.testing.assert_array_equal(found.density, observation.counts)
    for axis in ("time", "y", "x"):
        xr.testing.assert_identical(found[axis], observation[axis])


def test_an_uncertainty_comes_back_too_and_nothing_else(observation):
    def make(seen):
        return estimate(seen, uncertainty=np.ones(seen.counts.shape)).assign(scratch=1)

    found = reconstruct(Returns(make), observation)
    assert set(found.data_vars) == {"density", "uncertainty"}
    assert found.uncertainty.dtype == np.float32


@pytest.mark.parametrize(
    ("said", "units", "square"),
    [({}, "1", "1"), ({"units": "nm-1"}, "nm-1", "nm-2"), ({"units": "um-2"}, "um-2", "(um-2)2")],
)
def test_units_are_what_a_reconstructor_says_or_none_and_a_variance_is_in_their_square(
    observation, said, units, square
):
    def make(seen):
        images = seen.counts.astype(np.float32).drop_attrs()
        return xr.Dataset({"density": images.assign_attrs(said), "uncertainty": images})

    found = reconstruct(Returns(make), observation)
    assert (found.density.attrs["units"], found.uncertainty.attrs["units"]) == (units, square)


@pytest.mark.parametrize("name", ["sparse", "static_sum", "moving_window", "vivit"])
def test_no_shipped_reconstructor_says_that_its_density_is_a_length_per_area(observation, name):
    density = reconstruct(load(name), observation).density
    assert density.attrs["units"] == "1"
    assert density.attrs["long_name"].startswith(("localizations per pixel", "density relative to"))


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8, np.float16, np.float32])
def test_any_real_numbers_are_accepted(observation, dtype):
    found = reconstruct(
        Returns(lambda seen: estimate(seen, density=seen.counts.values.astype(dtype))), observation
    )
    assert found.density.dtype == np.float32


def test_the_observation_may_be_read_lazily(observation):
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler="synchronous"):
        found = reconstruct(Returns(estimate), observation.chunk({"time": 1}))
    np.testing.assert_array_equal(found.density, observation.counts)


REFUSED = {
    "no dataset": (lambda seen: seen.counts.values, "it returned ndarray, expected an xarray.Dataset"),
    "no density": (lambda seen: seen[["counts"]], "it returned no 'density'; the dataset holds counts"),
    "nothing": (lambda seen: xr.Dataset(), "it returned no 'density'; the dataset holds nothing"),
    "wrong shape": (
        lambda seen: estimate(seen).isel(x=slice(0, 3)),
        r"its density has the shape \(4, 5, 3\), expected \(4, 5, 6\)",
    ),
    "wrong dims": (
        lambda seen: estimate(seen).transpose("y", "x", "time"),
        r"its density has the dims \('y', 'x', 'time'\), expected \('time', 'y', 'x'\)",
    ),
    "one image": (lambda seen: estimate(seen).isel(time=0), r"has the dims \('y', 'x'\), expected"),
    "other coordinates": (
        lambda seen: estimate(seen, x=seen.x.values + 1),
        "its density has other x coordinates than the counts",
    ),
    "no coordinates": (
        lambda seen: estimate(seen).drop_vars("time"),
        "its density has other time coordinates",
    ),
    "NaN": (
        lambda seen: estimate(seen, density=np.where(seen.counts > 1, np.nan, 0.0)),
        "values that are NaN or infinite",
    ),
    "too large for float32": (
        lambda seen: estimate(seen, density=np.full(seen.counts.shape, 1e300)),
        "its density holds 120 values that are NaN or infinite",
    ),
    "complex": (
        lambda seen: estimate(seen, density=seen.counts.values * 1j),
        "its density is complex128, expected real numbers",
    ),
    "text": (
        lambda seen: estimate(seen, density=seen.counts.values.astype(str)),
        "expected real numbers",
    ),
    "bad uncertainty": (
        lambda seen: estimate(seen, uncertainty=np.full(seen.counts.shape, np.inf)),
        "its uncertainty holds 120 values that are NaN or infinite",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_estimate_is_refused_with_the_reason(observation, make, reason):
    with pytest.raises(ReconstructionError, match="Returns is refused: .*" + reason):
        reconstruct(Returns(make), observation)


def in_place(seen):
    seen.counts.values[0, 0, 0] += 1


def by_assignment(seen):
    seen["counts"] = seen.counts * 2


def by_adding(seen):
    seen["density"] = seen.counts * 1.0


def in_attributes(seen):
    seen.attrs["mine"] = 1


def in_localizations(seen):
    seen.loc_y.values[:] = 0


@pytest.mark.parametrize("change", [in_place, by_assignment, by_adding, in_attributes, in_localizations])
def test_a_reconstructor_that_changes_what_it_is_given_is_refused(observation, change):
    def make(seen):
        found = estimate(seen)
        change(seen)
        return found

    with pytest.raises(ReconstructionError, match="Returns is refused: it changed the observation"):
        reconstruct(Returns(make), observation)


def test_an_estimate_is_no_view_of_the_observation(observation):
    floats = observation.assign(counts=observation.counts.astype(np.float32))
    found = reconstruct(Returns(lambda seen: seen[["counts"]].rename(counts="density")), floats)
    assert not np.shares_memory(found.density.values, floats.counts.values)


def test_an_observation_without_counts_is_refused(observation):
    with pytest.raises(schema.SchemaError, match="no 'counts'"):
        reconstruct(Returns(estimate), observation.drop_vars("counts"))


def test_an_error_of_the_reconstructor_is_not_hidden(observation):
    def fail(seen):
        raise MemoryError("too large")

    with pytest.raises(MemoryError, match="too large"):
        reconstruct(Returns(fail), observation)


def test_load_makes_a_reconstructor_with_its_settings():
    made = load("gaussian_time", {"time_sigma_s": 3.0})
    assert isinstance(made, Reconstructor)
    assert made.time_sigma_s == 3.0


def test_a_name_that_nothing_has_is_an_error_of_reconstruction():
    assert "gaussian_time" in available()
    with pytest.raises(
        ReconstructionError, match="no reconstructor 'gausian_time'; did you mean 'gaussian_time'"
    ):
        load("gausian_time")
