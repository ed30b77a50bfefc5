"""Tests that code, documents and CI name are where they say."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMING = (".ci/run", "*.md", "smlmsim/**/*.py", "baselines/**/*.py", "benchmarks/**/*.py")


def test_every_test_that_is_named_is_there():
    texts = [path.read_text(encoding="utf-8") for pattern in NAMING for path in ROOT.glob(pattern)]
    named = {path for text in texts for path in re.findall(r"\btests/[\w/]+\.py", text)}
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_the_test_that_ci_runs_by_its_name_is_there():
    found = re.findall(r"(tests/[\w/]+\.py)::(\w+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert found
    for file, name in found:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
