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
