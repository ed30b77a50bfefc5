"""A flow found in localizations: the velocity field that makes the image of all of them sharpest."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
import xarray as xr
from numpy.polynomial import legendre

from baselines.classic import _flow_kernels, _weights

SEARCH_BLUR = 6.0
"""Blur of the first search, over the final one: translations a few pixels off still overlap."""
SEARCH_STEPS = 4
"""Reach of the first search on either side, in pixels of its blur."""
MIDDLE_BLUR = 2.5
"""Blur of the fit of a translation with a gradient, over the final one."""
MARGIN = 0.2
"""Border around the field, as a fraction of it, into which events may be carried."""
OVERLAP = 1 / 3
"""Part of a window that the next one shares, so that flows can be blended."""
LATTICE = 8
"""Pixels between the places at which the time seen is computed; it varies slowly in between."""
INSIDE = 1 - 1e-9
"""Largest coordinate of an event, just inside the field, whose borders are -1 and 1."""
LEAST_SEEN = 0.2
"""Weight seen below which an average is not divided by it: it would blow single events up."""
MOST_EVENTS = 4000
"""Events of a window that are fitted; more take longer and change little."""
ITERATIONS = 15
"""Steps of the optimiser; most end before."""
TOLERANCE = 1e-4
"""Relative change of the loss at which the optimiser ends."""
BLOCK = 2**14
"""Events that are averaged together, so that the pixels they pass take little memory."""

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Events:
    """Localizations in the field and the movie.

    Attributes
    ----------
    times : array, shape (event,)
        In time points, 0 in the middle of the first.
    places : array, shape (yx, event)
        From -1 to 1 in the field.
    length, shape : int and (int, int)
        The time points and the pixels of the movie.
    size_nm : tuple
        Height and width of the field.
    """

    times: F64
    places: F64
    length: int
    shape: tuple[int, int]
    size_nm: tuple[float, float]

    @classmethod
    def of(cls, observation: xr.Dataset) -> Events:
        """Take the localizations of an observation."""
        centres = [observation[axis].values for axis in ("time", "y", "x")]
        steps = [_weights.spacing(places) or 1.0 for places in centres]
        length, *shape = observation.counts.shape
        found = [observation[f"loc_{axis}"].values.astype(np.float64) for axis in ("time", "y", "x")]
        times, *pixels = ((at - c[0]) / step for at, c, step in zip(found, centres, steps, strict=True))
        places = np.stack([(2 * at + 1) / n - 1 for at, n in zip(pixels, shape, strict=True)])
        inside = (np.abs(places) < 1).all(axis=0) & (np.abs(2 * times + 1 - length) < length)
        return cls(
            times[inside],
            places[:, inside],
            length,
            (shape[0], shape[1]),
            (shape[0] * steps[1], shape[1] * steps[2]),
        )

    def between(self, first: float, last: float) -> Events:
        """Those of an interval, evenly thinned out to at most 4000."""
        chosen = np.flatnonzero((self.times >= first) & (self.times <= last))
        chosen = chosen[:: math.ceil(chosen.size / MOST_EVENTS) or 1]
        return Events(self.times[chosen], self.places[:, chosen], self.length, self.shape, self.size_nm)


@dataclass(frozen=True)
class Flow:
    """Velocities at all time points, (time, yx, k), in Legendre polynomials and half sizes per time point."""

    terms: F64

    @classmethod
    def sharpest(
        cls,
        events: Events,
        window: float,
        order: int,
        blur_nm: float,
        collapse: float,
        start: Flow | None = None,
    ) -> Flow:
        """Fit windows that overlap by a third, and blend from the middle of one to that of the next.

        Without a flow to start from, all translations are tried first.
        """
        number = max(math.ceil(events.length / (1 - OVERLAP) / window - OVERLAP), 1)
        span = min(window, events.length)
        middles = np.linspace(span / 2, events.length - span / 2, number) - 0.5
        fitted = [
            _Window.of(events.between(m - span / 2, m + span / 2), m, blur_nm, collapse).fit(
                order, None if start is None else start.around(m, span)
            )
            for m in middles
        ]
        at = np.interp(np.arange(events.length), middles, np.arange(number))
        before = at.astype(np.int64)
        blend = (at - before)[:, None, None]
        terms = np.stack(fitted)
        blended = (1 - blend) * terms[before] + blend * terms[np.minimum(before + 1, number - 1)]
        return cls(blended)

    @functools.cached_property
    def velocities(self) -> F64:
        """The powers' coefficients as the kernels take them, (time, yx, n, n)."""
        return _monomials(self.terms, _order(self.terms[0]))

    def around(self, middle: float, span: float) -> F64:
        """The mean over an interval, (yx, k)."""
        near = np.abs(np.arange(len(self.terms)) - middle) <= span / 2
        mean: F64 = self.terms[near].mean(axis=0)
        return mean


