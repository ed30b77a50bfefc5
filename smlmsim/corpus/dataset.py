"""Datasets for training networks: pairs of observed and true crops as torch tensors."""

from __future__ import annotations

import abc
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from smlmsim.contour import NEVER_NM
from smlmsim.corpus.augmentation import Augmentation, Contours, Crop
from smlmsim.corpus.corpus import Corpus, CorpusError, Range
from smlmsim.corpus.domain import domain_of
from smlmsim.corpus.encoding import DENSITY_STEP
from smlmsim.corpus.store import CorpusStore
from smlmsim.domain import Domain
from smlmsim.pipeline import Simulated, simulate
from smlmsim.rng import stream

Tensors = tuple[torch.Tensor, torch.Tensor]
See = Callable[[xr.Dataset], npt.NDArray[np.float32]]
"""A function that converts an observation to channels (channel, time, y, x); it must be picklable."""

BRIGHTEST = 4
"""Target scale: the crest of one straight filament is 1/4; four superposed filaments saturate at 1."""


def counts_alone(observation: xr.Dataset) -> npt.NDArray[np.float32]:
    """Return the counts of an observation as a single channel, (1, time, y, x) float32."""
    counts: npt.NDArray[np.float32] = observation.counts.values.astype(np.float32)[None]
    return counts


class CropDataset(Dataset[Tensors], abc.ABC):
    """Crops for training, different in every epoch.

    Item i of an epoch depends only on the seed, the epoch and i, so any number of DataLoader workers gives the
    same items.

    Parameters
    ----------
    crops : int
        Number of items in an epoch.
    seed : int
        Determines all crops of all epochs.
    see : callable
        Converts an observation to channels; by default to its counts.
    """

    def __init__(self, crops: int, seed: int, see: See = counts_alone) -> None:
        self._crops, self._seed, self._see = crops, seed, see
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    @property
    @abc.abstractmethod
    def study(self) -> Simulated:
        """A study of the movies, with their pixel size and duration of a time point."""

    @property
    def domain(self) -> Domain:
        """The conditions for which these crops train a network; here pixel size and duration of a time point."""
        study = self.study
        return Domain(pixel_nm=(study.field.pixel_nm,) * 2, point_s=(study.acquisition.point_s,) * 2)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; workers that are already running use it from their next item on."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        """The number of items in an epoch."""
        return self._crops

    def __getitem__(self, item: int) -> Tensors:
        """Make an item.

        Returns
        -------
        seen, density : torch.Tensor
            float32 (channel, time, y, x): the channels of the observation, and the density as one channel, at most 1.
            The crest of a straight filament has the density 1/4 in every movie, so that the scale can be learned; in
            movies without contours, 1 is the greatest density of the movie.
        """
        if not 0 <= item < self._crops:
            raise IndexError(f"an epoch has {self._crops} items, found index {item}")
        epoch = int(self._epoch)
        crop = self._crop(epoch, item, stream(self._seed, "crop", str(epoch), str(item)))
        return _tensors(crop, self._see)

    @abc.abstractmethod
    def _crop(self, epoch: int, item: int, rng: np.random.Generator) -> Crop:
        """Make an item of an epoch."""


class Source(Protocol):
    """A source of crops for training other than a corpus on disk."""

    def dataset(
        self, augmentation: Augmentation, *, crops: int, seed: int, see: See = counts_alone
    ) -> CropDataset:
        """Return a dataset with epochs of ``crops`` crops, converted to channels by ``see``."""
        ...


class MovieDataset(CropDataset):
    """Crops of the movies of a corpus, with a new augmentation for every item of every epoch.

    Parameters
    ----------
    path : str or Path
        Folder of a corpus; movies that do not exist yet are left out.
    augmentation : Augmentation, optional
        Size of crops, and what varies between them; by default crops of 128 time points of 128 x 128 pixels, or fewer
        if movies are smaller.
    crops : int
        Number of items in an epoch.
    seed : int
        Determines all crops of all epochs.
    see : callable
        Converts an observation to channels; by default to its counts.

    Raises
    ------
    CorpusError
        If there is no corpus, no movie in it, or the crops do not fit into its movies.
    """

    def __init__(
        self,
        path: str | Path,
        augmentation: Augmentation | None = None,
        *,
        crops: int = 1000,
        seed: int = 0,
        see: See = counts_alone,
    ) -> None:
        super().__init__(crops, seed, see)
        self._path = Path(path)
        self._store: CorpusStore | None = None
        self._filaments: dict[int, npt.NDArray[np.int32]] = {}
        self._studies: dict[int, Simulated] = {}
        store = self._store = CorpusStore(self._path)
        self._augmentation = augmentation or Augmentation().fitted(store.corpus.study)
        self._augmentation.require_fit(store.corpus.study)
        self._movies = np.flatnonzero(store.done())
        self._vertices = store.scalars("vertices")
        periods = np.stack([store.scalars(name) for name in ("period_y", "period_x")], axis=1)
        self._periods_nm = np.where(periods == 0, NEVER_NM, periods)
        if self._movies.size == 0:
            raise CorpusError(f"{path} has no movie yet; run again to continue")

    @property
    def study(self) -> Simulated:
        """The common study of the movies of the corpus."""
        return self._opened().corpus.study

    @property
    def domain(self) -> Domain:
        """The domain of the corpus, with the rates of the crops."""
        crops = self._augmentation
        found = domain_of(self._opened().corpus, rate_hz=crops.rate_hz)
        return found.replace({"point_s": (crops.lasting(self.study).acquisition.point_s,) * 2})

    @property
    def has_contours(self) -> bool:
        """Whether all movies are stored as contours; widefield images cannot be simulated from stored images."""
        return bool(self._vertices[self._movies].all())

    def _crop(self, epoch: int, item: int, rng: np.random.Generator) -> Crop:
        movie = int(rng.choice(self._movies))
        return self._redrawn(movie, rng) if self._vertices[movie] else self._thinned(movie, rng)

    def __getstate__(self) -> dict[str, object]:
        """Pickle without the open store: each worker opens its own."""
        return {**self.__dict__, "_store": None}

    def _opened(self) -> CorpusStore:
        if self._store is None:
            self._store = CorpusStore(self._path, checked=True)
        return self._store

    def _redrawn(self, movie: int, rng: np.random.Generator) -> Crop:
        study = self._study_of(movie)
        around, first = self._drawn_around(rng)
        contours = self._contours(movie, self._points(rng, around))
        observation, truth = self._augmentation.redraw(contours, study, rng, first=first)
        return Crop(observation, _relative(truth, study), first)

    def _study_of(self, movie: int) -> Simulated:
        """Return the study of a movie, with its own settings."""
        if movie not in self._studies:
            corpus = self._opened().corpus
            self._studies[movie] = corpus.study_of(corpus.recipe(movie))
        return self._studies[movie]

    def _contours(self, movie: int, points: slice) -> Contours:
        store, kept = self._opened(), slice(int(self._vertices[movie]))
        y, x = (np.asarray(store[name][movie, points, kept]) for name in ("vertex_y", "vertex_x"))
        if movie not in self._filaments:
            self._filaments[movie] = np.asarray(store["filament"][movie, kept])
        period_y, period_x = self._periods_nm[movie]
        return Contours(
            y, x, self._filaments[movie], store.encoding.vertex_y.step_nm, (float(period_y), float(period_x))
        )

    def _thinned(self, movie: int, rng: np.random.Generator) -> Crop:
        store, crop = self._opened(), self._augmentation
        rows, columns = store.corpus.study.field.shape
        top, left = int(rng.integers(rows - crop.height + 1)), int(rng.integers(columns - crop.width + 1))
        place = self._points(rng), slice(top, top + crop.height), slice(left, left + crop.width)
        relative = np.asarray(store["density"][(movie, *place)]) * np.float32(DENSITY_STEP)
        return crop.thin(relative, store.corpus.study, rng)

    def _drawn_around(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw how many time points are observed around a crop, and how many of them before it."""
        crops, study = self._augmentation, self._opened().corpus.study
        there = study.acquisition.time_points // crops.gathered(study)
        most = min(crops.around, there - crops.time_points)
        around = int(rng.integers(most + 1)) if most > 0 else 0
        return around, int(rng.integers(around + 1)) if around else 0

    def _points(self, rng: np.random.Generator, around: int = 0) -> slice:
        """Draw the stored time points of a crop with others around it."""
        crops, study = self._augmentation, self._opened().corpus.study
        length = (crops.time_points + around) * crops.gathered(study)
        first = int(rng.integers(study.acquisition.time_points - length + 1))
        return slice(first, first + length)


