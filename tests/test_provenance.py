"""A result says which versions and which commit made it."""

import importlib.metadata

from smlmsim import provenance as module


def test_versions_are_those_installed():
    assert module.provenance()["numpy_version"] == importlib.metadata.version("numpy")
    assert module.provenance()["smlmsim_version"] == importlib.metadata.version("smlmsim")


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "provenance.py"))
    assert module._commit() == ""
