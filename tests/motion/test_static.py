"""A static structure stays where it is."""

import numpy as np
import pydantic
import pytest

from smlmsim import schema
from smlmsim.motion.static import Static
from smlmsim.rng import stream

TIMES_S = np.arange(1500) * 0.3


@pytest.fixture
def structure():
    rng = stream(0, "static")
    return schema.dataset(
        {"box_nm": [0.0, 0.0, 500.0, 500.0], "persistence_length_nm": 2e4},
        vertex_y=rng.uniform(0, 1000, 40),
        vertex_x=rng.uniform(0, 1000, 40),
        filament=np.repeat(np.arange(4, dtype=np.int32), 10),
    )


def test_every_time_has_the_structure_as_it_was_built(structure):
    moving = Static().move(structure, TIMES_S, stream(1, "motion"))
    schema.check(moving, "time", "vertex_y", "vertex_x", "filament")
    assert moving.attrs == structure.attrs
    assert dict(moving.sizes) == {"time": 1500, "vertex": 40}
    for name in ("vertex_y", "vertex_x"):
        assert moving[name].dtype == np.float32
        assert (moving[name].values == structure[name].values.astype(np.float32)).all()


def test_a_long_movie_takes_the_memory_of_one_time(structure):
    moving = Static().move(structure, TIMES_S, stream(1, "motion"))
    for name in ("vertex_y", "vertex_x"):
        assert moving[name].values.strides[0] == 0


def test_nothing_is_drawn(structure):
    rng = stream(1, "motion")
    Static().move(structure, TIMES_S, rng)
    assert rng.random() == stream(1, "motion").random()


@pytest.mark.parametrize("velocity", [60.0, -1.0])
def test_a_velocity_is_refused_and_the_motions_that_have_one_are_named(velocity):
    with pytest.raises(pydantic.ValidationError, match=rf"static .* {velocity:g} nm/s; .* polymer and rigid"):
        Static(velocity_nm_per_s=velocity)


def test_a_structure_that_moves_already_is_refused(structure):
    moving = Static().move(structure, TIMES_S, stream(1, "motion"))
    with pytest.raises(schema.SchemaError, match="moves already; choose one of its times"):
        Static().move(moving, TIMES_S, stream(1, "motion"))


def test_a_structure_without_filaments_is_refused(structure):
    with pytest.raises(schema.SchemaError, match="no 'filament'"):
        Static().move(structure.drop_vars("filament"), TIMES_S, stream(1, "motion"))