class SimulatedDataset(IterableDataset[Tensors]):
    """An endless sequence of movies simulated during training: movie i of a seed is movie i of the corpus of that seed.

    DataLoader workers take turns. Each process of a distributed training needs its own seed.

    Parameters
    ----------
    study : SemiSimulated, Hybrid or SimulatedDynamic
        Study with movies of the size to train on.
    ranges : tuple of Range
        Settings that vary.
    seed : int
        Determines all movies.
    see : callable
        Converts an observation to channels; by default to its counts.
    """

    def __init__(
        self, study: Simulated, ranges: tuple[Range, ...] = (), seed: int = 0, see: See = counts_alone
    ) -> None:
        self._corpus, self._see = Corpus(study=study, ranges=ranges, seed=seed), see

    def __iter__(self) -> Iterator[Tensors]:
        """Yield channels and density of one movie after the other, as :class:`MovieDataset` does."""
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for movie in itertools.count(first, step):
            recipe = self._corpus.recipe(movie)
            yield _tensors(simulated_crop(self._corpus.study_of(recipe), recipe.seed), self._see)


def simulated_crop(study: Simulated, seed: int, scenes: int | None = None) -> Crop:
    """Simulate a movie, of the structures of a seed of its own if given, on the scale of :class:`CropDataset`."""
    observation, truth = simulate(study, seed, scenes=scenes)
    assert truth is not None
    return Crop(observation, _relative(truth, study))


def _relative(truth: xr.Dataset, study: Simulated) -> npt.NDArray[np.float32]:
    """Scale the density in place, such that the crest of a straight filament, 1 / (sqrt(2 pi) sigma), becomes 1/4."""
    unit = np.float32(math.sqrt(2 * math.pi) * study.density.sigma_nm / BRIGHTEST)
    density: npt.NDArray[np.float32] = truth.density.values
    density *= unit
    np.minimum(density, np.float32(1), out=density)
    return density


def _tensors(crop: Crop, see: See) -> Tensors:
    seen = see(crop.observation)[:, crop.first : crop.first + len(crop.density)]
    return torch.from_numpy(np.ascontiguousarray(seen)), torch.from_numpy(crop.density)[None]
