"""Building blocks for your own networks: ``smlmsim new-reconstructor NAME --trainable`` shows how to use them.

A network joins by two entry points, of the group ``smlmsim.reconstructors`` for a :class:`Learned` and of the group
``smlmsim.trainable`` for a :class:`Trainable` of the same name.
"""

from __future__ import annotations

from pathlib import Path

from baselines._budget import Budget
from baselines._inputs import Inputs, NetworkSettings
from baselines._learned import Learned
from baselines._trainable import Trainable
from baselines._training import Task
from baselines._weights import WeightsError, save_weights
from smlmsim.domain import Domain
from smlmsim.spec import Spec

__all__ = [
    "Budget",
    "Domain",
    "Inputs",
    "Learned",
    "NetworkSettings",
    "Spec",
    "Task",
    "Trainable",
    "WeightsError",
    "make_weights",
    "save_weights",
]


def make_weights(configuration: Trainable, path: str | Path) -> None:
    """Write random weights of an untrained network, for tests.

    Parameters
    ----------
    configuration : Trainable
        Configuration of the network; its first network reconstructs.
    path : str or Path
        File to write, in the safetensors format.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    network = next(iter(configuration.task().networks.values()))
    save_weights(
        path, network, name=configuration.name, settings=configuration.network.model_dump(mode="json")
    )
