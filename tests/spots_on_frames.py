"""Frames with one molecule each, near the middle, or with many."""

import numpy as np

from smlmsim import schema
from smlmsim.frames import Imaging
from smlmsim.testing import make_frames

PIXEL_NM = 100.0


def events(frame, y, x, photons=1000.0):
    """Events at given positions in nm."""
    y, x = np.asarray(y, np.float32), np.asarray(x, np.float32)
    return schema.dataset(
        event_frame=np.asarray(frame, np.int32),
        event_y=y,
        event_x=x,
        event_photons=np.broadcast_to(np.asarray(photons, np.float32), y.shape),
    )


def one_each(number, photons=1000.0, *, edge=13, seed=0, **imaging):
    """Frames of ``edge`` x ``edge`` pixels with a molecule anywhere in the middle pixel of each, and the molecules."""
    rng = np.random.default_rng(seed)
    low = edge // 2 * PIXEL_NM
    molecules = events(np.arange(number), *(low + rng.uniform(0, PIXEL_NM, (2, number))), photons)
    return make_frames(molecules, (number, edge, edge), imaging=Imaging(**imaging), seed=seed), molecules


def crowd(density_per_um2, frames=10, edge=64, seed=0):
    """Molecules of 1000 photons anywhere in the frames."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(density_per_um2 * (edge / 10) ** 2 * frames)
    frame = np.sort(rng.integers(0, frames, number))
    molecules = events(frame, *rng.uniform(0, edge * 100, (2, number)))
    return make_frames(molecules, (frames, edge, edge), seed=seed), molecules


def errors_nm(found, molecules, within_nm=250.0):
    """The errors along y and x of the localizations that are near the molecule of their frame."""
    frame = found.loc_frame.values
    errors = np.stack([found[f"loc_{axis}"] - molecules[f"event_{axis}"].values[frame] for axis in "yx"])
    return errors[:, np.hypot(*errors) < within_nm]
