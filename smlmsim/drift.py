"""Drift of the sample during a recording, found in its localizations by cross-correlation, and removed.

The recording is cut into time windows. The shift between the images of two windows is the place of the peak of their
cross-correlation. There are many more pairs of windows than windows, and the drift that agrees best with all of them is
that of least squares (redundant cross-correlation: Wang et al. 2014, doi:10.1364/OE.22.015982).

In live cells the structure moves as well. Drift shifts all parts of the field alike; structure that moves shifts each
part its own way. So the drift is found in the quarters of the field too, and where these disagree it is refused.
Structure that moves as a whole cannot be told from drift, by any method that sees the localizations alone.
"""

from __future__ import annotations

import itertools
import logging
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import PositiveFloat
from scipy import fft, interpolate, ndimage

from smlmsim import schema
from smlmsim.acquisition import recorded_frames
from smlmsim.spec import Spec

FEWEST = 200
"""Fewest localizations of a window in the whole field; a quarter needs a quarter of them."""
WINDOWS = 10
"""Windows by default."""
LARGEST_EDGE = 4096
"""Largest edge in pixels of the images that are correlated."""
BACKGROUND = 8.0
"""Width of what is subtracted as background, in those of the blur."""
PEAK = 2
"""Pixels on either side of the highest one of a peak to which a paraboloid is fitted."""
_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]


class DriftError(ValueError):
    """The drift cannot be told, from what there is or from motion of the structure."""


class Course(NamedTuple):
    """The drift of a sample.

    Parameters
    ----------
    frame : float array (window,)
        Mean frame of the localizations of every window.
    y_nm, x_nm : float array (window,)
        The drift, 0 in the first window.
    residual_nm : float
        Root mean square of what the shifts of pairs of windows differ from the drift, per axis.
    disagreement_nm : float
        Root mean square of what the drifts of the quarters of the field differ from that of all, per axis; NaN if too
        few quarters hold enough localizations.
    """

    frame: Floats
    y_nm: Floats
    x_nm: Floats
    residual_nm: float
    disagreement_nm: float

    @property
    def range_nm(self) -> float:
        """Largest distance between two windows along either axis."""
        return float(max(np.ptp(self.y_nm), np.ptp(self.x_nm)))

    def at(self, frame: npt.ArrayLike) -> tuple[Floats, Floats]:
        """The drift along y and x in some frames: smooth between the windows, and straight before and after them."""
        frame = np.asarray(frame, np.float64)
        ends = np.array([min(frame.min(initial=0), self.frame[0]), max(frame.max(initial=0), self.frame[-1])])
        ends += [-1, 1]
        knots = np.concatenate([ends[:1], self.frame, ends[1:]])
        found = []
        for values in (self.y_nm, self.x_nm):
            slopes = np.diff(values)[[0, -1]] / np.diff(self.frame)[[0, -1]]
            more = values[[0, -1]] + slopes * (ends - self.frame[[0, -1]])
            course = interpolate.PchipInterpolator(
                knots, np.concatenate([more[:1], values, more[1:]]), extrapolate=False
            )
            found.append(course(frame))
        return found[0], found[1]


