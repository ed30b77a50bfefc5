"""A trained network as a reconstructor: weights, tiles, and the uncertainty estimated by dropout."""

from __future__ import annotations

import functools
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import NonNegativeInt, PositiveInt, ValidationError
from torch import nn
from tqdm import tqdm

from baselines._inputs import Channel, Inputs
from baselines._parameters import count
from baselines._precision import Precision, computing
from baselines._tiles import Shape, Tile, tiles
from baselines._weights import WeightsError, build, read_domain, read_settings, weights_file
from smlmsim import schema
from smlmsim.domain import Domain
from smlmsim.estimate.contour_density import contour_density
from smlmsim.progress import bar
from smlmsim.spec import Spec, explain

logger = logging.getLogger("smlmsim.networks")

Floats = npt.NDArray[np.float32]
Build = Callable[[dict[str, Any]], nn.Module]


class Learned(Spec):
    """A network with its weights.

    A file of weights states the conditions of training. An observation outside them is reconstructed with a warning.

    Parameters
    ----------
    weights : Path, optional
        A safetensors file, as training writes it; by default the one that is bundled.
    uncertainty : int
        Number of Monte-Carlo dropout passes, 0 or at least 2: the density is their mean, and ``uncertainty`` their
        variance. With 0 there is one pass without dropout, and no uncertainty.
    seed : int
        Determines which units are dropped.
    tile : (int, int, int), optional
        Time points, rows and columns that are reconstructed at once; smaller tiles take less memory.
    device : "auto", "cpu" or "cuda"
        Where to compute; by default on a GPU if there is one.
    precision : "float32", "bfloat16" or "auto"
        Number type of the computation; "auto" takes bfloat16 on processors where that is faster.
    compiled : bool
        Whether to compile the network first, which is worthwhile for many movies.
    """

    name: ClassVar[str]
    package: ClassVar[str]

    weights: Path | None = None
    uncertainty: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    tile: tuple[PositiveInt, PositiveInt, PositiveInt] = (64, 256, 256)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "float32"
    compiled: bool = False

    @staticmethod
    @abstractmethod
    def build(settings: dict[str, Any]) -> nn.Module:
        """Make the network of the settings in a file of weights."""

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Return ``density`` (time, y, x) up to one factor for all movies, and ``uncertainty`` if asked for.

        The attribute ``domain`` holds the conditions of training, as JSON, and ``outside_of_domain`` names in words
        the properties of the observation that lie outside them; without conditions in the weights, both are absent.

        Raises
        ------
        WeightsError
            If there are no weights, or they do not fit.
        ValueError
            If an uncertainty is requested from a network without dropout.
        """
        images, about = self._images(observation)
        found: dict[str, Any] = images | {axis: observation[axis] for axis in ("time", "y", "x")}
        about = {"weights": str(self.weights or "shipped"), **about}
        return schema.estimate(about, meaning="density relative to the greatest of its movie", **found)

    def _images(self, observation: xr.Dataset) -> tuple[dict[str, Floats], dict[str, str]]:
        """Reconstruct ``density`` and perhaps ``uncertainty``; return them with attributes that tell of them."""
        network = self.network()
        passes = _Passes(network, self.uncertainty, self.seed, self.precision)
        images = tiled(passes, observation, self.inputs, self.tile, network.multiple)
        return images, self._outside(observation)

    def _outside(self, observation: xr.Dataset) -> dict[str, str]:
        """The attributes ``domain`` and ``outside_of_domain``; log the latter as a warning."""
        domain = self.domain
        if domain is None:
            logger.info(
                "%s: the weights do not state what they were trained for; nothing is checked", self.name
            )
            return {}
        contour = contour_density(observation) if domain.density_per_um else None
        outside = domain.warn(self.name, observation, density_per_um=contour)
        return {"domain": domain.model_dump_json(exclude_none=True), "outside_of_domain": "; ".join(outside)}

    def network(self) -> Any:
        """Return the network with its weights, ready to reconstruct."""
        path, device = self._path, _device(self.device)
        changed = path.stat().st_mtime_ns if path.is_file() else 0
        network = _loaded(str(path), changed, self.name, self.build, device)
        return torch.compile(network) if self.compiled else network

    @property
    def domain(self) -> Domain | None:
        """The conditions of training; None if the weights do not state them.

        Raises
        ------
        WeightsError
            If there are no weights, or they are damaged.
        """
        return read_domain(self._path)

    @property
    def inputs(self) -> Inputs:
        """What the network sees; plain counts if its weights do not state it.

        Raises
        ------
        WeightsError
            If there are no weights, they are damaged, or the inputs they state are invalid.
        """
        try:
            return Inputs.of(read_settings(self._path, self.name))
        except ValidationError as error:
            raise WeightsError(f"{self._path} does not say what its network sees: {explain(error)}") from None

    @property
    def parameters(self) -> int:
        """The number of learned parameters, including the running means and variances of normalization."""
        return count(self.network())

    @property
    def weights_path(self) -> Path:
        """The file of the weights.

        Raises
        ------
        WeightsError
            If the network comes without weights and none are given.
        """
        return self._path

    @property
    def _path(self) -> Path:
        train = f"train it (smlmsim train {self.name}) and give weights=FILE"
        return weights_file(self.package, self.name, self.weights, remedy=train)


class _Passes:
    """The output of a network for one tile: one image, or the mean and the variance of several dropout passes."""

    def __init__(self, network: nn.Module, number: int, seed: int, precision: Precision) -> None:
        self._network, self._number, self._seed, self._precision = network, number, seed, precision
        self.progress: tqdm[Any] | None = None
        self._drops = [
            module for module in network.modules() if isinstance(module, nn.modules.dropout._DropoutNd)
        ]
        if number == 1:
            raise ValueError("a variance takes at least 2 passes, found uncertainty = 1")
        if number and not any(drop.p for drop in self._drops):
            raise ValueError(
                "the network has no dropout, so it cannot estimate its uncertainty; set uncertainty = 0"
            )

    @property
    def names(self) -> tuple[str, ...]:
        return ("density", "uncertainty") if self._number else ("density",)

    @torch.inference_mode()
    def __call__(self, channels_CTYX: Floats) -> tuple[Floats, ...]:
        device = next(self._network.parameters()).device
        tile = torch.from_numpy(channels_CTYX)[None].to(device)
        if not self._number:
            return (self._pass(tile),)
        cuda = [device] if device.type == "cuda" else []
        with _dropping(self._drops), torch.random.fork_rng(cuda):
            torch.manual_seed(self._seed)
            return _mean_and_variance(self._pass(tile) for _ in range(self._number))

    @property
    def number(self) -> int:
        """The number of passes of a tile through the network."""
        return max(self._number, 1)

    def _pass(self, tile: torch.Tensor) -> Floats:
        with computing(self._precision, tile.device.type):
            density = self._network(tile)
        found: Floats = density[0, 0].float().clamp_min(0).cpu().numpy()
        if self.progress is not None:
            self.progress.update()
        return found


class Passes(Protocol):
    """What computes the images of a tile, (channel, time, y, x), and counts its passes through a network."""

    progress: tqdm[Any] | None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the images."""
        ...

    @property
    def number(self) -> int:
        """The number of passes of a tile through the network."""
        ...

    def __call__(self, channels_CTYX: Floats) -> tuple[Floats, ...]:
        """Return the images, each (time, y, x)."""
        ...


