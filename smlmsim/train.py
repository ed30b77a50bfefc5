"""Training of installed networks: corpora, resumable training folders, and the entry points of networks."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import tomli_w
from pydantic import Field

from smlmsim.corpus import Corpus, generate
from smlmsim.corpus.store import CorpusStore
from smlmsim.io import replacing, require_writable
from smlmsim.io.lock import sole_writer
from smlmsim.plugins import PluginError, Plugins
from smlmsim.provenance import provenance
from smlmsim.spec import Spec, read_toml

if TYPE_CHECKING:
    from smlmsim.corpus.augmentation import Size
    from smlmsim.corpus.dataset import Source
    from smlmsim.pipeline import Simulated

_log = logging.getLogger(__name__)
SIZES = ("tiny", "shipped", "published")
"""Names that configurations may have; a network need not offer all of them."""
RUN, WEIGHTS = "run.toml", "weights.safetensors"
KEPT = 0.5
"""Fraction of the crops that are of the old corpus, where one is kept."""
GENTLY = 0.1
"""Factor of the learning rate of a network that goes on and shall not forget."""
HELD_OUT_MOVIES = 16
"""Movies on which training is scored."""
HELD_OUT_SEED = 1000
"""What is added to the seed of the corpus for the held-out movies, so that they share none with it."""


class TrainingError(PluginError):
    """A training cannot be started or resumed."""


TRAINABLES = Plugins(
    "smlmsim.trainable",
    "trainable network",
    ("configured", "parameters", "model_dump", "model_validate", "require_fit", "train"),
    made=False,
    error=TrainingError,
)


class Trainable(Protocol):
    """A configuration of a network, its loss and its budget.

    Its class is registered by an entry point in the group ``smlmsim.trainable``, under the reconstructor's name.
    """

    @classmethod
    def configured(cls, size: str = "shipped") -> Self:
        """Return a configuration by its name, or from a TOML file."""
        ...

    def parameters(self) -> dict[str, int]:
        """Count the parameters of each network, by its name."""
        ...

    def model_dump(self, *, mode: str, exclude_none: bool) -> dict[str, Any]:
        """Return the configuration as plain values."""
        ...

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Make a configuration from plain values."""
        ...

    def require_fit(self, study: Simulated, *, init: Path | None = None, freeze: str = "") -> None:
        """Raise the errors that training on the movies of a study would raise, before any movie is made."""
        ...

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
        """Train in a folder, or resume there; return the best MS-SSIM of the validation."""
        ...


class Run(Spec):
    """The settings of a training, as stored in its folder.

    Parameters
    ----------
    network : str
        One of ``trainable()``.
    configuration : dict
        Configuration of the network.
    corpus, validation : Path
        Folders of the corpora for training and for validation.
    init : Path, optional
        Weights to start from.
    freeze : str
        Part of the network whose weights are not changed.
    keep : (Path, Path), optional
        Folders of an old corpus for training and for validation, on which the network shall stay as good.
    keep_share : float, optional
        Fraction of the crops that are of the old corpus.
    """

    network: str
    configuration: dict[str, Any]
    corpus: Path
    validation: Path
    init: Path | None = None
    freeze: str = ""
    keep: tuple[Path, Path] | None = None
    keep_share: float | None = None
    versions: dict[str, str] = Field(default_factory=provenance)

    def train(self, folder: Path, *, workers: int = 1, progress: bool = True) -> float:
        """Train, resuming from a checkpoint if there is one; return the best MS-SSIM of the validation.

        Raises
        ------
        OSError
            If the folder cannot be written, or another run writes to it.
        """
        require_writable(folder)
        with sole_writer(folder) if int(os.environ.get("RANK", 0)) == 0 else contextlib.nullcontext():
            return self._train(folder, workers, progress)

    def _train(self, folder: Path, workers: int, progress: bool) -> float:
        configuration = load_trainable(self.network).model_validate(self.configuration)
        corpus, validation = self._sources(folder)
        return configuration.train(
            folder,
            corpus=corpus,
            validation=validation,
            workers=workers,
            init=self.init,
            freeze=self.freeze,
            progress=progress,
        )

    def _sources(self, folder: Path) -> tuple[Path | Source, Path | Source]:
        """Where crops for training and for validation come from, with those of the old corpora among them."""
        paths = folder / self.corpus, folder / self.validation
        if not self.keep:
            return paths
        from smlmsim.corpus.rehearsal import Rehearsal  # here, since it loads torch

        share = KEPT if self.keep_share is None else self.keep_share
        train, check = (
            Rehearsal(new=new, old=folder / old, share=share)
            for new, old in zip(paths, self.keep, strict=True)
        )
        return train, check

    def kept(self, folder: Path) -> dict[str, tuple[float, float]] | None:
        """Return the MS-SSIM on the old and on the new validation crops, each before and after the training.

        Returns
        -------
        dict of str to (float, float), or None
            Under "old" and "new"; None if no old corpus is kept, or the network cannot be scored by itself.
        """
        configuration = load_trainable(self.network).model_validate(self.configuration)
        score = getattr(configuration, "score", None)
        if not self.keep or self.init is None or score is None:
            return None
        corpora = {"old": folder / self.keep[1], "new": folder / self.validation}
        files = folder / self.init, folder / WEIGHTS
        return {
            name: (float(score(files[0], path)), float(score(files[1], path)))
            for name, path in corpora.items()
        }


