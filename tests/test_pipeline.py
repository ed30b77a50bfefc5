"""A study and a seed become a movie: the same bytes each time, the truth apart from the observation."""

import numpy as np
import pydantic
import pytest
import threadpoolctl
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from smlmsim import io
from smlmsim.acquisition import Acquisition
from smlmsim.estimate import contour_velocity
from smlmsim.field import FieldOfView
from smlmsim.io import Reading
from smlmsim.localization import Statistical
from smlmsim.motion import Deformation, Learned, Polymer, Rigid, Static, Wandering
from smlmsim.photophysics import Blinking, Poisson
from smlmsim.pipeline import Experimental, Hybrid, SemiSimulated, SimulatedDynamic, read_study, simulate
from smlmsim.selection import Selection
from smlmsim.structures import ActinBundles, Measured, Microtubules

EXACT = Statistical(precision_nm=1e-6, false_positive_uniform=0, false_positive_structured=0)


def test_same_seed_gives_the_same_bytes(small_study):
    first, second = simulate(small_study, 5), simulate(small_study, 5)
    for ours, theirs in zip(first, second, strict=True):
        assert ours.attrs == theirs.attrs
        for name in ours.variables:
            assert ours[name].values.tobytes() == theirs[name].values.tobytes(), name


def test_the_number_of_threads_of_linear_algebra_does_not_change_a_bit():
    many_filaments = SimulatedDynamic(structure=ActinBundles(), acquisition=Acquisition(time_points=2))
    found = []
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(limits=threads):
            found.append(simulate(many_filaments, 0).truth)
    assert found[0].vertex_y.values.tobytes() == found[1].vertex_y.values.tobytes()


def test_another_seed_gives_another_movie(small_study):
    assert not simulate(small_study, 0).truth.equals(simulate(small_study, 1).truth)


@pytest.mark.parametrize("setting", [{"photophysics.rate_hz": 900.0}, {"localization.precision_nm": 30.0}])
def test_what_is_observed_leaves_what_is_there_alone(small_study, setting):
    before, after = simulate(small_study, 2).truth, simulate(small_study.replace(setting), 2).truth
    assert before.equals(after)


def test_at_the_start_every_velocity_has_the_same_structure(small_study):
    slow, fast = (
        simulate(small_study.replace({"motion.velocity_nm_per_s": v}), 3).truth for v in (0.0, 220.0)
    )
    shift = np.hypot(fast.vertex_y[0] - slow.vertex_y[0], fast.vertex_x[0] - slow.vertex_x[0])
    assert 0 < float(shift.median()) < 220 * small_study.acquisition.point_s


def test_the_observation_does_not_tell_the_truth(small_study):
    observation = simulate(small_study, 0).observation
    assert set(observation.data_vars) == {
        "counts",
        "loc_frame",
        "loc_time",
        "loc_y",
        "loc_x",
        "loc_uncertainty",
        "loc_sigma",
        "loc_background",
        "loc_intensity",
    }
    assert set(observation.attrs) == {"pixel_nm", "exposure_s", "frames_per_point"}


@pytest.mark.parametrize("suffix", ["csv", "hdf5", "smlm"])
def test_a_simulated_table_carries_what_a_measured_one_does_through_a_file(small_study, tmp_path, suffix):
    made = simulate(small_study, 0).observation
    path = tmp_path / f"table.{suffix}"
    io.write(made, path)
    found = io.read(path)
    for name in ("loc_y", "loc_x", "loc_uncertainty", "loc_sigma", "loc_background", "loc_intensity"):
        assert found[name].values == pytest.approx(made[name].values, rel=1e-6), name


def test_a_simulated_table_is_filtered_by_its_photons(small_study, tmp_path):
    """More photons than those of the median precision have the localizations that are more precise."""
    made = simulate(small_study, 0).observation
    io.write(made, tmp_path / "table.csv")
    least = float(small_study.localization.spot.photons(np.float32([15.0]))[0])
    chosen = Selection(min_photons=least)
    kept = simulate(Experimental(table=tmp_path / "table.csv", selection=chosen), 0).observation
    assert 0 < kept.sizes["localization"] < made.sizes["localization"]
    assert kept.sizes["localization"] == np.count_nonzero(made.loc_uncertainty.values <= 15)


