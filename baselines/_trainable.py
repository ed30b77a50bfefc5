"""What the training of all networks has in common: configurations as data, a budget, and the loop."""

from __future__ import annotations

from abc import abstractmethod
from importlib import resources
from pathlib import Path
from typing import ClassVar, Self

import torch
from pydantic import ValidationError

from baselines import _freeze
from baselines._budget import Budget
from baselines._fit import require_fit
from baselines._inputs import Inputs
from baselines._parameters import count
from baselines._training import CHECKPOINT, Task, Trainer, dataset
from baselines._validation import Validation
from baselines._weights import load_weights
from smlmsim.corpus.dataset import Source
from smlmsim.corpus.held_out import require_held_out, study_of
from smlmsim.families import TRAINING, require_family
from smlmsim.pipeline import Simulated
from smlmsim.spec import Spec, explain, read_toml

SIZES = ("tiny", "shipped", "published")
PUBLISHED = "parameters"
"""Name of a table of published numbers in a configuration file, which is not a setting."""


class Trainable(Spec):
    """A network, its loss and its budget.

    Configurations are TOML files in its package, each with a table named after the network: ``shipped.toml``, whose
    weights are bundled, and optionally ``published.toml`` and ``tiny.toml``, which is trained in a minute.
    """

    name: ClassVar[str]
    package: ClassVar[str]

    network: Spec
    budget: Budget

    @classmethod
    def sizes(cls) -> tuple[str, ...]:
        """Return the names of the available configurations."""
        files = {size: _file(cls.package, size) for size in SIZES}
        return tuple(size for size, path in files.items() if path.is_file() and cls.name in read_toml(path))

    @classmethod
    def configured(cls, size: str = "shipped") -> Self:
        """Return a configuration by its name, or from a TOML file with a table of the network's name.

        Raises
        ------
        ValueError
            If there is no such configuration, or it is invalid.
        """
        path = _file(cls.package, size) if size in SIZES else Path(size)
        if not path.is_file() or (size in SIZES and size not in cls.sizes()):
            raise ValueError(
                f"no configuration {size!r} of {cls.name}; give one of {', '.join(cls.sizes())}, or a TOML file"
            )
        tables = read_toml(path)
        require_family(tables, path, TRAINING)
        if cls.name not in tables:
            raise ValueError(f"{path} has no table {cls.name!r}; it has: {', '.join(tables) or 'none'}")
        settings = {key: value for key, value in tables[cls.name].items() if key != PUBLISHED}
        try:
            return cls.model_validate(settings)
        except ValidationError as error:
            raise ValueError(f"{path}: {cls.name}: {explain(error)}") from None

    @property
    def inputs(self) -> Inputs:
        """What the network sees; plain counts if its configuration does not state it."""
        found: Inputs = getattr(self.network, "inputs", Inputs())
        return found

    @abstractmethod
    def task(self) -> Task:
        """Make the networks and their losses."""

    def parameters(self) -> dict[str, int]:
        """Count the learned parameters of each network, including running means and variances."""
        with torch.device("meta"):
            networks = self.task().networks
        return {name: count(network) for name, network in networks.items()}

    def require_fit(self, study: Simulated, *, init: Path | None = None, freeze: str = "") -> None:
        """Raise the errors that training would raise, before the movies of a study are simulated.

        Raises
        ------
        WeightsError, CorpusError, ValueError
            If crops do not fit the network or the movies, or lack an input of the network, if the weights to start from
            do not fit, or if the network has no part of the name that is to be frozen.
        """
        with torch.device("meta"):
            networks = dict(self.task().networks.items())
        require_fit(self.budget.crops, networks, study)
        self.inputs.require_shown(self.budget.crops.lasting(study))
        if init:
            load_weights(init, next(iter(networks.values())), name=self.name)
        if freeze:
            _freeze.freeze(networks, freeze)

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
        """Train, or continue from the checkpoint of a folder; return the best MS-SSIM of the validation.

        Parameters
        ----------
        folder : Path
            Folder for the results.
        corpus, validation : Path or Source
            Where crops for training and for validation come from: a corpus, or another source of crops.
        workers : int
            Number of processes that prepare crops.
        init : Path, optional
            Weights to start from; ignored if there is a checkpoint to continue from.
        freeze : str
            Part of the network that is not trained, such as ``"encoder"``.

        Raises
        ------
        WeightsError, CheckpointError, CorpusError, ValueError
            If the weights, the checkpoint, a corpus or the budget do not fit.
        """
        if isinstance(corpus, Path) and isinstance(validation, Path):
            require_held_out(corpus, validation)
        for source in (corpus, validation):
            if isinstance(source, Path):
                self.require_fit(study_of(source), freeze=freeze)
        torch.manual_seed(self.budget.seed)
        task = self.task()
        if init and not (folder / CHECKPOINT).is_file():
            load_weights(init, next(iter(task.networks.values())), name=self.name)
        settings = self.network.model_dump(mode="json")
        trainer = Trainer(
            self.name, settings, task, self.budget,
            folder=folder, corpus=corpus, validation=validation, workers=workers, frozen=freeze,
            inputs=self.inputs,
        )  # fmt: skip
        return trainer.train(progress=progress)

    @torch.no_grad()
    def score(self, weights: Path, validation: Path | Source) -> float:
        """Return the MS-SSIM of given weights on the crops on which training would validate.

        Raises
        ------
        WeightsError, CorpusError, ValueError
            If the weights or the corpus do not fit.
        """
        network = next(iter(self.task().networks.values())).eval()
        load_weights(weights, network, name=self.name)
        data = dataset(validation, self.budget, self.budget.validation_crops, self.inputs)
        scores = Validation(data, self.inputs.names[0])
        return scores.ms_ssim(lambda seen: network(seen[None])[0].float())


def _file(package: str, size: str) -> Path:
    return Path(str(resources.files(package) / f"{size}.toml"))
