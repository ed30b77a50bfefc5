"""A result says which versions and which commit made it."""

import importlib.metadata

from smlmsim import provenance as module


def test_versions_are_those_installed():
    assert module.provenance()["numpy_version"] == importlib.metadata.version("numpy")
    assert module.provenance()["smlmsim_version"] == importlib.metadata.version("smlmsim")


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "provenance.py"))
    assert module._commit() == ""


def test_another_commit_of_the_same_version_is_let_through_another_version_is_not():
    here = module.provenance()
    assert module.other_version({**here, "smlmsim_commit": "0" * 40}) == ""
    assert "made with numpy_version 0.1, this is " in module.other_version({**here, "numpy_version": "0.1"})
