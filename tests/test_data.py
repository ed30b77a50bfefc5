"""The samples in data/ are what their README says."""

import hashlib
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


def test_the_example_has_the_stated_checksum():
    digest = hashlib.sha256((DATA / "example.csv").read_bytes()).hexdigest()
    assert digest in (DATA / "README.md").read_text(encoding="utf-8")
