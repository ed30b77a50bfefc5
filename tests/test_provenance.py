"""A result says which versions and which commit made it."""

import platform
import subprocess

import numba
import numpy as np
import pytest
import scipy
import torch
import xarray as xr

import smlmsim
from smlmsim import provenance as module


def test_versions_are_those_of_what_is_imported():
    found = module.versions()
    assert found == {
        "smlmsim_version": smlmsim.__version__,
        "numpy_version": np.__version__,
        "numba_version": numba.__version__,
        "scipy_version": scipy.__version__,
        "torch_version": str(torch.__version__),
        "xarray_version": xr.__version__,
        "python_version": platform.python_version(),
    }
    assert module.provenance() == found | {
        "smlmsim_commit": module._commit(),
        "processor": module.processor(),
    }


def git(folder, *arguments):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The folder of a checkout that the module seems to be imported from."""
    monkeypatch.setattr(module, "__file__", str(tmp_path / "provenance.py"))
    (tmp_path / "provenance.py").write_text("first")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "provenance.py")
    git(tmp_path, "commit", "-q", "-m", "First")
    return tmp_path


def test_the_commit_is_that_of_the_checkout_and_says_whether_it_was_edited(checkout):
    first = git(checkout, "rev-parse", "HEAD")
    assert module._commit() == first
    (checkout / "provenance.py").write_text("second")
    assert module._commit() == f"{first}-dirty"
    git(checkout, "commit", "-q", "-a", "-m", "Second")
    git(checkout, "tag", "v9")
    assert module._commit() == git(checkout, "rev-parse", "HEAD") != first


def test_in_the_checkout_of_something_else_there_is_no_commit(checkout):
    git(checkout, "rm", "-q", "--cached", "provenance.py")
    (checkout / "other.py").write_text("")
    git(checkout, "add", "other.py")
    git(checkout, "commit", "-q", "-m", "Other")
    assert module._commit() == ""


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "provenance.py"))
    assert module._commit() == ""


def test_another_commit_of_the_same_version_is_let_through_another_version_is_not():
    here = module.provenance()
    assert module.other_version({**here, "smlmsim_commit": "0" * 40}) == ""
    assert "made with numpy_version 0.1, this is " in module.other_version({**here, "numpy_version": "0.1"})


def test_another_kind_of_processor_is_named_once_and_not_refused(caplog):
    elsewhere = module.provenance() | {"processor": "z80"}
    assert module.other_version(elsewhere) == ""
    both = module.also_here(elsewhere, "a store")
    assert both == f"z80, {module.processor()}"
    assert f"a store was made on a processor of the kind z80, this is {module.processor()}" in caplog.text
    caplog.clear()
    assert module.also_here(elsewhere | {"processor": both}, "a store") == both
    assert module.also_here({}, "a store of no known origin") == module.processor()
    assert not caplog.text
