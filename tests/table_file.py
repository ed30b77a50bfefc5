"""A small table in a file."""

import numpy as np

from smlmsim import io, schema


def table_file(path, number=400, side_nm=3000.0, precision=10, **attrs):
    """Write a table; its localizations are spread over a square."""
    rng = np.random.default_rng(0)
    found = schema.dataset(
        {"first_frame": 1, **attrs},
        loc_frame=np.sort(rng.integers(0, 100, number)).astype(np.int32),
        loc_y=rng.uniform(0, side_nm, number).astype("f4"),
        loc_x=rng.uniform(0, side_nm, number).astype("f4"),
        loc_uncertainty=np.full(number, precision, "f4"),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write(found, path)
    return path
