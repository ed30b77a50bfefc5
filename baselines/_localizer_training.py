"""The training of networks that localize, on random frames that are made while they train."""

from __future__ import annotations

import argparse
import csv
import logging
from abc import abstractmethod
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import nn

from baselines import _checkpoint
from baselines._frame_channels import channels
from baselines._freeze import keep_statistics
from baselines._parameters import count
from baselines._scenes import Scene, Scenes
from baselines._weights import save_weights
from smlmsim.io import replacing, require_writable
from smlmsim.io.lock import sole_writer
from smlmsim.rng import stream
from smlmsim.spec import Spec, read_toml

CHECKPOINT = "checkpoint.safetensors"
DECAY = 1e-4
"""How much AdamW shrinks weights in a step, per learning rate."""
logger = logging.getLogger("smlmsim.networks")


class FrameBudget(Spec):
    """The length of a training.

    Parameters
    ----------
    steps, scenes : int
        Number of steps, and scenes in each.
    learning_rate : float
        It rises over the first ``warmup`` steps, stays, and falls to 0 over the last ``cooldown`` steps.
        Meanwhile batch normalizations keep their statistics.
    warmup, cooldown : int
        Numbers of steps.
    gradient_norm : float
        Largest norm of a gradient; longer ones are shortened.
    every : int
        Steps between two checkpoints, each with a validation.
    held_out : int
        Scenes for validation.
    seed : int
        Determines initial weights and scenes.
    """

    steps: PositiveInt = 4000
    scenes: PositiveInt = 4
    learning_rate: PositiveFloat = 2e-3
    warmup: PositiveInt = 100
    cooldown: PositiveInt = 800
    gradient_norm: PositiveFloat = 5.0
    every: PositiveInt = 250
    held_out: PositiveInt = 24
    seed: NonNegativeInt = 0

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        rise, fall = (step + 1) / self.warmup, (self.steps - step) / self.cooldown
        return self.learning_rate * min(rise, 1.0, fall)


class Batch(NamedTuple):
    """Scenes of equal shape as tensors: what a network sees of them, and what it is to find there.

    Parameters
    ----------
    seen : Tensor, shape (scene, frame, channel, y, x)
        See :func:`baselines._frame_channels.channels`.
    frame : Tensor of int64, shape (molecule,)
        Counted over all frames of all scenes.
    place_px : Tensor, shape (molecule, 2)
        Positions y and x; the middle of the first pixel is 0.
    light : Tensor, shape (molecule,)
        Expected counts in the frame.
    background : Tensor, shape (scene, y, x)
        Expected counts of the background in every frame.
    """

    seen: torch.Tensor
    frame: torch.Tensor
    place_px: torch.Tensor
    light: torch.Tensor
    background: torch.Tensor

    @classmethod
    def of(cls, scenes: Sequence[Scene]) -> Self:
        """Join scenes."""
        seen = np.stack([channels(scene.counts, scene.sigma_px) for scene in scenes])
        parts = (
            seen,
            np.concatenate([scene.frame + k * seen.shape[1] for k, scene in enumerate(scenes)]),
            np.concatenate([np.stack([scene.y_px, scene.x_px], 1) for scene in scenes]),
            np.concatenate([scene.light for scene in scenes]),
            np.stack([scene.background for scene in scenes]),
        )
        return cls(*map(torch.from_numpy, parts))


class FrameTraining(Spec):
    """A network that localizes, the scenes it learns on, and its budget.

    Frames are made while it trains, from ``budget.seed`` and their number alone; none is seen twice.
    """

    name: ClassVar[str]
    package: ClassVar[str]

    network: Any
    scenes: Scenes = Scenes()
    budget: FrameBudget = FrameBudget()

    @classmethod
    def configured(cls, size: str = "shipped") -> Self:
        """Return a configuration of the package by its name, or from a TOML file."""
        path = (
            Path(size) if size.endswith(".toml") else Path(str(resources.files(cls.package) / f"{size}.toml"))
        )
        return cls.model_validate(read_toml(path))

    @abstractmethod
    def loss(self, network: nn.Module, batch: Batch) -> torch.Tensor:
        """The loss on some scenes."""

    def parameters(self) -> dict[str, int]:
        """Count the parameters of the network."""
        return {"network": count(self.network.build())}

    def train(self, folder: Path) -> float:
        """Train in a folder, or resume there; return the loss on held-out scenes.

        It writes the weights, ``checkpoint.safetensors`` and ``log.csv``. With one thread, training that was killed and
        resumed gives the same weights as training that was not.

        Raises
        ------
        OSError
            If the folder cannot be written, or another run writes to it.
        CheckpointError
            If the checkpoint is damaged or belongs to another training.
        """
        require_writable(folder)
        with sole_writer(folder):
            return self._train(folder)

    def _train(self, folder: Path) -> float:
        budget, path = self.budget, folder / CHECKPOINT
        torch.manual_seed(budget.seed)
        network = self.network.build().to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters(), lr=budget.learning_rate, weight_decay=DECAY)
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        parts = {self.name: network}, {self.name: optimizer}, scaler
        state = _checkpoint.load(path, *parts) if path.is_file() else _checkpoint.Progress()
        held_out = [self._scene("held out", item) for item in range(budget.held_out)]
        while state.step < budget.steps:
            steps = min(budget.every, budget.steps - state.step)
            losses = [self._step(network, optimizer, state.step + k) for k in range(steps)]
            state.step, state.best = state.step + steps, self._judged(network, held_out)
            state.history.append({"step": state.step, "loss": sum(losses) / steps, "held_out": state.best})
            logger.info("%s: %s", self.name, state.history[-1])
            self._write(folder, network, state)
            _checkpoint.save(path, state, *parts)
        return state.best

    @torch.inference_mode()
    def _judged(self, network: nn.Module, held_out: list[Scene]) -> float:
        """The loss on held-out scenes."""
        return float(self.loss(network.eval(), Batch.of(held_out)))

    def _scene(self, purpose: str, number: int) -> Scene:
        return self.scenes.make(stream(self.budget.seed, self.name, purpose, str(number)))

    def _step(self, network: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> float:
        network.train()
        if step >= self.budget.steps - self.budget.cooldown:
            keep_statistics(network)
        for group in optimizer.param_groups:
            group["lr"] = self.budget.learning_rate_at(step)
        first = step * self.budget.scenes
        scenes = [self._scene("training", first + k) for k in range(self.budget.scenes)]
        loss = self.loss(network, Batch.of(scenes))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), self.budget.gradient_norm)
        optimizer.step()
        return float(loss.detach())

    def _write(self, folder: Path, network: nn.Module, state: _checkpoint.Progress) -> None:
        """Write the weights with the settings of the network and of the scenes, and the log."""
        settings = {
            "network": self.network.model_dump(mode="json"),
            "scenes": self.scenes.model_dump(mode="json"),
        }
        save_weights(folder / f"{self.name}.safetensors", network, name=self.name, settings=settings)
        with replacing(folder / "log.csv") as draft, draft.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(state.history[0]))
            writer.writeheader()
            writer.writerows(state.history)


def train_in_folder(training: type[FrameTraining]) -> None:
    """Train in the folder that the command line names, or resume there."""
    parser = argparse.ArgumentParser(description=training.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="shipped", help="a configuration of the package, or a TOML file")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    given.folder.mkdir(parents=True, exist_ok=True)
    training.configured(given.size).train(given.folder)
