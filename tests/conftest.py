"""What several tests share."""

from pathlib import Path

import pytest

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SimulatedDynamic


@pytest.fixture
def small_study():
    """A study that takes milliseconds."""
    return SimulatedDynamic(
        field=FieldOfView(height_nm=800, width_nm=640), acquisition=Acquisition(time_points=6)
    )


@pytest.fixture
def tree():
    """A function that reads a folder into a dictionary of relative path -> bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }

    return read
