"""The contract of learned dynamics."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from smlmsim.motion.learned import Dynamics, DynamicsError
from smlmsim.motion.periodic_grid import LEAST_NODES


def check_dynamics(dynamics: Dynamics) -> None:
    """Check that learned dynamics fulfil the contract on structures of many kinds.

    One line, a crowd, a single point and a plane that is not square: each must give a finite flow of the right shape,
    twice the same to the byte for one seed and another for another seed, and leave the image as it was.

    Raises
    ------
    DynamicsError
        Naming the dynamics, the structure and the reason.

    Examples
    --------
    >>> from smlmsim.motion.learned import DYNAMICS
    >>> check_dynamics(DYNAMICS.load("unet"))
    """
    if isinstance(dynamics, type) or not isinstance(dynamics, Dynamics):
        raise DynamicsError(f"{dynamics!r} is not an object with a method flow() and what it has learned")
    for kind, image in _planes(dynamics.multiple):
        try:
            _check_flow(dynamics, image)
        except Exception as error:
            reason = str(error) if isinstance(error, DynamicsError) else f"{type(error).__name__}: {error}"
            raise DynamicsError(f"{type(dynamics).__name__} on {kind} is refused: {reason}") from error


def _check_flow(dynamics: Dynamics, image: npt.NDArray[np.float32]) -> None:
    steps, cell_nm, velocity = 5, float(dynamics.cell_nm), float(np.mean(dynamics.velocity_nm_per_s))
    before = image.copy()
    found = [
        np.asarray(dynamics.flow(image, cell_nm, steps, velocity, np.random.default_rng(seed)))
        for seed in (0, 0, 1)
    ]
    if found[0].shape != (steps + 1, 2, *image.shape):
        raise DynamicsError(
            f"its flow has the shape {found[0].shape}, expected {(steps + 1, 2, *image.shape)}"
        )
    if not np.isfinite(found[0]).all():
        raise DynamicsError("its flow is not finite everywhere")
    if found[0].tobytes() != found[1].tobytes():
        raise DynamicsError("its flow differs from one call to the next; draw all random numbers from rng")
    if found[0].tobytes() == found[2].tobytes():
        raise DynamicsError("its flow is the same for every seed; draw random numbers from rng")
    if not np.array_equal(image, before):
        raise DynamicsError("it changes the image; copy it first")


def _planes(multiple: int) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Images of structures at rest, relative to their means."""
    edge = multiple * math.ceil(LEAST_NODES / multiple)
    line, point = np.zeros((edge, edge)), np.zeros((edge, edge))
    line[:, edge // 3], point[edge // 2, 1] = 1, 1
    crowd = np.random.default_rng(0).exponential(1.0, (edge, edge + multiple))
    for kind, image in (
        ("a line", line),
        ("a point", point),
        ("a crowd in a plane that is not square", crowd),
    ):
        yield kind, (image / image.mean()).astype(np.float32)
