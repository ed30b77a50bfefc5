"""A reconstructor in a package of its own is found by its entry point and held to the contract."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin"
CHECK_ALL = """
import json
from smlmsim.reconstruct import ReconstructionError, available, load
from smlmsim.testing import check_reconstructor

verdicts = {}
for name in available():
    if name.startswith("example_"):
        try:
            check_reconstructor(load(name))
            verdicts[name] = "kept"
        except ReconstructionError as error:
            verdicts[name] = str(error)
print(json.dumps(verdicts))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that runs Python, with the plug-in installed, and reads the JSON it prints."""
    source, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("site")
    shutil.copytree(PLUGIN, source)
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    install = [sys.executable, "-m", "pip", "install", *offline, "--quiet", "--target", target, source]
    subprocess.run(install, check=True, timeout=120)

    def python(code):
        path = os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return python


GRID = """
reconstructors = ["example_blur", "example_not_a_number"]
seeds = [0]
[[axes]]
setting = "photophysics.rate_hz"
values = [300]
[study.acquisition]
time_points = 3
[study.field]
height_nm = 640
width_nm = 640
"""


@pytest.fixture(scope="module")
def verdicts(run):
    return run(CHECK_ALL)


def test_a_plugin_in_another_package_is_found_and_keeps_to_the_contract(verdicts):
    assert verdicts["example_blur"] == "kept"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "example_wrong_shape",
            "WrongShape is refused: its density has the shape (16, 32, 31), expected (16, 32, 32)",
        ),
        ("example_not_a_number", "values that are NaN or infinite"),
        ("example_changes_its_input", "ChangesItsInput is refused: it changed the observation"),
        ("example_missing_module", "of smlmsim-example-plugin 0.3.0 cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused_with_the_reason(verdicts, name, reason):
    assert reason in verdicts[name]


def test_a_plugin_takes_settings(run):
    code = "from smlmsim.reconstruct import load; print(load('example_blur', {'sigma_px': 3}).sigma_px)"
    assert run(code) == 3.0


def test_a_plugin_appears_in_the_grid_and_one_that_breaks_the_contract_has_no_score(run, tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    code = f"""
if __name__ == "__main__":
    import json
    from smlmsim.grid import Grid, run_grid
    scores = run_grid(Grid.from_toml({str(tmp_path / "grid.toml")!r}), {str(tmp_path / "s.zarr")!r}, progress=False)
    last = scores.isel({{"photophysics.rate_hz": 0, "seed": 0}})
    print(json.dumps(dict(zip(last.reconstructor.values.tolist(), last.ms_ssim.fillna(-9).values.tolist()))))
"""
    found = run(code)
    assert 0 < found["example_blur"] <= 1
    assert found["example_not_a_number"] == -9
