"""Corpora that take a moment."""

import pytest
from one_process import one_process

from smlmsim.acquisition import Acquisition
from smlmsim.corpus import Corpus, Range, generate
from smlmsim.field import FieldOfView
from smlmsim.pipeline import SimulatedDynamic

RATES = Range(setting="photophysics.rate_hz", low=100, high=1600, scale="log")
VELOCITIES = Range(setting="motion.velocity_nm_per_s", low=0, high=200)


@pytest.fixture(scope="session")
def corpus():
    """Six movies of 40 time points; 40 is no multiple of a chunk."""
    study = SimulatedDynamic(
        field=FieldOfView(height_nm=800, width_nm=640),
        acquisition=Acquisition(time_points=40, frames_per_point=5),
    )
    return Corpus(study=study, movies=6, seed=3, ranges=(RATES, VELOCITIES))


@pytest.fixture(scope="session")
def made(corpus, tmp_path_factory):
    """The store of that corpus, to be read only."""
    path = tmp_path_factory.mktemp("corpus") / "made.zarr"
    with one_process():
        generate(corpus, path, progress=False)
    return path