def test_a_localization_of_an_unknown_kind_is_refused(small_study):
    with pytest.raises(pydantic.ValidationError, match=r"localization\n.*'statistical', 'imaged'"):
        small_study.replace({"localization": {"kind": "guessed"}})


def test_a_localization_that_names_no_kind_is_statistical(tmp_path):
    (tmp_path / "study.toml").write_text("[localization]\nprecision_nm = 12.0\n")
    assert read_study(tmp_path / "study.toml").localization == Statistical(precision_nm=12)


def test_the_truth_says_how_it_was_made(small_study, tmp_path):
    truth = simulate(small_study, 4).truth
    (tmp_path / "study.toml").write_text(truth.attrs["study"])
    assert read_study(tmp_path / "study.toml") == small_study
    assert truth.attrs["seed"] == 4
    assert truth.attrs["smlmsim_version"]


def test_localizations_lie_on_the_true_contour():
    study = SimulatedDynamic(
        acquisition=Acquisition(time_points=4),
        motion=Static(),
        photophysics=Poisson(rate_hz=1600),
        localization=EXACT,
    )
    movie = simulate(study, 0)
    sigma, pixel = study.density.sigma_nm, study.field.pixel_nm
    corner_beyond_the_end = norm.cdf(-pixel / np.sqrt(2) / sigma) / (np.sqrt(2 * np.pi) * sigma)
    y, x = (np.floor(movie.observation[name].values / pixel).astype(int) for name in ("loc_y", "loc_x"))
    assert movie.truth.density[0].values[y, x].min() > 0.99 * corner_beyond_the_end


@pytest.mark.parametrize("motion", [Polymer(), Rigid(velocity_nm_per_s=60), Static()])
def test_every_motion_makes_a_movie(small_study, motion):
    movie = simulate(small_study.replace({"motion": motion}), 0)
    assert movie.truth.density.dims == ("time", "y", "x")
    assert movie.observation.counts.shape == movie.truth.density.shape


def test_molecules_may_blink(small_study, tmp_path):
    study = small_study.replace({"photophysics": Blinking(rate_hz=300, labels_per_um=5000)})
    (tmp_path / "study.toml").write_text(study.to_toml())
    movie = simulate(read_study(tmp_path / "study.toml"), 0)
    assert movie.observation.counts.sum() > 0
    assert "event" not in movie.observation.dims


def test_a_static_motion_has_no_velocity(small_study):
    with pytest.raises(pydantic.ValidationError, match="static"):
        small_study.replace({"motion": Static(), "motion.velocity_nm_per_s": 50.0})


@pytest.mark.parametrize("rate", [0, -10])
def test_a_rate_that_is_not_positive_is_refused(rate):
    with pytest.raises(pydantic.ValidationError, match="rate_hz"):
        SimulatedDynamic(photophysics={"rate_hz": rate})


