"""The learned dynamics ``unet``: the generator of flows as a plug-in of the motion ``learned``."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch

from baselines._weights import WeightsError, build, read_settings
from baselines.dynamics.folds import unfolded
from baselines.dynamics.model import REST, DynamicsNetwork, FlowGenerator
from smlmsim.workers import one_thread

NAME = "dynamics"
LEAST_JACOBIAN = 0.4
"""Smallest ratio of areas after and before a displacement; the motion ``learned`` allows less, for its scale."""
BURN_IN = 12
"""Steps that the generator goes before a movie begins, so that the flow at its beginning is as later."""


@final
class UNetDynamics:
    """Flows of the recurrent U-Net that was trained against widefield movies.

    Parameters
    ----------
    weights : str or Path, optional
        File of weights, as the training writes it; by default the bundled one.

    Raises
    ------
    WeightsError
        If the file is absent or damaged, or holds another network.
    """

    multiple = REST

    def __init__(self, weights: str | Path | None = None) -> None:
        path = str(resources.files(__package__) / f"{NAME}.safetensors") if weights is None else str(weights)
        self._network, about = _built(path, Path(path).stat().st_mtime_ns if Path(path).is_file() else 0)
        settings = self._network.settings
        self.cell_nm, self.step_s = settings.cell_nm, settings.step_s
        low, high = about["velocity_nm_per_s"]
        self.velocity_nm_per_s = (float(low), float(high))
        self.learned_from = str(about["learned_from"])

    @torch.no_grad()
    def flow(
        self,
        image: npt.NDArray[np.float32],
        cell_nm: float,
        steps: int,
        velocity_nm_per_s: float,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.float32]:
        """Return displacements in nm, see :class:`smlmsim.motion.learned.Dynamics`.

        The plane is reflected at random, since no direction is special. A velocity beyond those that were learned
        counts as the nearest that was. After every step the displacement is smoothed where it would fold the plane; the
        network goes on from there.
        """
        network = self._network
        speed = min(max(velocity_nm_per_s, self.velocity_nm_per_s[0]), self.velocity_nm_per_s[1])
        turn = rng.integers(2, size=3)
        seen = _turned(image, turn)
        velocity, rows, columns = torch.tensor([speed], dtype=torch.float32), *seen.shape
        found = np.empty((steps + 1, 2, rows, columns), np.float32)
        with one_thread():
            scenery = network.look(torch.from_numpy(np.ascontiguousarray(seen))[None], velocity)
            state = network.at_rest(scenery)
            for step in range(-BURN_IN, steps + 1):
                if step >= 0:
                    found[step] = state.shift[0].numpy()
                state = network(scenery, state, velocity, self._noise(rng, rows, columns))
                shift = unfolded(state.shift, (cell_nm, cell_nm), LEAST_JACOBIAN)
                state = state._replace(shift=shift)
        return _turned_back(found, turn)

    def _noise(self, rng: np.random.Generator, rows: int, columns: int) -> torch.Tensor:
        """The noise of a step, (1, C, Y, X), as :meth:`FlowGenerator.noise` has it."""
        settings, places = self._network.settings, (rows // REST, columns // REST)
        own = rng.standard_normal((settings.noise, *places), np.float32)
        common = rng.standard_normal((settings.common_noise, 1, 1), np.float32)
        return torch.from_numpy(np.concatenate([own, np.broadcast_to(common, (len(common), *places))]))[None]


def _turned(image: npt.NDArray[np.float32], turn: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Reflect an image (row, column) along y and x, then about the diagonal, or not."""
    flip_y, flip_x, transpose = turn
    image = image[:: 1 - 2 * flip_y, :: 1 - 2 * flip_x]
    return image.T if transpose else image


def _turned_back(flow: npt.NDArray[np.float32], turn: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Undo the reflections for the displacements (..., yx, row, column) of a reflected image."""
    flip_y, flip_x, transpose = turn
    if transpose:
        flow = flow.swapaxes(-1, -2)[..., ::-1, :, :]
    flow = flow[..., :: 1 - 2 * flip_y, :: 1 - 2 * flip_x]
    sign = np.array([1 - 2 * flip_y, 1 - 2 * flip_x], np.float32)
    return np.ascontiguousarray(flow * sign[:, None, None])


@functools.lru_cache(maxsize=4)
def _built(path: str, _changed_ns: int) -> tuple[FlowGenerator, dict[str, Any]]:
    """Build the network of a file, which is read once as long as it does not change."""
    about = read_settings(path, NAME)
    missing = {"network", "learned_from", "velocity_nm_per_s"} - about.keys()
    if missing:
        raise WeightsError(f"{path} does not say its {min(missing)}; train it again")
    network = build(path, NAME, lambda found: DynamicsNetwork.model_validate(found["network"]).build())
    assert isinstance(network, FlowGenerator)
    return network.eval(), about
