import numpy as np
import pytest
import xarray as xr

from smlmsim import schema
from smlmsim.reconstruct import ReconstructionError, Reconstructor, available, load, reconstruct
from smlmsim.testing import make_observation, with_frames


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


class TakesChannels(Returns):
    """One that is given all channels at once."""

    takes_channels = True


def in_colours(*channels):
    counts = np.random.default_rng(1).poisson(0.3, (len(channels), 4, 5, 6))
    return make_observation(counts).assign_coords(channel=list(channels))


def test_every_channel_is_reconstructed_as_a_movie_of_its_own():
    observation, seen = in_colours("red", "green"), []

    def keep(part):
        seen.append(part.copy(deep=True))
        return estimate(part, uncertainty=np.full(part.counts.shape, len(seen))).assign_attrs(call=len(seen))

    found = reconstruct(Returns(keep), observation)
    assert found.density.dims == found.uncertainty.dims == ("channel", "time", "y", "x")
    assert found.density.dtype == np.float32
    np.testing.assert_array_equal(found.density, observation.counts)
    np.testing.assert_array_equal(found.uncertainty.mean(("time", "y", "x")), [1, 2])
    assert found.channel.values.tolist() == ["red", "green"]
    assert found.density.attrs == {"units": "1", "long_name": "localizations per pixel"}
    assert found.attrs == {"kept": "yes", "call": [1, 2]}
    for number, part in enumerate(seen):
        alone = make_observation(observation.counts.values[number])
        xr.testing.assert_identical(part.drop_vars("loc_channel"), alone)


@pytest.mark.parametrize("name", ["sparse", "gaussian_time", "moving_window"])
def test_installed_reconstructors_give_a_channel_what_they_give_it_alone(name):
    observation = in_colours("red", "green")
    found = reconstruct(load(name), observation)
    for number in (0, 1):
        alone = reconstruct(load(name), make_observation(observation.counts.values[number]))
        assert found.density[number].values.tobytes() == alone.density.values.tobytes()


def test_what_is_refused_on_a_channel_names_it():
    def spoilt_green(part):
        return estimate(part, density=np.full(part.counts.shape, np.nan if 1 in part.loc_channel else 1.0))

    with pytest.raises(
        ReconstructionError, match="Returns is refused on the channel green: its density holds 120"
    ):
        reconstruct(Returns(spoilt_green), in_colours("red", "green"))


def test_a_reconstructor_that_takes_channels_gets_all_at_once():
    observation = in_colours("red", "green")

    def swapped(both):
        assert both.counts.dims == ("channel", "time", "y", "x")
        values = both.counts.values[::-1].astype(float)
        return estimate(both, density=values, channel=both.channel.values)

    found = reconstruct(TakesChannels(swapped), observation)
    np.testing.assert_array_equal(found.density, observation.counts[::-1])
    assert found.channel.values.tolist() == ["red", "green"]
    with pytest.raises(ReconstructionError, match="other channel coordinates than the counts"):
        reconstruct(TakesChannels(lambda both: swapped(both).assign_coords(channel=["a", "b"])), observation)


def test_widefield_of_several_channels_beside_counts_of_one_stays_whole(observation):
    both = observation.assign(widefield=schema.variable("widefield", np.zeros((2, 1, 3, 3))))
    found = reconstruct(Returns(lambda seen: estimate(seen) if "channel" in seen.dims else None), both)
    assert found.density.dims == ("time", "y", "x")


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


def in_attributes_of_a_variable(seen):
    seen.counts.attrs["units"] = "photon"


def by_naming_a_variable_a_coordinate(seen):
    seen.coords["counts"] = seen.variables["counts"]


@pytest.mark.parametrize(
    "change",
    [
        in_place, by_assignment, by_adding, in_attributes, in_localizations, in_attributes_of_a_variable,
        by_naming_a_variable_a_coordinate,
    ],
)  # fmt: skip
def test_a_reconstructor_that_changes_what_it_is_given_is_refused(observation, change):
    def make(seen):
        found = estimate(seen)
        change(seen)
        return found

    with pytest.raises(ReconstructionError, match="Returns is refused: it changed the observation"):
        reconstruct(Returns(make), observation)


def test_missing_values_of_an_observation_are_no_change_of_it(observation):
    unknown = xr.Variable("localization", np.full(observation.sizes["localization"], np.nan))
    assert reconstruct(Returns(estimate), observation.assign(loc_uncertainty=unknown)).density.shape


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


class FromFrames:
    """One that needs camera frames, and shows how bright they are."""

    needs = ("frames",)

    def reconstruct(self, observation):
        bright = np.full(observation.counts.shape, observation.frames.values.mean(), np.float32)
        return schema.dataset(density=bright, time=observation.time, y=observation.y, x=observation.x)


def test_one_that_needs_frames_gets_them():
    movie = with_frames(make_observation(np.ones((2, 20, 20), int)))
    assert reconstruct(FromFrames(), movie).density.values.mean() > 100


def test_without_frames_it_is_refused_with_the_settings_that_help():
    with pytest.raises(
        ReconstructionError,
        match=r"^FromFrames needs 'frames', which this observation lacks; simulated studies give them with "
        r"localization\.kind=imaged and localization\.keep_frames=true$",
    ):
        reconstruct(FromFrames(), make_observation(np.ones((2, 20, 20), int)))


def test_frames_without_their_calibration_are_refused():
    movie = with_frames(make_observation(np.ones((2, 20, 20), int)))
    del movie.attrs["offset"]
    with pytest.raises(schema.SchemaError, match="the frames have no number 'offset'"):
        reconstruct(FromFrames(), movie)


def test_frames_of_all_channels_together_are_refused():
    one = with_frames(make_observation(np.ones((2, 20, 20), int)))
    both = make_observation(np.ones((2, 2, 20, 20), int))
    movie = both.assign({name: one[name] for name in ("frames", "camera_y", "camera_x")})
    with pytest.raises(ReconstructionError, match="these are of all channels together"):
        reconstruct(FromFrames(), movie.assign_attrs(one.attrs))


@pytest.mark.parametrize("said", ["frames", ["frames"], ("nonsense",), (3,), None])
def test_needs_that_are_no_tuple_of_variables_are_refused(said):
    class Odd(FromFrames):
        needs = said

    with pytest.raises(ReconstructionError, match=r"Odd is refused: its needs are .* as in needs = "):
        reconstruct(Odd(), make_observation(np.ones((2, 20, 20), int)))
