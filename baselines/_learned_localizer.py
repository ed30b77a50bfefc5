"""A trained network as a localizer: its weights, its view of frames, and warnings where these are new to it."""

from __future__ import annotations

import functools
import itertools
import logging
import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from pydantic import PositiveFloat, PrivateAttr, ValidationError
from torch import nn

from baselines._frame_channels import channels
from baselines._parameters import count
from baselines._scenes import Scenes
from baselines._weights import WeightsError, build, read_settings, weights_file
from baselines.localizers._table import pixel_of
from smlmsim.shot_noise import Counts, counts_of
from smlmsim.spec import Spec, explain

logger = logging.getLogger("smlmsim.networks")

CHUNK_PIXELS = 2**16
"""Pixels that a network sees at once, or else one frame."""
TILE_PIXELS = 256
"""Edge of the parts of a large frame that are seen one after the other, or somewhat less."""
DARKEST = 0.1
"""Share of the pixels of a frame that are darker than what is taken for its background."""
SLACK = 1.1
"""Factor by which frames may differ from those of training without a warning."""

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[Any]


class LearnedLocalizer(Spec):
    """A network with its weights, which finds molecules in frames.

    A file of weights states on which frames the network was trained. Others are localized with a warning.

    Parameters
    ----------
    sigma_nm : float
        Standard deviation of the point spread function, which the network is told.
    weights : Path, optional
        A safetensors file, as training writes it; by default the one that is bundled.
    """

    name: ClassVar[str]
    package: ClassVar[str]

    sigma_nm: PositiveFloat = 130.0
    weights: Path | None = None

    _said: set[str] = PrivateAttr(default_factory=set)

    @staticmethod
    @abstractmethod
    def build(settings: dict[str, Any]) -> nn.Module:
        """Make the network of the settings in a file of weights."""

    @abstractmethod
    def spots(self, network: Any, counts: Counts, sigma_px: float) -> Spots:
        """Return the molecules in a part of the frames."""

    @abstractmethod
    def table(self, frames: xr.Dataset, counts: Counts, spots: Spots, sigma_px: float) -> xr.Dataset:
        """Return the localizations of all frames, given the molecules sorted by frame."""

    def localize(self, frames: xr.Dataset) -> xr.Dataset:
        """Return the localizations of all frames.

        Raises
        ------
        WeightsError
            If there are no weights, or they do not fit.
        """
        counts, pixel = counts_of(frames), pixel_of(frames)
        found = self._found(frames, counts, self.sigma_nm / pixel.nm)
        self.warn(counts, pixel.nm, found)
        return found

    def warn(self, counts: Counts, pixel_nm: float, found: xr.Dataset | None = None) -> None:
        """Log a warning, once each, of what in some frames is unlike those of training.

        Parameters
        ----------
        counts : Counts
            The frames.
        pixel_nm : float
            Edge of a pixel of the camera.
        found : Dataset, optional
            The localizations of these frames.
        """
        lines = _outside(self.trained, counts, self.sigma_nm, pixel_nm)
        if found is not None:
            lines |= _outside_found(self.trained, counts, pixel_nm, found)
        for problem, line in lines.items():
            if problem not in self._said:
                self._said.add(problem)
                logger.warning("%s: %s", self.name, line)

    @torch.inference_mode()
    def _found(self, frames: xr.Dataset, counts: Counts, sigma_px: float) -> xr.Dataset:
        network = self.network()
        parts = [
            self.spots(network, tile.cut(counts), sigma_px).inside(tile)
            for tile in tiles(counts.variance.shape, network.reach + self.around_px, network.multiple)
        ]
        return self.table(frames, counts, Spots.joined(parts).in_order(), sigma_px)

    @property
    def around_px(self) -> int:
        """How many pixels around a molecule the localizer looks at besides those that the network does."""
        return 0

    def network(self) -> Any:
        """Return the network with its weights, ready to localize."""
        path = self._path
        return _loaded(str(path), path.stat().st_mtime_ns if path.is_file() else 0, self.name, self.build)

    @property
    def trained(self) -> Scenes:
        """The frames on which the network was trained.

        Raises
        ------
        WeightsError
            If there are no weights, they are damaged, or they do not state it.
        """
        try:
            return Scenes.model_validate(read_settings(self._path, self.name).get("scenes"))
        except ValidationError as error:
            raise WeightsError(
                f"{self._path} does not say what its network was trained for: {explain(error)}"
            ) from None

    @property
    def parameters(self) -> int:
        """The number of learned parameters, including the running means and variances of normalization."""
        return count(self.network())

    @property
    def _path(self) -> Path:
        train = f"python -m {self.package}.train RUN"
        return weights_file(
            self.package, self.name, self.weights,
            remedy=f"train it ({train}) and give weights=RUN/{self.name}.safetensors",
        )  # fmt: skip


class Tile(NamedTuple):
    """A part of the frames, and which of its rows and columns count; around them there is what they depend on."""

    rows: slice
    columns: slice
    inner: tuple[slice, slice]

    def cut(self, counts: Counts) -> Counts:
        """The counts of this part."""
        values, variance = (image[..., self.rows, self.columns] for image in (counts.values, counts.variance))
        return counts._replace(values=values, variance=variance)


