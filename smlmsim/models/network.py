"""What of a reconstructor can travel: a network, what it sees, and the file of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import reconstruct
from smlmsim.domain import Domain

if TYPE_CHECKING:
    from torch import nn

Floats = npt.NDArray[np.float32]
PARTS = ("network", "inputs", "domain", "weights_path")


class Seen(Protocol):
    """What a network sees of an observation."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels."""
        ...

    def stacked(self, observation: xr.Dataset) -> Floats:
        """Return the channels (channel, time, y, x) of an observation."""
        ...


class Network(Protocol):
    """A reconstructor that is a network with weights."""

    name: str
    inputs: Seen
    domain: Domain | None
    weights_path: Path

    def network(self) -> nn.Module:
        """Return the network in evaluation mode; ``multiple`` is the size of which inputs are multiples."""
        ...


def load_network(name: str, weights: Path | None = None) -> Network:
    """Return an installed network on the CPU.

    Parameters
    ----------
    name : str
        Name of a reconstructor.
    weights : Path, optional
        Its weights; by default those that it comes with.

    Raises
    ------
    ValueError
        If the reconstructor is not installed, is no network, or does not fit the weights.
    """
    names = reconstruct.available()
    plain = reconstruct.load(name) if name in names else None
    if plain is not None and (missing := [part for part in PARTS if not hasattr(type(plain), part)]):
        raise ValueError(f"{name} has no {missing[0]}, so it is no network with weights that can travel")
    settings: Mapping[str, Any] = {"device": "cpu"} | ({"weights": weights} if weights else {})
    return cast(Network, reconstruct.load(name, settings))
