"""Docstrings and messages use the words of the field, in full sentences."""

import ast
import re
from pathlib import Path

import pytest

import smlmsim

INSTEAD = {
    r"\bso many\b": "n, or 'the number of'",
    r"\bclaimed error": "reported precision",
    r"\beven (image|images|coordinates|steps)\b": "constant image; equally spaced coordinates",
    r"\bfalse localization": "false positive",
    r"(?m)^ *Of (the|a|an|all|some)\b(?![^\n]*,)": "a noun: 'Wavelength of the light', not 'Of the light'",
    r"\bwhat is known of\b": "the estimate of, the notes on, ...",
    r"\bgone on with\b": "resumed",
}
ROOT = Path(smlmsim.__file__).parents[1]
FILES = sorted(path for package in ("smlmsim", "baselines") for path in (ROOT / package).rglob("*.py"))


@pytest.fixture(scope="module")
def texts():
    """The docstrings and messages of all modules, each with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node.value)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]


@pytest.mark.parametrize(("phrase", "better"), INSTEAD.items(), ids=INSTEAD.values())
def test_no_text_uses_a_phrase_that_has_a_clearer_one(texts, phrase, better):
    assert texts
    found = [place for place, text in texts if re.search(phrase, text)]
    assert not found, f"write {better} in {', '.join(found)}"