def trainable() -> list[str]:
    """Return the names of all networks that can be trained, sorted, without importing them."""
    return TRAINABLES.available()


def load_trainable(name: str) -> type[Trainable]:
    """Return the class of an installed network.

    Raises
    ------
    TrainingError
        If no or more than one network is installed under this name, or if it cannot be imported or lacks a method.
    """
    found: type[Trainable] = TRAINABLES.load(name)
    return found


def configurations(network: type[Trainable]) -> dict[str, Trainable]:
    """Return the named configurations of a network, by name."""
    found: dict[str, Trainable] = {}
    for size in SIZES:
        with contextlib.suppress(ValueError):
            found[size] = network.configured(size)
    return found


def with_budget(
    configuration: Trainable, *, steps: int | None = None, batch: int | None = None, crop: Size | None = None
) -> Trainable:
    """Return a configuration with another budget.

    Parameters
    ----------
    configuration : Trainable
        Configuration of a network that has a ``budget``.
    steps, batch : int, optional
        Number of optimizer steps, and of crops in each; by default unchanged.
    crop : (int, int, int), optional
        Time points, height and width in pixels of a crop; by default unchanged.

    Raises
    ------
    TrainingError
        If the configuration has no budget.
    """
    given = {"steps": steps, "batch": batch}
    budget = {name: value for name, value in given.items() if value is not None}
    crops = dict(zip(("time_points", "height", "width"), crop, strict=True)) if crop else {}
    if not budget and not crops:
        return configuration
    tree = configuration.model_dump(mode="json", exclude_none=True)
    if not isinstance(tree.get("budget"), dict):
        raise TrainingError(
            f"{type(configuration).__name__} has no budget, so steps, batch and crop do not apply"
        )
    tree["budget"] |= budget
    tree["budget"]["crops"] = tree["budget"].get("crops", {}) | crops
    return configuration.model_validate(tree)


def gently(configuration: Trainable) -> Trainable:
    """Return a configuration with a tenth of its learning rate, and say so; unchanged if it has none.

    From the learning rate of a first training, a network forgets faster than rehearsal reminds it: the old score of
    ``annapalm2d`` falls by 0.014 instead of 0.007 (:mod:`smlmsim.corpus.rehearsal`).
    """
    tree = configuration.model_dump(mode="json", exclude_none=True)
    budget = tree.get("budget")
    if not isinstance(budget, dict) or not isinstance(budget.get("learning_rate"), float):
        return configuration
    budget["learning_rate"] *= GENTLY
    _log.info(
        "learning_rate=%.3g, a tenth of that of a first training, so that less is forgotten; a size=FILE.toml of your "
        "own sets another",
        budget["learning_rate"],
    )
    return configuration.model_validate(tree)


def start(folder: Path, run: Run) -> Run:
    """Make the folder of a training, or check that an existing one holds the same training.

    Raises
    ------
    TrainingError
        If the folder holds another training.
    OSError
        If the folder cannot be made.
    """
    require_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RUN).is_file():
        there = read_run(folder)
        if there.model_dump(exclude={"versions"}) != run.model_dump(exclude={"versions"}):
            raise TrainingError(f"{folder} holds another training; choose another folder, or resume that one")
        return there
    with replacing(folder / RUN) as draft:
        draft.write_text(tomli_w.dumps(run.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    return run


def read_run(folder: Path) -> Run:
    """Return the training that a folder holds.

    Raises
    ------
    TrainingError
        If the folder holds none.
    """
    if not (folder / RUN).is_file():
        raise TrainingError(f"{folder} holds no training: there is no {RUN} in it")
    return Run.model_validate(read_toml(folder / RUN))


def make_corpora(folder: Path, corpus: Corpus, *, workers: int | None = None) -> tuple[Path, Path]:
    """Make a corpus for training and one of another seed for validation; existing movies are kept.

    Returns
    -------
    corpus, validation : Path
        Below the folder.

    Raises
    ------
    TrainingError
        If several processes would make them at once.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise TrainingError(
            "several processes cannot make one corpus; make it first, and give --corpus and --validation"
        )
    held_out = corpus.replace({"movies": HELD_OUT_MOVIES, "seed": corpus.seed + HELD_OUT_SEED})
    for name, wanted in (("corpus.zarr", corpus), ("validation.zarr", held_out)):
        generate(wanted, folder / name, processes=workers)
    return folder / "corpus.zarr", folder / "validation.zarr"


def keep_corpora(folder: Path, old: Corpus | Path, *, workers: int | None = None) -> tuple[Path, Path]:
    """Return an old corpus for training and one of another seed for validation; what is missing is made.

    Parameters
    ----------
    folder : Path
        Folder of the training; corpora are made in ``keep`` below it.
    old : Corpus or Path
        A corpus to make again, or the folder of an existing one, which is used as it is.

    Raises
    ------
    CorpusError
        If the folder holds no corpus.
    TrainingError
        If several processes would make them at once.
    """
    if isinstance(old, Corpus):
        return make_corpora(folder / "keep", old, workers=workers)
    corpus = CorpusStore(old).corpus
    held_out = corpus.replace({"movies": HELD_OUT_MOVIES, "seed": corpus.seed + HELD_OUT_SEED})
    generate(held_out, folder / "keep" / "validation.zarr", processes=workers)
    return old, folder / "keep" / "validation.zarr"