class Spots(NamedTuple):
    """Molecules: frame, row and column of their pixels, (molecule,), and what the network says of them.

    ``values`` is (value, molecule); what they are is up to the localizer.
    """

    frame: Values
    row: Values
    column: Values
    values: Values

    @classmethod
    def joined(cls, parts: Iterable[Spots]) -> Spots:
        """The spots of all parts."""
        return cls(*(np.concatenate(values, axis=-1) for values in zip(*parts, strict=True)))

    def inside(self, tile: Tile) -> Spots:
        """Those that count in a tile, by their rows and columns in the frame."""
        rows, columns = tile.inner
        counts = (self.row >= rows.start) & (self.row < rows.stop)
        counts &= (self.column >= columns.start) & (self.column < columns.stop)
        kept = self._at(counts)
        return kept._replace(row=kept.row + tile.rows.start, column=kept.column + tile.columns.start)

    def in_order(self) -> Spots:
        """Sort by frame, row and column."""
        return self._at(np.lexsort((self.column, self.row, self.frame)))

    def _at(self, index: Values) -> Spots:
        return Spots(*(values[..., index] for values in self))


def tiles(shape: tuple[int, int], reach: int, multiple: int) -> Iterator[Tile]:
    """Cut large frames into parts, whose results together are those of whole frames.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frames.
    reach : int
        How many pixels away light can change the result in a pixel.
    multiple : int
        Networks divide rows and columns by this number.
    """
    halo = -(-reach // multiple) * multiple
    edge = TILE_PIXELS // multiple * multiple
    sides = [list(_sides(size, edge, halo)) for size in shape]
    for (rows, inner_rows), (columns, inner_columns) in itertools.product(*sides):
        yield Tile(rows, columns, (inner_rows, inner_columns))


def _sides(size: int, edge: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """The parts of one side of a frame, and what of each counts."""
    for begin in range(0, size, edge):
        first, end = max(0, begin - halo), min(begin + edge, size)
        yield slice(first, min(end + halo, size)), slice(begin - first, end - first)


def pieces(counts: Counts, sigma_px: float, multiple: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Cut movies into pieces of equal shape, so that every frame is computed in the same way wherever it is.

    Yields
    ------
    int
        Number of frames of the piece that are frames of the movie; the others are empty.
    Tensor
        (frame, channel, y, x), enlarged to multiples of ``multiple`` rows and columns by repeating the last ones.
    """
    missing = [(0, -size % multiple) for size in counts.variance.shape]
    padded = math.prod(size + more for size, (_, more) in zip(counts.variance.shape, missing, strict=True))
    number = max(1, CHUNK_PIXELS // padded)
    for first in range(0, len(counts.values), number):
        part = counts._replace(values=counts.values[first : first + number])
        image = np.pad(channels(part, sigma_px), [(0, 0), (0, 0), *missing], mode="edge")
        whole = np.pad(image, [(0, number - len(image)), (0, 0), (0, 0), (0, 0)])
        yield len(image), torch.from_numpy(whole)


def _outside(trained: Scenes, counts: Counts, sigma_nm: float, pixel_nm: float) -> dict[str, str]:
    """Say in words what of some frames is unlike those of training, by what it is."""
    lines = {}
    (low, high), sigma_px = trained.sigma_px, sigma_nm / pixel_nm
    if not low / SLACK <= sigma_px <= high * SLACK:
        lines["width"] = (
            f"spots are {sigma_px:.2g} pixels wide (sigma_nm={sigma_nm:g} on pixels of {pixel_nm:g} nm), trained for "
            f"{low:g} to {high:g}; the localizer mle takes any width"
        )
    noise, most = float(np.sqrt(np.median(counts.variance))), trained.read_noise_e[1]
    if noise > SLACK * most:
        lines["readout"] = (
            f"the readout adds a noise of {noise:.2g} counts per pixel, trained for up to {most:g}; check read_noise_e "
            "and electrons_per_level"
        )
    background = float(np.quantile(counts.values[0], DARKEST)) / counts.per_photon
    if background > SLACK * trained.background_photons[1]:
        lines["background"] = (
            f"the background is about {background:.3g} photons per pixel, trained for up to "
            f"{trained.background_photons[1]:g}; positions and photons are less certain"
        )
    return lines


def _outside_found(trained: Scenes, counts: Counts, pixel_nm: float, found: xr.Dataset) -> dict[str, str]:
    """Say in words what of some localizations is unlike the molecules of training, by what it is."""
    if not found.sizes["localization"]:
        return {}
    lines = {}
    photons, most = float(np.median(found.loc_intensity)), trained.photons[1]
    if photons > SLACK * most:
        lines["photons"] = (
            f"the molecules have {photons:.3g} photons in the median, trained for up to {most:g}; those of bright "
            "molecules are too few"
        )
    crowd, crowded = found.sizes["localization"] / counts.values.size, trained.density_per_pixel[1]
    if crowd > SLACK * crowded:
        per_um2 = (1000 / pixel_nm) ** 2
        lines["density"] = (
            f"there are {crowd * per_um2:.3g} molecules per um^2 and frame, trained for up to "
            f"{crowded * per_um2:.3g}; many overlap and are missed"
        )
    return lines


@functools.lru_cache(maxsize=4)
def _loaded(path: str, changed: int, name: str, make: Any) -> nn.Module:
    """Return a network in evaluation mode; a file is read again only if it has changed."""
    network: Any = build(path, name, make).eval()
    loaded: nn.Module = network.to(memory_format=torch.channels_last)
    return loaded