def tiled(
    passes: Passes, observation: xr.Dataset, inputs: Inputs, largest: Shape, multiple: Shape
) -> dict[str, Floats]:
    """Reconstruct a movie tile by tile; tiles without any localization stay 0.

    The channels are made from the whole movie, so that averages over time also use time points outside a tile.
    """
    shape = observation.counts.shape
    images = {name: np.zeros(shape, np.float32) for name in passes.names}
    if not observation.counts.values.any():
        return images
    channels = inputs.see(observation)
    chosen = list(tiles(shape, largest, multiple))
    with bar(len(chosen) * passes.number, "passes") as passes.progress:
        for tile in chosen:
            for image, total in zip(passes(cut(channels, tile)), images.values(), strict=True):
                tile.add(image, total)
    return images


def cut(channels: Sequence[Channel], tile: Tile) -> Floats:
    """Cut a tile (channel, time, y, x) out of channels, on the scale of the network."""
    return np.stack([tile.cut(channel.movie) * channel.factor for channel in channels])


def _mean_and_variance(images: Iterator[Floats]) -> tuple[Floats, Floats]:
    """Return the mean and the unbiased variance, one image at a time (Welford 1962, doi:10.2307/1266577)."""
    mean = next(images).copy()
    squares, number = np.zeros_like(mean), 1
    for image in images:
        number += 1
        step = image - mean
        mean += step / np.float32(number)
        squares += step * (image - mean)
    return mean, squares / np.float32(number - 1)


@contextmanager
def _dropping(drops: Sequence[nn.Module]) -> Iterator[None]:
    for drop in drops:
        drop.train()
    try:
        yield
    finally:
        for drop in drops:
            drop.eval()


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("there is no GPU that torch can use; set device = 'cpu'")
    return name


@functools.lru_cache(maxsize=8)
def _loaded(path: str, changed: int, name: str, make: Build, device: str) -> nn.Module:
    """Return a network in evaluation mode; a file is read again only if it has changed."""
    return build(path, name, make).eval().to(device)
