"""What several tests share."""

import logging
import signal
from pathlib import Path

import pytest
from one_process import one_process

from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Corpus, generate
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SemiSimulated, SimulatedDynamic

# A job in the background of a shell ignores Ctrl-C, and so would the programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _quiet_log():
    """Commands that run in this process set what the log of the package says; the next test starts anew."""
    log = logging.getLogger("smlmsim")
    handlers, level = log.handlers[:], log.level
    yield
    log.handlers[:], log.level = handlers, level


@pytest.fixture
def in_this_process():
    """What is spread over processes runs one by one in this one, where none has to start."""
    with one_process():
        yield


@pytest.fixture(scope="session")
def small_study():
    """A study that takes milliseconds."""
    return SimulatedDynamic(
        field=FieldOfView(height_nm=800, width_nm=640), acquisition=Acquisition(time_points=6)
    )


@pytest.fixture(scope="session")
def tree():
    """A function that reads a folder into a dictionary of relative path -> bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }

    return read


@pytest.fixture(scope="session")
def two_movies():
    """The corpus of two movies just large enough to train on."""
    study = SemiSimulated(
        field=FieldOfView(height_nm=640, width_nm=640), acquisition=Acquisition(time_points=26)
    )
    return Corpus(study=study, movies=2)


@pytest.fixture(scope="session")
def stored_movies(two_movies, tmp_path_factory):
    """Its store, to be read only."""
    path = tmp_path_factory.mktemp("movies") / "movies.zarr"
    with one_process():
        generate(two_movies, path, progress=False)
    return path


@pytest.fixture(scope="session")
def held_out_movie(two_movies, tmp_path_factory):
    """The store of a movie of another seed, to validate on; to be read only."""
    path = tmp_path_factory.mktemp("held-out") / "held-out.zarr"
    with one_process():
        generate(two_movies.replace({"movies": 1, "seed": 7}), path, progress=False)
    return path
