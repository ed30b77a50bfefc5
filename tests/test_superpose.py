"""Two scenes in one are the sum of their parts."""

import numpy as np
import pytest

from smlmsim import schema
from smlmsim.density import Density
from smlmsim.field import FieldOfView
from smlmsim.superpose import superpose


def scene(y, filaments=2, times=(0.5, 1.5), box=None):
    return schema.dataset(
        {} if box is None else {"box_nm": box},
        time=list(times),
        vertex_y=np.full((len(times), 2 * filaments), y),
        vertex_x=np.tile([100.0, 900.0], (len(times), filaments)),
        filament=np.repeat(np.arange(filaments, dtype=np.int32), 2),
    )


def test_the_superposed_truth_is_the_sum_of_its_parts():
    first, second, field = scene(300.0), scene(700.0, filaments=3), FieldOfView(height_nm=1000, width_nm=1000)
    parts = [Density().render(part, field).density.values for part in (first, second)]
    together = Density().render(superpose(first, second), field).density.values
    np.testing.assert_allclose(together, sum(parts), atol=1e-6 * together.max())


def test_filaments_keep_apart():
    assert superpose(scene(0.0), scene(1.0)).filament.values.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_scenes_of_other_times_or_boxes_are_refused():
    with pytest.raises(ValueError, match="different times"):
        superpose(scene(0.0), scene(0.0, times=(0.5, 2.5)))
    with pytest.raises(ValueError, match="different boxes"):
        superpose(scene(0.0, box=[0, 0, 9, 9]), scene(0.0, box=[0, 0, 9, 8]))
