"""Checkpoints: all that a training needs to continue as if it had never stopped, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from baselines._weights import DAMAGE
from smlmsim.io import replacing
from smlmsim.spec import one_line

Optimizers = Mapping[str, torch.optim.Optimizer]


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or belongs to another training."""


@dataclass
class Progress:
    """The progress of a training.

    ``best`` is the best validation score so far, ``since_best`` the number of epochs since then, ``factor`` the product
    of the halvings of the learning rate at plateaus, and ``history`` has a row for each epoch.
    """

    step: int = 0
    best: float = -1.0
    since_best: int = 0
    factor: float = 1.0
    history: list[dict[str, float]] = field(default_factory=list)


def save(
    path: Path, progress: Progress, networks: Mapping[str, nn.Module], optimizers: Optimizers, scaler: Any
) -> None:
    """Write a checkpoint; an older one stays in place until the new one is complete.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    about = {"progress": asdict(progress), "scaler": scaler.state_dict()}
    tensors = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    for name, network in networks.items():
        tensors |= {f"network/{name}/{key}": value for key, value in network.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{name}/{index}/{key}": value for key, value in state.items()}
    ready = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with replacing(path) as draft:
        save_file(ready, draft, {"training": json.dumps(about)})


def load(path: Path, networks: Mapping[str, nn.Module], optimizers: Optimizers, scaler: Any) -> Progress:
    """Restore networks, optimizers and random numbers from a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is damaged, or belongs to other networks.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["training"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for name, network in networks.items():
            network.load_state_dict(_below(tensors, f"network/{name}/"))
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(_optimizer_state(optimizer, _below(tensors, f"optimizer/{name}/")))
        if about["scaler"]:
            scaler.load_state_dict(about["scaler"])
        torch.set_rng_state(tensors["random/cpu"])
        if torch.cuda.is_available() and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"])
        return Progress(**about["progress"])
    except (SafetensorError, ValueError, *DAMAGE) as error:
        raise CheckpointError(
            f"{path} is damaged or belongs to another training ({one_line(error)}); remove it to start anew"
        ) from error


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _optimizer_state(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for place, value in tensors.items():
        index, key = place.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
