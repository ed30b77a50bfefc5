"""Metric: a score of how close an estimate is to the truth, and its meaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Movie = npt.NDArray[np.float32]
Shape = tuple[int, ...]


class UnmeasurableError(ValueError):
    """The truth does not contain what a metric measures, so that no estimate can be scored."""


@dataclass(frozen=True)
class Metric:
    """A score of an estimate against a truth; calling it checks the movies and computes it.

    Parameters
    ----------
    name : str
        Key in ``METRICS``, and name of the variable in which a score is stored.
    long_name : str
        Name in axes and tables.
    function : callable
        Function of two C-contiguous float32 arrays (time, y, x) of the same shape, truth and estimate, both as
        returned by ``normalise``; returns a finite number.
    units : str
        "1" for a pure number.
    range : (float, float)
        The lowest and the highest score of a normalised estimate.
    better : "higher" or "lower"
        Which end of the range means a perfect estimate.
    settings : mapping
        Parameters needed to compute the score again; stored with it.
    doi : str
        DOI of the definition.
    settings_at : callable, optional
        Function of the shape of the movies that returns the settings depending on it.
    takes_pixel : bool
        Whether the function takes the edge length of a pixel in nm as a third argument.
    """

    name: str
    long_name: str
    function: Callable[..., float]
    units: str
    range: tuple[float, float]
    better: Literal["higher", "lower"]
    settings: Mapping[str, Any]
    doi: str
    settings_at: Callable[[Shape], Mapping[str, Any]] | None = None
    takes_pixel: bool = False

    def settings_for(self, shape: Shape) -> dict[str, Any]:
        """Return the settings that hold for movies of a shape (time, y, x)."""
        return {**self.settings, **(self.settings_at(shape) if self.settings_at else {})}

    def attrs(self, shape: Shape, normalisation: str) -> dict[str, Any]:
        """Return the attributes of a score of movies of a shape, ready for a file."""
        return {
            "long_name": self.long_name,
            "units": self.units,
            "better": self.better,
            "valid_range": list(self.range),
            "settings": json.dumps({"normalisation": normalisation, **self.settings_for(shape)}),
            "doi": self.doi,
        }

    def __call__(
        self, truth: npt.NDArray[Any], estimate: npt.NDArray[Any], *, pixel_nm: float = 20.0
    ) -> float:
        """Score a normalised estimate (time, y, x) against a normalised truth of the same shape.

        Raises
        ------
        ValueError
            If the shapes differ or are not those of a movie, or if the metric needs larger images.
        UnmeasurableError
            If the truth does not contain what the metric measures.
        """
        if truth.shape != estimate.shape or truth.ndim != 3 or truth.size == 0:
            raise ValueError(
                f"{self.name} compares two movies (time, y, x) of the same shape; "
                f"found a truth of {truth.shape} and an estimate of {estimate.shape}"
            )
        movies = (np.ascontiguousarray(movie, dtype=np.float32) for movie in (truth, estimate))
        return float(self.function(*movies, pixel_nm) if self.takes_pixel else self.function(*movies))