@dataclass(frozen=True)
class _Window:
    """The events of a window, their times from its middle, and the blurs to fit them at, from wide to narrow."""

    times: F64
    places: F64
    size_nm: F64
    blur_nm: float
    collapse: float

    @classmethod
    def of(cls, events: Events, middle: float, blur_nm: float, collapse: float) -> _Window:
        return cls(events.times - middle, events.places, np.array(events.size_nm), blur_nm, collapse)

    def basis(self, order: int) -> F64:
        """The values of all terms at the events, (event, k), which are the same at all blurs."""
        if order not in self._known:
            self._known[order] = _basis(self.places, order)[0]
        return self._known[order]

    @functools.cached_property
    def _known(self) -> dict[int, F64]:
        return {}

    def fit(self, order: int, start: F64 | None) -> F64:
        """Return the velocities' coefficients, (yx, k), in half sizes per time point."""
        terms = np.zeros((2, terms_of(order))) if start is None else start.copy()
        if self.times.size < terms.size or not self.times.std():
            return terms
        if start is None:
            terms[:, :1] = _Level.of(self, terms, SEARCH_BLUR * self.blur_nm, 0).search()
            terms = self._sharpened(terms, MIDDLE_BLUR, min(order, 1))
        return self._sharpened(terms, 1.0, order)

    def _sharpened(self, terms: F64, blur: float, order: int) -> F64:
        level, k = _Level.of(self, terms, blur * self.blur_nm, order), terms_of(order)
        return np.concatenate([level.sharpen(terms[:, :k]), terms[:, k:]], axis=1)


