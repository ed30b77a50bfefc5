"""A folder of small tables of several structures, and a catalogue of them."""

import pytest
from repository import repository
from table_file import table_file

from smlmsim.catalogue.adding import add
from smlmsim.catalogue.index import opened
from smlmsim.io.reading import Reading

__all__ = ["repository"]

TABLES = {
    "pores": {"structure": "NPC", "modality": "dSTORM", "fluorophore": "AF647", "exposure_s": 0.01},
    "lamina": {"structure": "nuclear lamina", "modality": "DNA-PAINT"},
    "tubules": {"structure": "microtubules", "modality": "PALM", "exposure_s": 0.03, "license": "CC-BY-4.0"},
    "fibres": {"structure": "F-actin; stress fibers", "tags": ["batch 7"]},
    "zebra": {"structure": "zebra stripes"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables with numbers of localizations 400, 500, ... and precisions 10, 12, ... in the order of ``TABLES``."""
    path = tmp_path_factory.mktemp("tables")
    for place, (name, attrs) in enumerate(TABLES.items()):
        table_file(path / f"{name}.smlm", 400 + 100 * place, precision=10 + 2 * place, name=name, **attrs)
    return path


@pytest.fixture(scope="module")
def catalogue(folder, tmp_path_factory):
    """The path of an index of these tables."""
    path = tmp_path_factory.mktemp("index") / "new" / "catalogue.sqlite"
    with opened(path, make=True) as index:
        add(index, [folder], Reading())
    return path
