"""Widefield movies to learn motion from: simulated ones of a corpus, or recorded stacks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from smlmsim.corpus import Corpus
from smlmsim.estimate.widefield_velocity import filament_velocity
from smlmsim.io import read
from smlmsim.pipeline import SimulatedDynamic, widefield_images
from smlmsim.rng import stream
from smlmsim.widefield import Widefield

LONGEST_UNEVEN = 0.02
"""Relative difference of pixels and intervals that counts as rounding."""
Floats = npt.NDArray[np.float32]
_log = logging.getLogger("smlmsim.networks")


class Recorded(NamedTuple):
    """A widefield movie (image, y, x), and the velocity of the structure in it in nm/s."""

    images: Floats
    velocity_nm_per_s: float


def simulated(corpus: Corpus, *, progress: bool = True) -> list[Recorded]:
    """Take the widefield movies of a corpus.

    Raises
    ------
    ValueError
        If its study has no widefield microscope, or is no ``simulated_dynamic`` one with a velocity.
    """
    found = []
    for number in tqdm(range(corpus.movies), "widefield movies", disable=not progress, leave=False):
        recipe = corpus.recipe(number)
        study = corpus.study_of(recipe)
        if not (isinstance(study, SimulatedDynamic) and study.widefield):
            raise ValueError(
                "motion is learned from the widefield movies of a corpus of kind simulated_dynamic with a "
                f"[study.widefield]; found kind={study.kind!r}"
            )
        moving = study.moving(recipe.seed)
        rng = stream(recipe.seed, "widefield")
        taken = widefield_images(study.widefield, moving, study.field, study.acquisition, rng)
        velocity = float(study.get("motion.velocity_nm_per_s"))
        found.append(Recorded(taken.widefield.values.astype(np.float32), velocity))
    return found


def recorded(
    paths: Sequence[Path],
    microscope: Widefield,
    interval_s: float,
    *,
    pixel_nm: float | None = None,
    point_s: float | None = None,
    velocity_nm_per_s: float | None = None,
) -> list[Recorded]:
    """Read widefield stacks.

    Parameters
    ----------
    paths : sequence of Path
        TIFF stacks, each of images at equal intervals.
    microscope : Widefield
        The microscope that shall be imitated; its pixel must be that of the stacks.
    interval_s : float
        Wanted interval of images.
    pixel_nm, point_s : float, optional
        Pixel and interval of the stacks, which take precedence over their files.
    velocity_nm_per_s : float, optional
        Velocity of the structure; by default it is measured on each stack.

    Raises
    ------
    ValueError
        If pixel or interval of a stack are not those that are wanted, or its velocity cannot be measured.
    """
    found = []
    for path in paths:
        (images,) = read(path, pixel_nm=pixel_nm, point_s=point_s).data_vars.values()
        if images.dims != ("time", "y", "x") or images.sizes["time"] < 2:
            raise ValueError(f"{path} holds no movie: found the dimensions {dict(images.sizes)}")
        steps = {axis: float(np.diff(images[axis].values).mean()) for axis in ("time", "x")}
        for name, step, wanted in (
            ("pixel_nm", steps["x"], microscope.pixel_nm),
            ("point_s", steps["time"], interval_s),
        ):
            if abs(step / wanted - 1) > LONGEST_UNEVEN:
                raise ValueError(
                    f"{path} has {name}={step:g}, but the configuration is for {wanted:g}; correct it with {name}, "
                    "or set corpus.study.widefield.pixel_nm and network.step_s of the configuration"
                )
        velocity = velocity_nm_per_s
        if velocity is None:
            measured = filament_velocity(images, sigma_nm=microscope.sigma_nm, lag_s=interval_s)
            velocity = measured.velocity_nm_per_s
            _log.info("%s: the structure moves at %s", path, measured)
        found.append(Recorded(images.values.astype(np.float32), velocity))
    return found


def windows(
    movies: Sequence[Recorded], number: int, images: int, edge: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Cut random windows out of movies, reflected and transposed at random.

    Returns
    -------
    windows : array (window, image, y, x)
        Each with the mean 0 and the standard deviation 1.
    velocities : array (window,)

    Raises
    ------
    ValueError
        If a movie is too short or too small.
    """
    found = np.empty((number, images, edge, edge), np.float32)
    chosen = rng.integers(len(movies), size=number)
    for window, movie in zip(found, (movies[index].images for index in chosen), strict=True):
        room = np.array(movie.shape) - np.array([images, edge, edge])
        if (room < 0).any():
            raise ValueError(
                f"a widefield movie has {movie.shape} images and pixels, fewer than the windows of "
                f"({images}, {edge}, {edge}); set budget.images and budget.edge"
            )
        t, y, x = rng.integers(room + 1)
        window[:] = turned(movie[t : t + images, y : y + edge, x : x + edge], rng)
    found -= found.mean(axis=(1, 2, 3), keepdims=True)
    found /= found.std(axis=(1, 2, 3), keepdims=True) + np.float32(1e-6)
    return found, np.array([movies[index].velocity_nm_per_s for index in chosen], np.float32)


def turned(movie: Floats, rng: np.random.Generator) -> Floats:
    """Reflect and transpose the images of a movie (..., y, x) at random."""
    flip_y, flip_x, transpose = rng.integers(2, size=3)
    movie = movie[..., ::-1, :] if flip_y else movie
    movie = movie[..., ::-1] if flip_x else movie
    return np.asarray(movie.swapaxes(-1, -2) if transpose else movie)