def test_a_measured_table_becomes_time_points_without_a_truth(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text('"frame","x [nm]","y [nm]"\n1,100,50\n3,130,50\n5,190,90\n')
    study = Experimental(table=table, frames_per_point=2, exposure_s=0.1)
    movie = simulate(study, seed=0)
    assert movie.truth is None
    assert movie.observation.counts.sum(("y", "x")).values.tolist() == [1, 1, 1]
    np.testing.assert_allclose(movie.observation.time, [0.1, 0.3, 0.5])
    np.testing.assert_allclose(movie.observation.loc_time, [0.05, 0.25, 0.45])


def test_the_exposure_is_that_of_the_table_unless_another_is_given_or_none_is_known(tmp_path, caplog):
    table = tmp_path / "table.csv"
    table.write_text('"frame","x [nm]","y [nm]"\n1,100,50\n3,130,50\n5,190,90\n')
    with caplog.at_level("INFO"):
        assert simulate(Experimental(table=table), seed=0).observation.attrs["exposure_s"] == 0.03
    assert "the exposure is taken to be 0.03 s" in caplog.text
    (tmp_path / "table.csv.json").write_text('{"exposure_s": 0.01}')
    assert simulate(Experimental(table=table), seed=0).observation.attrs["exposure_s"] == 0.01
    given = Experimental(table=table, exposure_s=0.02)
    assert simulate(given, seed=0).observation.attrs["exposure_s"] == 0.02


def test_a_stretch_of_a_longer_recording_begins_with_its_first_time_point(tmp_path):
    rows = "".join(f"{100_001 + frame},{frame},50\n" for frame in range(100))
    (tmp_path / "table.csv").write_text('"frame","x [nm]","y [nm]"\n' + rows)
    found = simulate(Experimental(table=tmp_path / "table.csv", frames_per_point=50), seed=0).observation
    assert found.counts.sum(("y", "x")).values.tolist() == [50, 50]
    assert found.attrs["start_frame"] == 100_000
    np.testing.assert_allclose(found.time, [0.75, 2.25])
    assert int(found.loc_frame[0]) == 0


def test_several_channels_are_not_counted_together_unasked(tmp_path):
    (tmp_path / "table.csv").write_text("frame,x [nm],y [nm],channel\n1,1,1,1\n1,30,1,2\n2,60,1,2\n")
    with pytest.raises(
        ValueError,
        match=r"table\.csv holds 2 channels, 1, 2; choose one, as in channel=1, or take each by itself with",
    ):
        simulate(Experimental(table=tmp_path / "table.csv"), seed=0)
    for channel, number in (("1", 1), ("2", 2), ("all", 3)):
        study = Experimental(table=tmp_path / "table.csv", reading=Reading(channel=channel))
        found = simulate(study, seed=0).observation
        assert found.sizes["localization"] == number
        assert found.counts.dims == (("channel",) if channel == "all" else ()) + ("time", "y", "x")


def test_channels_of_a_measured_table_share_its_field_and_those_without_localizations_are_said(
    tmp_path, caplog
):
    rows = "".join(
        f"{frame},{x},{y},{name}\n" for frame, x, y, name in
        [(1, 1, 1, "red"), (1, 30, 1, "far red"), (2, 60, 55, "far red"), (9, 500, 500, "blue")]
    )  # fmt: skip
    (tmp_path / "table.csv").write_text("frame,x [nm],y [nm],channel\n" + rows)
    whole = Experimental(table=tmp_path / "table.csv", reading=Reading(channel="all"), frames_per_point=5)
    found = simulate(whole, seed=0).observation
    assert found.channel.values.tolist() == ["red", "far red", "blue"]
    assert found.counts.sum(("y", "x")).values.tolist() == [[1, 0], [2, 0], [0, 1]]
    part = whole.replace({"selection": {"crop_nm": [0, 100, 0, 100]}})
    with caplog.at_level("INFO"):
        found = simulate(part, seed=0).observation
    assert found.channel.values.tolist() == ["red", "far red"]
    assert "no localization of the channel blue is left" in caplog.text
    alone = simulate(part.replace({"selection": {"crop_nm": [50, 100, 0, 100]}}), seed=0).observation
    assert alone.counts.dims == ("time", "y", "x")  # one channel is left


def test_a_reading_of_all_channels_of_a_table_of_one_colour_changes_nothing(tmp_path):
    (tmp_path / "table.csv").write_text("frame,x [nm],y [nm]\n1,1,1\n1,30,1\n2,60,50\n")
    one, every = (
        simulate(Experimental(table=tmp_path / "table.csv", reading=Reading(channel=channel)), 0).observation
        for channel in (None, "all")
    )
    xr.testing.assert_identical(one, every)


def test_a_movie_that_would_not_fit_is_refused_before_it_is_made():
    study = SimulatedDynamic(acquisition=Acquisition(time_points=10**8))
    with pytest.raises(
        ValueError, match=r"100000000 time points of 128 x 128 pixels would take .* TiB of memory"
    ):
        simulate(study, seed=0)


def test_only_the_chosen_field_of_a_table_is_kept(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text('"frame","x [nm]","y [nm]"\n1,100,50\n1,1130,50\n')
    field = FieldOfView(height_nm=100, width_nm=200)
    movie = simulate(Experimental(table=table, field=field), seed=0)
    assert movie.observation.sizes["localization"] == 1
    assert movie.observation.counts.shape == (1, 5, 10)


def test_a_study_of_either_kind_is_read_from_toml(tmp_path):
    for study in (SimulatedDynamic(motion=Rigid(velocity_nm_per_s=7)), Experimental(table="a.csv")):
        (tmp_path / "study.toml").write_text(study.to_toml())
        assert read_study(tmp_path / "study.toml") == study


@pytest.fixture
def patchy(tmp_path):
    """A measured table of random lines."""
    rng = np.random.default_rng(0)
    place, along = rng.random((2, 40)) * 3000, rng.random((40, 60)) * 3000
    rows = [f"{1},{a:.2f},{p:.2f}\n" for p, line in zip(place[0], along, strict=True) for a in line]
    (tmp_path / "patchy.csv").write_text('"frame","x [nm]","y [nm]"\n' + "".join(rows))
    return tmp_path / "patchy.csv"


@pytest.mark.parametrize("kind", ["semi_simulated", "hybrid"])
def test_movies_that_flow_have_the_wanted_velocity_and_rate(kind, patchy):
    settings = {"acquisition": Acquisition(time_points=40), "motion": Deformation(velocity_nm_per_s=80)}
    clean = {"false_positive_uniform": 0, "false_positive_structured": 0}
    settings |= {"photophysics": Poisson(rate_hz=500), "localization": Statistical(**clean)}
    tables = (Measured(table=patchy),)
    study = SemiSimulated(**settings) if kind == "semi_simulated" else Hybrid(tables=tables, **settings)
    movie = simulate(study, 3)
    expected = 500 * study.acquisition.recorded_s
    assert abs(movie.observation.sizes["localization"] - expected) < 5 * np.sqrt(expected)
    if kind == "semi_simulated":
        velocity = contour_velocity(movie.truth, 1.5, field=study.field)
        assert velocity.normal_nm_per_s == pytest.approx(80, rel=0.1)


def test_a_hybrid_movie_at_rest_with_all_localizations_is_the_dense_image_of_its_table(tmp_path):
    rng = np.random.default_rng(4)
    y, x = np.concatenate([rng.random((2, 300)) * 800, *(_line(rng, 800) for _ in range(12))], axis=1)
    rows = "".join(f"1,{b:.3f},{a:.3f}\n" for a, b in zip(y, x, strict=True))
    (tmp_path / "table.csv").write_text('"frame","x [nm]","y [nm]"\n' + rows)
    field = FieldOfView(height_nm=800, width_nm=800)
    study = Hybrid(
        field=field,
        acquisition=Acquisition(time_points=20, steps_per_point=1),
        density={"sigma_nm": 60},
        tables=(Measured(table=tmp_path / "table.csv"),),
        motion=Deformation(velocity_nm_per_s=0),
        photophysics=Poisson(rate_hz=4000),
        localization=EXACT,
    )
    movie = simulate(study, 0)
    truth = movie.truth.density.values
    assert (truth == truth[0]).all()
    histogram = np.histogram2d(y, x, bins=field.shape, range=[[0, 800], [0, 800]])[0]
    image = gaussian_filter(histogram, 3.0, mode="reflect") / field.pixel_nm**2
    turned = [np.rot90(image, turns) for turns in range(4)]
    pairs = [one + other for one in turned for other in turned]
    errors = [np.sqrt(np.mean((truth[0] - pair) ** 2)) / truth[0].max() for pair in pairs]
    assert min(errors) < 0.02 < np.sort(errors)[4]
    counts = movie.observation.counts.values.sum(axis=0).astype(float)
    observed = gaussian_filter(counts, 3.0, mode="reflect") / counts.sum()
    expected = truth[0] / truth[0].sum()
    noise = np.sqrt(expected.mean() / counts.sum() / (4 * np.pi * 3.0**2))
    assert np.sqrt(np.mean((observed - expected) ** 2)) < 5 * noise + 0.02 * expected.max()


def _line(rng, size_nm):
    """Localizations along a straight line, (yx, 200)."""
    ends = rng.random((2, 2, 1)) * size_nm
    return ends[0] + rng.random(200) * (ends[1] - ends[0])


def test_the_scenes_of_a_semi_simulated_movie_move_collectively_and_polymers_each_its_own_way():
    collective, individual = (
        _neighbours_agree(study) for study in (SemiSimulated(), SimulatedDynamic(motion=Polymer()))
    )
    assert collective > 0.7
    assert individual < 0.3


def test_wandering_filaments_of_a_semi_simulated_movie_are_whole_and_move_each_its_own_way():
    study = SemiSimulated(motion=Wandering())
    assert abs(_neighbours_agree(study)) < 0.3
    moving = study.replace({"acquisition.time_points": 2}).moving(0)
    lengths = np.hypot(np.diff(moving.vertex_y.values[0]), np.diff(moving.vertex_x.values[0]))
    lengths = np.add.reduceat(
        np.append(lengths, 0), np.flatnonzero(np.diff(moving.filament.values, prepend=-1))
    )
    assert moving.filament.values.max() > 20
    assert (np.bincount(moving.filament.values) == study.structure.vertices).all()
    assert lengths.min() > 2400


def test_the_filaments_of_a_learned_motion_are_whole_and_flow_in_pieces_of_the_plane_only_in_one_group():
    study = SemiSimulated(motion=Learned(), acquisition=Acquisition(time_points=2))
    whole = study.moving(0)
    assert (np.bincount(whole.filament.values) == study.structure.vertices).all()
    assert study.moving(0).vertex_y.values.tobytes() == whole.vertex_y.values.tobytes()
    pieces = study.replace({"motion.groups": 1}).moving(0)
    assert np.bincount(pieces.filament.values).max() < study.structure.vertices


def test_the_points_of_a_measured_table_flow_in_one_group(patchy):
    tables = (Measured(table=patchy),)
    study = Hybrid(tables=tables, motion=Learned(groups=1), acquisition=Acquisition(time_points=2))
    moving = study.moving(0)
    assert np.isfinite(moving.vertex_y.values).all()
    assert np.abs(np.diff(moving.vertex_y.values, axis=0)).max() > 1
    with pytest.raises(ValueError, match=r"no filaments to group; set motion\.groups=1"):
        Hybrid(tables=tables, motion={"kind": "learned"})


def test_training_motions_are_others_than_the_test_motion():
    assert SemiSimulated(motion={"velocity_nm_per_s": 5}).motion == Deformation(velocity_nm_per_s=5)
    with pytest.raises(ValueError, match="expected tags: 'deformation', 'wandering', 'learned'"):
        SemiSimulated(motion=Polymer())


def _neighbours_agree(study) -> float:
    """The mean cosine between shifts of different filaments of one scene less than 300 nm apart."""
    study = study.replace({"acquisition.time_points": 8, "motion.velocity_nm_per_s": 80.0})
    cosines = []
    for seed in range(6):
        moving = study.moving(seed)
        if isinstance(study, SemiSimulated):
            scene = moving.filament.values <= moving.filament.values.max() // 2
            moving = moving.isel(vertex=np.flatnonzero(scene))
        place = np.stack([moving.vertex_y.values, moving.vertex_x.values], axis=-1).astype(float)
        seen = np.flatnonzero(study.field.contains(place[0, :, 0], place[0, :, 1]))[::5]
        shift = place[10, seen] - place[0, seen]
        shift /= np.linalg.norm(shift, axis=1, keepdims=True)
        near = np.linalg.norm(place[0, seen][:, None] - place[0, seen], axis=-1) < 300
        whole = _whole_filaments(moving)[seen]
        other = whole[:, None] != whole
        cosines.append((shift @ shift.T)[near & other])
    return float(np.mean(np.concatenate(cosines)))


def _whole_filaments(moving):
    """Number filaments, of which one whose piece begins where the last one ends has not ended."""
    place = np.stack([moving.vertex_y.values[0], moving.vertex_x.values[0]], axis=-1).astype(float)
    box = np.array(moving.attrs["box_nm"][2:])
    gap = np.diff(place, axis=0)
    gap -= box * np.round(gap / box)
    begins = np.diff(moving.filament.values) != 0
    return np.concatenate([[0], np.cumsum(begins & (np.hypot(*gap.T) > 1e-2))])


def test_a_study_need_not_say_the_usual_kinds(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        "photophysics.rate_hz = 200\nmotion.velocity_nm_per_s = 10\nstructure.density_per_um = 2\n"
    )
    wanted = SimulatedDynamic(
        photophysics=Poisson(rate_hz=200),
        motion=Polymer(velocity_nm_per_s=10),
        structure=Microtubules(density_per_um=2),
    )
    assert read_study(path) == wanted
    path.write_text("[photophysics]\non_s = 0.1\n")
    with pytest.raises(
        ValueError, match=r"study\.toml: photophysics\.on_s: no such setting; kind = 'blinking'"
    ):
        read_study(path)
