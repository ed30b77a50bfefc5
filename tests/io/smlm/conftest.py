"""A ``.smlm`` file made by hand."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

FORMAT = {
    "type": "table", "mode": "binary", "extension": ".bin", "columns": 3, "headers": ["frame", "x", "y"],
    "dtype": ["float32", "float32", "float32"], "shape": [1, 1, 1], "units": ["1", "nm", "nm"],
}  # fmt: skip
ENTRY = {"name": "table.bin", "type": "table", "format": "f", "channel": "default", "rows": 2, "offset": {}}
RECORDS = np.array([[0, 1, 2], [3, 4, 5]], "<f4").tobytes()


@pytest.fixture
def handmade(tmp_path):
    """A function that zips a manifest and some files."""

    def make(*, form=None, entry=None, entries=None, content=RECORDS, files=None, drop=(), **keys) -> Path:
        manifest = {"format_version": "0.2", "formats": {"f": FORMAT | (form or {})}}
        manifest |= {"files": entries or [ENTRY | (entry or {})]} | keys
        path = tmp_path / "handmade.smlm"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in ({"table.bin": content} if files is None else files).items():
                archive.writestr(name, value)
            if "manifest.json" not in (files or {}):
                kept = {name: value for name, value in manifest.items() if name not in drop}
                archive.writestr("manifest.json", json.dumps(kept))
        return path

    return make