@dataclass(frozen=True)
class _Level:
    """The events at one blur; terms are scaled so that 1 is one pixel in the root-mean-square time."""

    rows: F64
    columns: F64
    times: F64
    basis: F64
    stiffness: F64
    image: F32
    taps: tuple[np.float32, ...]
    scale: F64

    @classmethod
    def of(cls, window: _Window, terms: F64, blur_nm: float, order: int) -> _Level:
        pixels = window.size_nm / blur_nm
        spread = math.sqrt(np.mean(window.times**2))
        half_way = window.times / 2 * (terms @ window.basis(_order(terms)).T) if terms.any() else 0.0
        basis, slopes = _basis(window.places - half_way, order)
        margin = np.ceil(MARGIN * pixels) + 1
        rows, columns = (window.places + 1) / 2 * pixels[:, None] + margin[:, None]
        times = window.times / spread
        slopes *= (2 / pixels)[:, None]
        slopes *= times[:, None, None]
        divergence = slopes.reshape(times.size, -1)
        return cls(
            rows,
            columns,
            times,
            basis,
            window.collapse * divergence.T @ divergence / times.size,
            np.empty((pixels + 2 * margin + 2).astype(np.int64), np.float32),
            _taps(math.sqrt(2)),
            2 / pixels[:, None] / spread,
        )

    def search(self) -> F64:
        """Try all translations on a grid, from rest outwards."""
        steps = np.arange(-SEARCH_STEPS, SEARCH_STEPS + 1.0)
        grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        square = (grid**2).sum(axis=1)
        grid = grid[np.argsort(square, kind="stable")][: np.count_nonzero(square <= SEARCH_STEPS**2)]
        best = _flow_kernels.best_translation(
            self.rows, self.columns, self.times, grid, self.taps, self.image
        )
        found: F64 = grid[best][:, None] * self.scale
        return found

    def sharpen(self, terms: F64) -> F64:
        """Climb from some terms to the sharpest image nearby."""
        # With ``jac=True`` scipy compares the places of a value and of its slopes, which are always the same.
        slopes = np.empty(0)

        def loss(flat: F64) -> float:
            nonlocal slopes
            value, slopes = self.loss(flat)
            return value

        found = scipy.optimize.minimize(
            loss,
            (terms / self.scale).ravel(),
            jac=lambda _: slopes,
            method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "ftol": TOLERANCE},
        )
        best: F64 = found.x.reshape(2, -1) * self.scale
        return best

    def loss(self, flat: F64) -> tuple[float, F64]:
        """Minus the logarithm of the sharpness, plus the regulariser."""
        terms, gradient = flat.reshape(2, -1), np.empty((2, flat.size // 2))
        sharpness = _flow_kernels.sharpness(
            self.rows, self.columns, self.times, self.basis, terms, self.taps, self.image, gradient
        )
        if sharpness <= 0:
            return math.inf, np.zeros(flat.size)
        stiff = self.stiffness @ flat
        return float(flat @ stiff / 2 - math.log(sharpness)), stiff - gradient.ravel() / sharpness


@dataclass(frozen=True)
class Carried:
    """Localizations that go along a flow, sorted by their time points."""

    points: Int
    places: F64
    flow: Flow
    shape: tuple[int, int, int]

    @classmethod
    def along(cls, events: Events, flow: Flow) -> Carried:
        """Take every event to the middle of its time point, and not over the border of the field."""
        points = np.clip(np.rint(events.times), 0, events.length - 1).astype(np.int64)
        order = np.argsort(points, kind="stable")
        points, places = points[order], events.places[:, order]
        _flow_kernels.align(points, events.times[order] - points, places[0], places[1], flow.velocities)
        np.clip(places, -INSIDE, INSIDE, out=places)
        return cls(points, places, flow, (events.length, *events.shape))

    def counts(self) -> F32:
        """The events of every time point, shape (time, y, x)."""
        homes = [
            ((at + 1) * (n / 2)).astype(np.int64) for at, n in zip(self.places, self.shape[1:], strict=True)
        ]
        pixels = np.ravel_multi_index((self.points, *homes), self.shape)
        counted = np.bincount(pixels, minlength=math.prod(self.shape))
        return counted.astype(np.float32).reshape(self.shape)

    def at(self, points: Int) -> Followed:
        """Follow them all to some time points, to be averaged there with many weights."""
        return Followed(self, points)

    def average(self, points: Int, weights: F32) -> tuple[F32, F32]:
        """Average over the time points at which the same place was in the field, and return these points' weights.

        It is done once, and some events at a time: it takes less memory than ``at``.
        """
        images = np.zeros((points.size, *self.shape[1:]), np.float32)
        reach = _reach(points, weights)
        for first in range(0, self.points.size, BLOCK):
            self.add(first, self.traced(points, reach, first, first + BLOCK), weights, images)
        return self.divided(images, points, self.stays(points, reach), weights)

    def traced(self, points: Int, reach: int, first: int, last: int) -> Int32:
        """The pixels that some events are in at some time points, (point, event), or -1."""
        homes, (y, x) = self.points[first:last], self.places[:, first:last]
        slots = np.full(self.shape[0], -1)
        slots[points] = np.arange(points.size)
        pixels = np.full((points.size, homes.size), -1, np.int32)
        starts = np.searchsorted(homes, np.arange(self.shape[0] + 1))
        shape = np.array(self.shape[1:], np.int64)
        _flow_kernels.trace(starts, y, x, *self._velocities(), slots, reach, shape, pixels)
        return pixels

    def stays(self, points: Int, reach: int) -> Int32:
        """From when to when what is at the nodes of a lattice at some time points is in the field: (point, 2, node)."""
        y, x = np.meshgrid(*self._nodes(), indexing="ij")
        stays = np.empty((points.size, 2, y.size), np.int32)
        _flow_kernels.stays(points, y.ravel(), x.ravel(), *self._velocities(), reach, stays)
        return stays

    def add(self, first: int, pixels: Int32, weights: F32, images: F32) -> None:
        """Add events that are traced to images."""
        _flow_kernels.add(first, self.points, weights, pixels, images.reshape(len(images), -1))

    def divided(self, images: F32, points: Int, stays: Int32, weights: F32) -> tuple[F32, F32]:
        """Divide images by the weights of the time points at which their places were in the field."""
        (y, x), (rows, columns) = self._nodes(), self.shape[1:]
        coarse = np.empty((points.size, y.size * x.size), np.float32)
        _flow_kernels.seen(points, stays, weights, coarse)
        nodes = coarse.reshape(-1, y.size, x.size)
        seen: F32 = (_tents(y.size, rows) @ nodes @ _tents(x.size, columns).T).astype(np.float32, copy=False)
        np.maximum(seen, np.float32(LEAST_SEEN), out=seen)
        images /= seen
        return images, seen

    def _velocities(self) -> tuple[F64, F64]:
        """Return those of all time points, and their means from one to the next."""
        flow = self.flow.velocities
        return flow, (flow[1:] + flow[:-1]) / 2

    def _nodes(self) -> tuple[F64, F64]:
        y, x = (_centres(max(n // LATTICE, 1)) for n in self.shape[1:])
        return y, x


class Followed:
    """Localizations at some time points; they are followed once, as far as the widest weights so far ask for."""

    def __init__(self, carried: Carried, points: Int) -> None:
        self._carried, self._points, self._reach = carried, points, -1

    def average(self, weights: F32) -> tuple[F32, F32]:
        """Average as :meth:`Carried.average` does."""
        reach = _reach(self._points, weights)
        if reach > self._reach:
            self._pixels = self._carried.traced(self._points, reach, 0, self._carried.points.size)
            self._stays = self._carried.stays(self._points, reach)
            self._reach = reach
        images = np.zeros((self._points.size, *self._carried.shape[1:]), np.float32)
        self._carried.add(0, self._pixels, weights, images)
        return self._carried.divided(images, self._points, self._stays, weights)


def _reach(points: Int, weights: F32) -> int:
    """The farthest from one of some time points that anything counts."""
    image, time = np.nonzero(weights)
    return int(np.abs(points[image] - time).max(initial=0))


def _centres(number: int) -> F64:
    """The middles of equal parts of the field."""
    return np.asarray((2 * np.arange(number) + 1) / number - 1)


@functools.lru_cache(maxsize=16)
def _tents(nodes: int, number: int) -> F32:
    """Weights of linear interpolation from nodes to pixels, (pixel, node)."""
    columns = [np.interp(_centres(number), _centres(nodes), unit) for unit in np.eye(nodes)]
    return np.stack(columns, axis=1).astype(np.float32)


def terms_of(order: int) -> int:
    """How many terms of at most a total degree there are in two variables."""
    return (order + 1) * (order + 2) // 2


def _powers(order: int) -> Int:
    """The degrees along y and x of all terms, (k, yx), lower total degrees first."""
    pairs = [(total - b, b) for total in range(order + 1) for b in range(total + 1)]
    return np.array(pairs, np.int64)


def _order(terms: F64) -> int:
    return int((math.sqrt(8 * terms.shape[1] + 1) - 3) / 2)


def _basis(places: F64, order: int) -> tuple[F64, F64]:
    """The values of all terms, (event, k), and their derivatives, (event, yx, k)."""
    k = terms_of(order)
    basis, slopes = np.empty((places.shape[1], k)), np.empty((places.shape[1], 2, k))
    _flow_kernels.legendre_basis(np.ascontiguousarray(places), order, basis, slopes)
    return basis, slopes


def _monomials(terms: F64, order: int) -> F64:
    """From Legendre polynomials to powers: (time, yx, k) to (time, yx, n, n)."""
    full = np.zeros((*terms.shape[:2], order + 1, order + 1))
    a, b = _powers(order).T
    full[:, :, a, b] = terms
    turn = _powers_of_legendre(order)
    return np.ascontiguousarray(np.einsum("ia,tcab,jb->tcij", turn, full, turn))


@functools.lru_cache(maxsize=16)
def _powers_of_legendre(order: int) -> F64:
    """The coefficients of Legendre polynomials, (power, degree)."""
    turn = np.zeros((order + 1, order + 1))
    for n in range(order + 1):
        powers = legendre.leg2poly(np.eye(order + 1)[n])
        turn[: powers.size, n] = powers
    return turn


def _taps(sigma: float) -> tuple[np.float32, ...]:
    at = np.arange(-math.ceil(2.8 * sigma), math.ceil(2.8 * sigma) + 1)
    taps = np.exp(-0.5 * (at / sigma) ** 2)
    return tuple(np.asarray(taps / taps.sum(), np.float32))
