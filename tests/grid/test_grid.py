"""A grid is every combination of its axes' values and seeds, and refuses what its study cannot do."""

import math
import tomllib

import pydantic
import pytest

from smlmsim.camera import CAMERAS
from smlmsim.grid import Axis, Grid
from smlmsim.motion import Static
from smlmsim.reconstruct import available
from smlmsim.spec import explain

RATES = Axis(setting="photophysics.rate_hz", values=(100, 400))


def grid(study, **settings):
    return Grid(study=study, **{"axes": (RATES,), "seeds": (0, 7), "reconstructors": ("sparse",), **settings})


def test_cells_are_all_combinations_with_seeds_last(small_study):
    cells = list(grid(small_study).cells())
    assert [cell.place for cell in cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [(cell.settings["photophysics.rate_hz"], cell.seed) for cell in cells] == [
        (100, 0), (100, 7), (400, 0), (400, 7),
    ]  # fmt: skip
    assert grid(small_study).study_of(cells[2]).photophysics.rate_hz == 400


def test_toml_gives_the_same_grid_back(small_study, tmp_path):
    (tmp_path / "grid.toml").write_text(grid(small_study).to_toml())
    assert Grid.from_toml(tmp_path / "grid.toml") == grid(small_study)


def test_what_is_left_out_is_all_but_the_named_ones():
    axes = [{"setting": "photophysics.rate_hz", "values": [245]}]
    left = Grid(axes=axes, without=["sparse"]).reconstructors
    assert set(left) == set(available()) - {"sparse"}
    with pytest.raises(pydantic.ValidationError, match="without names 'sprase'; there are: "):
        Grid(axes=axes, without=["sprase"])
    with pytest.raises(pydantic.ValidationError, match="give reconstructors or without, found both"):
        Grid(axes=axes, reconstructors=["sparse"], without=["static_sum"])


def test_axes_are_labelled_from_their_names():
    assert RATES.attrs == {"long_name": "rate", "units": "Hz"}
    assert Axis(setting="motion.velocity_nm_per_s", values=(0,)).attrs == {
        "long_name": "velocity",
        "units": "nm/s",
    }
    assert Axis(setting="structure.vertices", values=(9,)).attrs == {"long_name": "vertices", "units": "1"}


def test_a_velocity_axis_on_a_static_motion_is_refused(small_study):
    velocities = Axis(setting="motion.velocity_nm_per_s", values=(0, 50))
    with pytest.raises(ValueError, match="static"):
        grid(small_study.replace({"motion": Static()}), axes=(velocities,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"axes": (Axis(setting="motion.speed", values=(1,)),)}, "Polymer has no setting 'speed'"),
        ({"axes": (Axis(setting="photophysics.rate_hz", values=(-1,)),)}, "rate_hz"),
        ({"axes": (RATES, RATES)}, "axis 'photophysics.rate_hz' appears twice"),
        ({"axes": ()}, "at least 1 item"),
        ({"seeds": (1, 1)}, "seed 1 appears twice"),
        ({"seeds": (-1,)}, "greater than or equal to 0"),
        ({"metrics": ("nope",)}, "no metric 'nope'; there are: ms_ssim"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(small_study, settings, message):
    with pytest.raises(ValueError, match=message):
        grid(small_study, **settings)


def test_an_axis_of_kinds_keeps_what_the_kinds_share_and_each_takes(small_study):
    study = small_study.replace({"motion.velocity_nm_per_s": 150})
    grid = Grid(
        study=study, axes=(Axis(setting="motion.kind", values=("static", "rigid", "polymer")),), seeds=(0,)
    )
    motions = [grid.study_of(cell).motion for cell in grid.cells()]
    assert [motion.kind for motion in motions] == ["static", "rigid", "polymer"]
    assert [motion.velocity_nm_per_s for motion in motions] == [0, 150, 150]
    assert motions[2] == study.motion
    assert Grid.model_validate(tomllib.loads(grid.to_toml())) == grid
    assert grid.axes[0].attrs == {"long_name": "motion", "units": "1"}


def test_an_axis_of_cameras_takes_their_names(small_study):
    study = small_study.replace({"localization.kind": "imaged"})
    names = Axis(setting="localization.camera", values=("ideal", "emccd"))
    gains = Axis(setting="localization.camera.em_gain", values=(1, 50))
    found = grid(study, axes=(gains, names), seeds=(0,))
    cameras = [found.study_of(cell).localization.camera for cell in found.cells()]
    assert cameras == [CAMERAS[name].replace({"em_gain": gain}) for gain in (1, 50) for name in names.values]
    assert Grid.model_validate(tomllib.loads(found.to_toml())) == found
    with pytest.raises(ValueError, match="no camera 'emcdd'; there are: ideal, emccd, scmos"):
        grid(study, axes=(Axis(setting="localization.camera", values=("emcdd",)),))


@pytest.mark.parametrize(
    ("setting", "values", "reason"),
    [
        ("motion.kind", ["static", "rigd"], "'rigd'"),
        ("motion.kind", ["static", 3], "all numbers, or all texts"),
        ("motion.kind", ["static", "static"], "appears twice"),
        ("motion.kind", [""], "a text of an axis has 1 to 200 characters, found ''"),
        ("motion.kind", "static", r"a list, as in values = \[30, 60\]"),
        ("photophysics.rate_hz", [10, math.inf], "a finite number or a text, found inf"),
        ("photophysics.rate_hz", [[10, 20]], r"a finite number or a text, found \[10, 20\]"),
        ("field.pixel_nm", ["20", "40"], "is not text; write its values without quotes"),
    ],
)
def test_values_that_do_not_fit_are_refused(setting, values, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        Grid.model_validate({"axes": [{"setting": setting, "values": values}]})
    assert "tuple" not in explain(caught.value)


def test_a_kind_that_no_study_of_a_grid_has_is_refused_with_those_there_are():
    axis = {"setting": "structure.kind", "values": ["microtubules", "measured"]}
    with pytest.raises(pydantic.ValidationError) as caught:
        Grid.model_validate({"axes": [axis]})
    assert "no 'measured'; there are: microtubules, actin_bundles" in explain(caught.value)


def test_an_axis_that_some_kinds_do_not_take_is_refused():
    axes = [
        {"setting": "motion.kind", "values": ["static", "rigid"]},
        {"setting": "motion.velocity_nm_per_s", "values": [0, 60]},
    ]
    with pytest.raises(ValueError, match="a static structure has the velocity 0, found 60"):
        Grid.model_validate({"axes": axes})
