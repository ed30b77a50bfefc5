"""What `new-reconstructor` writes is a package that installs and passes its own test of the contract."""

import os
import subprocess
import sys

import pytest

from smlmsim import scaffold

OFFLINE = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]


@pytest.mark.parametrize("kind", scaffold.kinds())
@pytest.mark.slow
def test_the_new_package_installs_and_passes_its_own_tests(tmp_path, kind):
    folder = scaffold.new_plugin("made_by_a_test", tmp_path, kind=kind)
    install = [sys.executable, "-m", "pip", "install", *OFFLINE, "--target", tmp_path / "site", folder]
    subprocess.run(install, check=True, timeout=120)
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder / "tests"],
        cwd=folder, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


def test_the_new_package_says_its_name_everywhere_and_leaves_nothing_open(tmp_path):
    folder = scaffold.new_plugin("deep_blur2", tmp_path / "made" / "here")
    files = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert set(files) == {
        "pyproject.toml",
        "README.md",
        "src/deep_blur2/__init__.py",
        "src/deep_blur2/reconstruct.py",
        "tests/test_deep_blur2.py",
    }
    assert 'deep_blur2 = "deep_blur2.reconstruct:DeepBlur2"' in files["pyproject.toml"]
    assert "class DeepBlur2:" in files["src/deep_blur2/reconstruct.py"]
    assert not any("$" in text for text in files.values())
    assert [item.name for item in folder.parent.iterdir()] == ["deep_blur2"]


def test_a_new_localizer_says_its_name_everywhere_and_leaves_nothing_open(tmp_path):
    folder = scaffold.new_plugin("bright_spots", tmp_path, kind="localizer")
    files = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert {"src/bright_spots/localize.py", "tests/test_bright_spots.py"} < set(files)
    assert 'bright_spots = "bright_spots.localize:BrightSpots"' in files["pyproject.toml"]
    assert not any("$" in text for text in files.values())


def test_a_new_network_says_its_name_everywhere_and_leaves_nothing_open(tmp_path):
    folder = scaffold.new_plugin("deep_blur2", tmp_path, kind="trainable")
    files = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert {"src/deep_blur2/network.py", "src/deep_blur2/train.py", "src/deep_blur2/tiny.toml"} < set(files)
    assert files["pyproject.toml"].count('deep_blur2 = "deep_blur2.') == 2
    assert not any("$" in text for text in files.values())


@pytest.mark.parametrize("name", ["", "My", "2fast", "a-b", "a__b", "../up", "class", "a.b"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="is not a valid name of a plug-in"):
        scaffold.new_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("numpy", "a module that is installed"),
        ("smlmsim", "a module that is installed"),
        ("scikit_image", "a package that is installed"),
        ("json", "a module of Python"),
        ("test", "a module"),
        ("async", "a keyword"),
        ("match", "a keyword"),
    ],
)
def test_a_name_that_stands_for_something_already_is_refused(tmp_path, name, reason):
    with pytest.raises(ValueError, match=f"'{name}' is {reason}.*choose another name, such as my_{name}"):
        scaffold.new_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'gaussian_time' is installed already, as a plug-in"):
        scaffold.new_plugin("gaussian_time", tmp_path)
    scaffold.new_plugin("mine", tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        scaffold.new_plugin("mine", tmp_path)


def test_a_kind_of_plugin_that_has_no_template_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(
        ValueError, match="no kind 'metric' of a plug-in; there are: localizer, reconstructor, trainable"
    ):
        scaffold.new_plugin("mine", tmp_path, kind="metric")