class Drift(Spec):
    """How drift is found.

    Parameters
    ----------
    windows : int
        Number of time windows, 3 to 200. More follow faster drift, and need more localizations.
    pixel_nm : float
        Pixel of the images that are correlated.
    largest_nm : float
        Largest shift between two windows that is looked for.
    outlier_nm : float
        Pairs of windows whose shift differs by more from the drift of all are left out.
    disagreement_nm : float
        Largest root mean square by which the drifts of the quarters of the field may differ from that of all; more is
        motion of the structure.
    """

    windows: Annotated[int, pydantic.Field(ge=3, le=200)] = WINDOWS
    pixel_nm: PositiveFloat = 20.0
    largest_nm: PositiveFloat = 500.0
    outlier_nm: PositiveFloat = 30.0
    disagreement_nm: PositiveFloat = 10.0

    def find(self, table: xr.Dataset) -> Course:
        """Find the drift of a table.

        Parameters
        ----------
        table : Dataset
            ``loc_frame``, ``loc_y``, ``loc_x`` in nm (localization,), in any order.

        Raises
        ------
        SchemaError
            If a variable is missing or not finite.
        DriftError
            If a window holds too few localizations, if shifts of pairs of windows do not fit together, or if the
            quarters of the field disagree: the structure moves.
        """
        schema.check(table, "loc_frame", "loc_y", "loc_x")
        if not table.sizes["localization"]:
            raise DriftError("the table has no localizations, so no drift can be found in it")
        frame, y, x = (table[f"loc_{name}"].values.astype(np.float64) for name in ("frame", "y", "x"))
        begin, end = recorded_frames(table)
        window = ((frame - begin) * self.windows / (end - begin)).astype(np.int64).clip(0, self.windows - 1)
        numbers = np.bincount(window, minlength=self.windows)
        if numbers.min() < FEWEST:
            raise DriftError(
                f"window {int(numbers.argmin()) + 1} of {self.windows} has {numbers.min()} localizations, and drift "
                f"takes {FEWEST} in each; ask for fewer windows, as in windows={max(3, self.windows // 2)}, or leave "
                "the drift as it is"
            )
        centres = np.bincount(window, frame, self.windows) / numbers
        whole, residual = self._course(window, y, x)
        disagreement = self._disagreement(window, y, x, whole)
        found = Course(centres, whole[0], whole[1], residual, disagreement)
        self._require_drift(found)
        return found

    def correct(self, table: xr.Dataset) -> tuple[xr.Dataset, Course]:
        """Return a table without its drift, and the drift; errors as :meth:`find`. Other columns stay."""
        course = self.find(table)
        y_nm, x_nm = course.at(table.loc_frame.values)
        moved = {
            name: (
                table[name].dims,
                (table[name].values - shift).astype(table[name].dtype),
                table[name].attrs,
            )
            for name, shift in (("loc_y", y_nm), ("loc_x", x_nm))
        }
        return table.assign(moved), course

    def _require_drift(self, found: Course) -> None:
        """Refuse what is not drift alone."""
        if found.disagreement_nm > self.disagreement_nm:
            raise DriftError(
                f"the quarters of the field shift by {found.disagreement_nm:.3g} nm (root mean square) against the "
                f"whole, which shifts by up to {found.range_nm:.3g} nm: the structure moves, or has too few "
                "localizations, and its motion cannot be told from drift; correct drift by fiducial markers, or "
                f"accept it with disagreement_nm={np.ceil(found.disagreement_nm):.0f}"
            )
        if np.isnan(found.disagreement_nm):
            _log.warning(
                "fewer than two quarters of the field hold enough localizations to tell drift from motion of the "
                "structure; all that moves is taken for drift"
            )
        else:
            _log.info(
                "what moves the whole field alike is taken for drift, be it of the sample or of the structure"
            )

    def _disagreement(self, window: npt.NDArray[np.int64], y: Floats, x: Floats, whole: Floats) -> float:
        """Root mean square difference of the drifts of the quarters (axis, window) from that of the whole."""
        middle = (np.median(y), np.median(x))
        apart = []
        for lower, right in itertools.product((False, True), repeat=2):
            part = ((y >= middle[0]) == lower) & ((x >= middle[1]) == right)
            if np.bincount(window[part], minlength=self.windows).min() < FEWEST / 4:
                continue
            course, _ = self._course(window[part], y[part], x[part], strict=False)
            apart.append(course - course.mean(axis=1, keepdims=True))
        if len(apart) < 2:
            return float("nan")
        centred = whole - whole.mean(axis=1, keepdims=True)
        return float(np.sqrt(np.square(np.array(apart) - centred).mean()))

    def _course(
        self, window: npt.NDArray[np.int64], y: Floats, x: Floats, *, strict: bool = True
    ) -> tuple[Floats, float]:
        """The drift (axis, window), 0 in the first window, and the root mean square of its residuals."""
        spectra, lags, pixel_nm = self._spectra(window, y, x)
        pairs = list(itertools.combinations(range(self.windows), 2))
        shifts = (
            np.array([self._shift(spectra[one], spectra[other], lags) for one, other in pairs]) * pixel_nm
        )
        steps = np.array(
            [[one <= step < other for step in range(self.windows - 1)] for one, other in pairs], float
        )
        kept = np.ones(len(pairs), bool)
        for _ in range(5):
            found, *_ = np.linalg.lstsq(steps[kept], shifts[kept], rcond=None)
            off = np.hypot(*(shifts - steps @ found).T)
            near = off <= self.outlier_nm
            if np.linalg.matrix_rank(steps[near]) < self.windows - 1:
                if strict:
                    raise DriftError(
                        f"the shifts between the windows do not fit together: {np.count_nonzero(~near)} of "
                        f"{len(pairs)} differ by more than {self.outlier_nm:g} nm from the drift of all. The structure "
                        "moves, so that its motion cannot be told from drift, or there are too few localizations; "
                        f"windows={max(3, self.windows // 2)} gives each window more"
                    )
                break
            if (near == kept).all():
                break
            kept = near
        residual = float(np.sqrt(np.square(shifts[kept] - steps[kept] @ found).mean()))
        return np.concatenate([np.zeros((1, 2)), np.cumsum(found, axis=0)]).T, residual

    def _spectra(
        self, window: npt.NDArray[np.int64], y: Floats, x: Floats
    ) -> tuple[list[npt.NDArray[np.complex64]], tuple[int, int], float]:
        """The Fourier transforms of the images of all windows, their shape, and the pixel."""
        low = np.array([y.min(), x.min()]) - self.largest_nm / 2
        extent = np.array([y.max(), x.max()]) + self.largest_nm / 2 - low
        pixel_nm = max(self.pixel_nm, float(extent.max()) / LARGEST_EDGE)
        size = np.ceil(extent / pixel_nm).astype(int)
        shape = fft.next_fast_len(int(size[0]), real=True), fft.next_fast_len(int(size[1]), real=True)
        place = np.ravel_multi_index(
            tuple(((at - first) / pixel_nm).astype(int) for at, first in zip((y, x), low, strict=True)), shape
        )
        spectra = []
        for number in range(self.windows):
            image = np.bincount(place[window == number], minlength=shape[0] * shape[1]).reshape(shape)
            blurred = ndimage.gaussian_filter(image.astype(np.float32), 1.0, mode="wrap")
            blurred -= ndimage.gaussian_filter(image.astype(np.float32), BACKGROUND, mode="wrap")
            spectra.append(fft.rfft2(blurred))
        return spectra, shape, pixel_nm

    def _shift(
        self, one: npt.NDArray[np.complex64], other: npt.NDArray[np.complex64], shape: tuple[int, int]
    ) -> Floats:
        """The shift (axis,) from one window to another in pixels, to a fraction of a pixel."""
        correlation = fft.irfft2(one.conj() * other, s=shape)
        reach = [min(int(self.largest_nm / self.pixel_nm), size // 2 - PEAK - 1) for size in shape]
        around = [np.arange(-most - PEAK, most + PEAK + 1) for most in reach]
        near = correlation[np.ix_(*around)]
        inner = near[PEAK:-PEAK, PEAK:-PEAK]
        row, column = np.unravel_index(int(inner.argmax()), inner.shape)
        peak = near[row : row + 2 * PEAK + 1, column : column + 2 * PEAK + 1]
        return np.array([row - reach[0], column - reach[1]], float) + _vertex(peak.astype(np.float64))


def _vertex(peak: Floats) -> Floats:
    """The highest place (axis,) of the paraboloid that fits a peak best, in pixels from its middle."""
    v, u = (axis.ravel().astype(float) for axis in np.mgrid[-PEAK : PEAK + 1, -PEAK : PEAK + 1])
    terms = np.stack([np.ones_like(u), v, u, v * v, u * v, u * u], axis=1)
    _, b, c, d, e, f = np.linalg.lstsq(terms, peak.ravel(), rcond=None)[0]
    curvature = np.array([[2 * d, e], [e, 2 * f]])
    if not (np.linalg.eigvalsh(curvature) < 0).all():
        return np.zeros(2)
    return np.asarray(np.linalg.solve(curvature, [-b, -c]).clip(-PEAK, PEAK))
