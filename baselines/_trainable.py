"""What all networks have in common when they are trained: configurations as data, a budget, and the loop."""

from __future__ import annotations

from abc import abstractmethod
from importlib import resources
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import nn

from baselines._budget import Budget
from baselines._training import CHECKPOINT, Task, Trainer
from baselines._weights import load_weights
from smlmsim.corpus.dataset import Source
from smlmsim.spec import Spec, read_toml

SIZES = ("shipped", "published")


class Trainable(Spec):
    """A network, its loss and its budget.

    The published configuration and the one whose weights come with smlmsim are the files ``published.toml`` and
    ``shipped.toml`` of its package, each with a table of the name of the network.
    """

    name: ClassVar[str]
    package: ClassVar[str]

    network: Spec
    budget: Budget

    @classmethod
    def configured(cls, size: str = "shipped") -> Self:
        """Return a configuration: ``shipped``, ``published``, or a TOML file with a table of the network's name.

        Raises
        ------
        ValueError
            If there is no such configuration, or it does not fit.
        """
        path = Path(str(resources.files(cls.package) / f"{size}.toml")) if size in SIZES else Path(size)
        if not path.is_file():
            raise ValueError(
                f"no configuration {size!r} of {cls.name}; give one of {', '.join(SIZES)}, or a TOML file"
            )
        tables = read_toml(path)
        if cls.name not in tables:
            raise ValueError(f"{path} has no table {cls.name!r}; it has: {', '.join(tables) or 'none'}")
        return cls.model_validate(
            {key: value for key, value in tables[cls.name].items() if key in cls.model_fields}
        )

    @abstractmethod
    def task(self) -> Task:
        """Make the networks and their losses."""

    def parameters(self) -> dict[str, int]:
        """Count the numbers of each network, with the running means and variances of its normalization."""
        with torch.device("meta"):
            networks = self.task().networks
        return {name: _size(network) for name, network in networks.items()}

    def train(
        self,
        folder: Path,
        *,
        corpus: Path | Source,
        validation: Path | Source,
        workers: int = 1,
        init: Path | None = None,
        freeze: str = "",
        progress: bool = True,
    ) -> float:
        """Train in a folder, or go on there; return the best MS-SSIM of the validation.

        Parameters
        ----------
        folder : Path
            Where results go.
        corpus, validation : Path or Source
            What to train on, and what to validate on: a corpus, or something else that gives crops.
        workers : int
            Processes that make crops.
        init : Path, optional
            Weights to start from; not read again where there is a checkpoint to go on from.
        freeze : str
            Part of the network that stays as it is, such as ``"encoder"``.

        Raises
        ------
        WeightsError, CheckpointError, CorpusError, ValueError
            If the weights, the checkpoint, a corpus or the budget do not fit.
        """
        torch.manual_seed(self.budget.seed)
        task = self.task()
        if init and not (folder / CHECKPOINT).is_file():
            load_weights(init, next(iter(task.networks.values())), name=self.name)
        settings = self.network.model_dump(mode="json")
        trainer = Trainer(
            self.name, settings, task, self.budget,
            folder=folder, corpus=corpus, validation=validation, workers=workers, frozen=freeze,
        )  # fmt: skip
        return trainer.train(progress=progress)


def _size(network: nn.Module) -> int:
    learned = sum(parameter.numel() for parameter in network.parameters())
    return learned + sum(value.numel() for name, value in network.named_buffers() if "running" in name)
