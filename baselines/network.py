"""What networks of one's own are made of: ``smlmsim new-reconstructor NAME --trainable`` shows how.

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
    """Write the random weights of a network that is not trained yet, to test it with.

    Parameters
    ----------
    configuration : Trainable
        Its first network reconstructs.
    path : str or Path
        A safetensors file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    network = next(iter(configuration.task().networks.values()))
    save_weights(
        path, network, name=configuration.name, settings=configuration.network.model_dump(mode="json")
    )
