"""Pairs of a widefield image and the localizations of the same structure, carried elsewhere."""

import math

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.localization import Statistical
from smlmsim.motion import Static
from smlmsim.photophysics import Poisson
from smlmsim.pipeline import widefield_images
from smlmsim.rng import stream
from smlmsim.sparse import bin_localizations
from smlmsim.structures import Microtubules
from smlmsim.widefield import Widefield, as_movie

FIELD = FieldOfView(height_nm=4000, width_nm=4000)
ACQUISITION = Acquisition(time_points=4)


def structure_of(seed):
    built = Microtubules().build(FIELD.grown(0.25), stream(seed, "structure"))
    return Static().move(built, ACQUISITION.step_times_s, stream(seed))


def carried(moving, shift_nm, scale, angle):
    """Every place p goes to c + scale R(angle) (p - c) + shift, c the middle of the field."""
    y, x = moving.vertex_y.values - 2000, moving.vertex_x.values - 2000
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return schema.dataset(
        moving.attrs,
        time=moving.time.values,
        filament=moving.filament.values,
        vertex_y=2000 + cos * y + sin * x + shift_nm[0],
        vertex_x=2000 + cos * x - sin * y + shift_nm[1],
    )


def images(seed, shift_nm=(0.0, 0.0), scale=1.0, angle=0.0, *, other=None, rate_hz=500):
    """A widefield image, and the localizations of 6 s of the same structure, carried; or of another."""
    moving = structure_of(seed)
    microscope = Widefield()
    widefield = as_movie(
        widefield_images(microscope, moving, FIELD, ACQUISITION, stream(seed, "widefield"))
    ).isel(time=0)
    seen = carried(structure_of(other) if other is not None else moving, shift_nm, scale, angle)
    events = Poisson(rate_hz=rate_hz).emit(seen, FIELD, ACQUISITION, stream(seed, "p"))
    table = Statistical().localize(events, FIELD, ACQUISITION, stream(seed, "l"))
    return widefield, bin_localizations(table, FIELD, ACQUISITION).counts.sum("time")
