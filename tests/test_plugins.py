"""What another package offers by an entry point is found by its name, made, and held to the contract of its family."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smlmsim.plugins import PluginError, Plugins, offered
from smlmsim.reconstruct import RECONSTRUCTORS
from smlmsim.train import TRAINABLES

THINGS = Plugins("smlmsim.things", "thing", ("work",))
KINDS = Plugins("smlmsim.things", "kind of thing", ("work",), made=False)
WORKER = """
from smlmsim.spec import Spec

class Worker(Spec):
    width: float = 1
    def work(self): ...

class Plain:
    def work(self): ...

class Idle: ...
"""


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


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that puts a distribution with one entry point on the path, and a module if it has code."""

    def put(distribution, name, target, code="", group=THINGS.group):
        folder = tmp_path / distribution
        info = folder / f"{distribution}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
        if code:
            module = target.partition(":")[0]
            monkeypatch.delitem(sys.modules, module, raising=False)
            (folder / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(folder)

    return put


def test_names_are_listed_without_importing_anything(install):
    install("strange", "strange", "strange_module:Strange")
    install("another", "another", "another_module:Another")
    assert THINGS.available() == ["another", "strange"]
    assert not {"strange_module", "another_module"} & sys.modules.keys()


@pytest.mark.parametrize("target", ["able_module:Worker", "able_module:Plain"])
def test_an_object_is_made_and_a_class_is_not(install, target):
    install("able", "able", target, WORKER)
    assert type(THINGS.load("able")) is KINDS.load("able")


def test_settings_are_the_arguments(install):
    install("able", "able", "settings_module:Worker", WORKER)
    assert THINGS.load("able", {"width": 3}).width == 3


@pytest.mark.parametrize(
    ("target", "settings", "reason"),
    [
        ("refused_module:Worker", {"width": "wide"}, "width: .*'wide'"),
        ("refused_module:Worker", {"with": 1}, "with: no such setting; did you mean width"),
        ("refused_module:Plain", {"width": 1}, "Plain.*takes no arguments"),
    ],
)
def test_settings_that_do_not_fit_are_refused(install, target, settings, reason):
    install("able", "able", target, WORKER)
    with pytest.raises(PluginError, match="the settings of 'able' do not fit: " + reason):
        THINGS.load("able", settings)


FAILING = "class Failing:\n    def __init__(self):\n        raise {error}\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("RuntimeError('no device\\nhere')", "thing 'failing' cannot be made: RuntimeError: no device here"),
        ("KeyError('weights')", "thing 'failing' cannot be made: KeyError: 'weights'"),
        ("ImportError('install it first')", "thing 'failing' cannot be used: install it first"),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line_with_the_cause(install, error, reason):
    install("failing", "failing", "failing_module:Failing", FAILING.format(error=error))
    with pytest.raises(PluginError, match=f"^{re.escape(reason)}$"):
        THINGS.load("failing")


@pytest.mark.parametrize("error", [ValueError("a width of 0"), FileNotFoundError("no weights")])
def test_what_a_class_says_in_its_own_words_is_passed_on(install, error):
    install("failing", "failing", "own_module:Failing", FAILING.format(error=repr(error)))
    with pytest.raises(type(error), match=str(error)):
        THINGS.load("failing")


@pytest.mark.parametrize("family", [THINGS, KINDS])
def test_what_lacks_a_method_is_refused(install, family):
    install("idle", "idle", "idle_module:Idle", WORKER)
    with pytest.raises(PluginError, match=r"idle_module:Idle of idle 1\.2 has no work\(\)"):
        family.load("idle")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_nobody_has", "ModuleNotFoundError: .*'a_module_that_nobody_has'"),
        ("raise OSError('no library\\nat all')", "OSError: no library at all"),
        ("exit('no licence')", "SystemExit: no licence"),
        ("x = 1", "AttributeError: .*Broken"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line_with_its_package_and_the_cause(install, code, reason):
    install("broken", "broken", "broken_module:Broken", code)
    with pytest.raises(
        PluginError, match=rf"^thing 'broken' of broken 1\.2 cannot be imported: {reason}"
    ) as caught:
        THINGS.load("broken")
    assert "\n" not in str(caught.value)


def test_a_name_that_two_packages_offer_is_listed_once_and_refused(install):
    install("one", "twin", "one_module:One")
    install("two", "twin", "two_module:Two")
    assert THINGS.available() == ["twin"]
    with pytest.raises(
        PluginError, match=r"thing 'twin' is offered by one 1\.2 and two 1\.2: uninstall all but"
    ):
        THINGS.load("twin")


@pytest.mark.parametrize("family", [RECONSTRUCTORS, TRAINABLES])
def test_an_unknown_name_is_answered_in_the_words_of_the_family(family):
    with pytest.raises(
        family.error, match=f"no {family.noun} 'nope'; installed: annapalm2d, annapalm2d_fine, "
    ):
        family.load("nope")
    with pytest.raises(family.error, match=f"no {family.noun} 'dblnk'; did you mean 'dblink'"):
        family.load("dblnk")


def test_a_name_is_told_by_the_families_that_have_it(install):
    install("unlike", "unlike", "unlike_module:Unlike", group="elsewhere.things")
    assert offered("unlike") == []
    assert offered("dblink") == [RECONSTRUCTORS.group, TRAINABLES.group]


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
