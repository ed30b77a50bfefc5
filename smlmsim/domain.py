"""The range of movies a network was trained on, and where an observation lies outside it."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim.spec import Spec

logger = logging.getLogger(__name__)

Interval = tuple[float, float]

REFERENCE_NM = 2560.0
"""Edge length in nm of the square to which rates refer: 128 pixels of 20 nm."""
STEP_SLACK = 1.02
"""Factor by which pixels and durations may differ: a nominal camera frame of 30 ms often takes 30.4 ms."""
SLACK = 1.1
"""Factor by which a rate may differ, since the rate of a movie scatters around its nominal value."""
DENSITY_SLACK = 3.0
"""Factor by which a density may differ, since it is measured on few filaments."""
SIGMAS = 3
"""Poisson errors by which a count may differ from its expectation."""


class Domain(Spec):
    """The ranges (lowest, highest) of the movies that a network was trained on; None if unknown.

    Parameters
    ----------
    pixel_nm, point_s : (float, float), optional
        Edge length of a pixel, nm; duration of a time point, s.
    rate_hz : (float, float), optional
        Localization rate per 2.56 x 2.56 um, Hz.
    velocity_nm_per_s : (float, float), optional
        Velocity of the structure, nm/s. It cannot be read off an observation, so it is never compared.
    density_per_um : (float, float), optional
        Contour length per area, um / um^2.
    structures : tuple of str
        The kinds of structure. They are compared with the attribute ``structure`` of a table, if it has one.
    learned_from : str, optional
        The movies that their motion was learned from, if it was: the network has seen these at second hand.
    """

    pixel_nm: Interval | None = None
    point_s: Interval | None = None
    rate_hz: Interval | None = None
    velocity_nm_per_s: Interval | None = None
    density_per_um: Interval | None = None
    structures: tuple[str, ...] = ()
    learned_from: str | None = None

    @classmethod
    def joined(cls, domains: Iterable[Domain]) -> Domain:
        """Return the smallest domain that holds all given ones; a range unknown in one of them is unknown."""
        found = list(domains)
        ends = {name: [getattr(domain, name) for domain in found] for name in cls.model_fields}
        structures = tuple(dict.fromkeys(name for names in ends.pop("structures") for name in names))
        learned = [text for text in dict.fromkeys(ends.pop("learned_from")) if text]
        hulls = {name: None if None in values else _hull(values) for name, values in ends.items()}
        return cls(**hulls, structures=structures, learned_from=" and ".join(learned) or None)

    def __str__(self) -> str:
        return ", ".join(said for said, _ in self._said()) or "nothing that is known"

    def outside(self, observation: xr.Dataset, *, density_per_um: float | None = None) -> list[str]:
        """Describe in one line each what in an observation lies outside, and the range it was trained for.

        Parameters
        ----------
        observation : xr.Dataset
            ``counts`` (time, y, x) with the attributes ``pixel_nm``, ``exposure_s`` and ``frames_per_point``, or
            coordinates that determine them. The rate is the mean in the 2.56 x 2.56 um around a localization.
        density_per_um : float, optional
            Contour length per area, um / um^2, if known; only values that are too high are reported.
        """
        pixel_nm, point_s = _step(observation, "x"), _step(observation, "time")
        rate_hz, slack = _rate(observation, pixel_nm, point_s), _slack(observation)
        found = {
            "pixel_nm": (pixel_nm, STEP_SLACK),
            "point_s": (point_s, STEP_SLACK),
            "rate_hz": (rate_hz, slack),
            "density_per_um": (density_per_um, DENSITY_SLACK),
        }
        lines = []
        for said, name in self._said():
            value, factor = found.get(name, (None, 1.0))
            low, high = getattr(self, name) if value is not None else (0.0, 0.0)
            too_little = name != "density_per_um" and value is not None and value * factor < low
            if value is not None and (too_little or value > high * factor):
                lines.append(f"found {WORDS[name].format(_about(value))}, trained for {said}")
        structure = str(observation.attrs.get("structure", ""))
        if structure and self.structures and not any(_alike(structure, known) for known in self.structures):
            known = " and ".join(name.replace("_", " ") for name in self.structures)
            lines.append(f"the table is of {structure}, trained for {known}")
        return lines

    def warn(self, name: str, observation: xr.Dataset, *, density_per_um: float | None = None) -> list[str]:
        """Log each line of :meth:`outside` as a warning with the name of the network, and return the lines.

        Within :func:`gathered` nothing is logged.
        """
        lines = self.outside(observation, density_per_um=density_per_um)
        found = _GATHERED.get()
        if found is not None:
            found.extend(lines)
            return lines
        for line in lines:
            logger.warning("%s: %s", name, line)
        return lines

    def _said(self) -> Iterator[tuple[str, str]]:
        """Every known range in words, with the name of its setting."""
        for name, words in WORDS.items():
            if interval := getattr(self, name):
                yield words.format(_between(interval)), name
        if self.structures:
            yield " and ".join(name.replace("_", " ") for name in self.structures), "structures"
        if self.learned_from:
            yield f"motion learned from {self.learned_from}", "learned_from"


_GATHERED: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("gathered", default=None)


@contextlib.contextmanager
def gathered() -> Iterator[list[str]]:
    """Gather the lines of warnings of :meth:`Domain.warn` in a list, so that those of many movies can be said once."""
    found: list[str] = []
    token = _GATHERED.set(found)
    try:
        yield found
    finally:
        _GATHERED.reset(token)


WORDS = {
    "pixel_nm": "pixels of {} nm",
    "point_s": "time points of {} s",
    "rate_hz": "{} localizations per second in the 2.56 x 2.56 um around a localization",
    "velocity_nm_per_s": "velocities of {} nm/s",
    "density_per_um": "{} um of contour per um^2",
}


def _alike(structure: str, known: str) -> bool:
    """Whether a free-text structure matches a known one: "microtubule network" is of microtubules."""
    plain = [name.lower().replace("_", " ").strip().rstrip("s") for name in (structure, known)]
    return plain[0] in plain[1] or plain[1] in plain[0]


def _hull(intervals: list[Any]) -> Interval:
    lows, highs = zip(*intervals, strict=True)
    return min(lows), max(highs)


def _between(interval: Interval) -> str:
    low, high = interval
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _about(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _step(observation: xr.Dataset, axis: str) -> float | None:
    """The pixel or the duration of a time point, from the attributes or the coordinates; None if unknown."""
    attrs = observation.attrs
    if axis == "x" and "pixel_nm" in attrs:
        return float(attrs["pixel_nm"])
    if axis == "time" and {"exposure_s", "frames_per_point"} <= attrs.keys():
        return float(attrs["exposure_s"]) * float(attrs["frames_per_point"])
    values = observation[axis].values
    return float((values[-1] - values[0]) / (values.size - 1)) if values.size > 1 else None


def _rate(observation: xr.Dataset, pixel_nm: float | None, point_s: float | None) -> float | None:
    """Localizations per second in the 2.56 x 2.56 um around a localization; None without localizations."""
    still = observation.counts.values.sum(axis=0, dtype=np.float64)
    if not pixel_nm or not point_s or not still.any():
        return None
    per_pixel = around(still, still, pixel_nm)
    return per_pixel * (REFERENCE_NM / pixel_nm) ** 2 / (observation.sizes["time"] * point_s)


def _slack(observation: xr.Dataset) -> float:
    """The factor by which a rate may differ: larger if it is measured on few localizations."""
    number = float(observation.counts.sum())
    return SLACK * (1 + SIGMAS / math.sqrt(number)) if number else math.inf


def around(
    image: npt.NDArray[np.floating], localizations: npt.NDArray[np.floating], pixel_nm: float
) -> float:
    """Return the mean of an image around the localizations, so that empty parts of the field do not matter.

    Parameters
    ----------
    image, localizations : ndarray, shape (y, x)
        The image, and localizations per pixel, of which at least one is not 0.
    pixel_nm : float
        Edge length of a pixel. The mean is taken over squares of about 2.56 um, each weighted by its number of
        localizations.
    """
    means, weights = _squares(image, pixel_nm, mean=True), _squares(localizations, pixel_nm, mean=False)
    return float((means * weights).sum() / weights.sum())


def _squares(image: npt.NDArray[np.floating], pixel_nm: float, *, mean: bool) -> npt.NDArray[np.float64]:
    sums = np.asarray(image, np.float64)
    sizes = np.ones_like(sums)
    for axis, size in enumerate(image.shape):
        pieces = max(1, min(size, round(size * pixel_nm / REFERENCE_NM)))
        edges = np.arange(pieces) * size // pieces
        sums, sizes = (np.add.reduceat(each, edges, axis=axis) for each in (sums, sizes))
    return np.asarray(sums / sizes if mean else sums)
