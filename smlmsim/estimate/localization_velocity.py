"""The velocity of filaments, told from localizations alone."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.covered import field_of_view
from smlmsim.estimate.displacement import BLOCKS, Correlations, correlations, displacement, shows_structure
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.field import FieldOfView

_log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Image = Callable[[int], Floats]

PIXEL_NM = 40.0
"""Size of the pixels in which localizations are counted, about their precision."""
PARTS = 6
"""Number of time bins in a lag."""
RESTING = (2, 4)
"""Lags in bins that stand for no motion: the first of them within which molecules are not localized repeatedly."""
REPEAT_NM = 120.0
"""Distance within which a molecule is localized again."""
FAR_NM = 225.0
"""Distance over which filaments lose much of their correlation, and larger structure little."""
MOST_REPEATS, SIGNIFICANT = 1.25, 3.0
"""Pairs within that distance over those up to twice it, for which there are no repeats: for a line it is 1."""
SYSTEMATIC = 0.08
"""Relative standard deviation of the error that does not shrink with more localizations, found in simulations."""
FLOOR_NM = 4.0
"""Standard error of a displacement of 0."""
LEAST_PRECISE = 0.3
"""Largest relative error of a velocity that is worth telling, unless the velocity is low."""
LOW_NM = 30.0
"""Displacement below which its error may be as large."""
FARTHEST_NM = 650.0
"""Largest root mean square displacement that is told; farther, filaments are lost among others."""
BIASES = {110.0: (-0.13, 0.05), 30.0: (-0.16, 0.16)}
"""Lowest and highest mean error of the movies below, relative to the velocity, from some rates on, in Hz."""
LEAST_FIELD_NM = 1000.0
"""Smallest side of a field in which displacements are told."""


def localization_velocity(
    localizations: xr.Dataset,
    *,
    lag_s: float = 1.5,
    exposure_s: float | None = None,
    field: FieldOfView | None = None,
) -> FilamentVelocity:
    """Measure the velocity of filaments from the localizations alone.

    Localizations a lag apart in time are correlated in space, and compared with those that follow each other closely:
    see :mod:`smlmsim.estimate.displacement`. No image is reconstructed and no filament is followed, so filaments may
    cross and move independently. The motion within the close ones, a third of the lag apart, is corrected for, as if
    filaments moved steadily. If molecules are localized repeatedly within that time, close ones are two thirds apart.

    The table compares the velocity with that of the contours in the field, in simulated movies of 5.12 um and 90 s
    with four or five seeds each, which were not used to develop this function. Rates are per 2.56 x 2.56 um:

    =========== ======== ======= ========= ======== ===== ============ =================
    motion      set nm/s rate Hz true mean measured  bias stated error within two errors
    =========== ======== ======= ========= ======== ===== ============ =================
    polymer           20      30      20.2     22.9 +14 %          6.8            4 of 5
    polymer           20     110      20.2     20.5  +2 %          3.5            5 of 5
    polymer           20     380      20.2     20.8  +3 %          3.3            5 of 5
    polymer           50      30      49.4     52.4  +6 %          8.8            5 of 5
    polymer           50     110      49.4     51.2  +4 %          5.5            5 of 5
    polymer           50     380      49.4     50.2  +2 %          5.2            5 of 5
    polymer          100      30      97.7    103.3  +6 %         15.6            4 of 4
    polymer          100     110      96.8     98.1  +1 %          9.5            5 of 5
    polymer          100     380      96.8     98.1  +1 %          8.9            5 of 5
    polymer          150      30     148.3    151.2  +2 %         33.3            5 of 5
    polymer          150     110     148.3    149.7  +1 %         14.4            5 of 5
    polymer          150     380     148.3    147.8  -0 %         13.6            5 of 5
    deformation       20      30      19.9     16.8 -16 %          8.3            5 of 5
    deformation       20     110      19.9     17.3 -13 %          4.3            5 of 5
    deformation       20     380      19.9     17.3 -13 %          3.8            5 of 5
    deformation       50      30      50.1     47.5  -5 %          9.2            5 of 5
    deformation       50     110      50.1     49.1  -2 %          6.0            5 of 5
    deformation       50     380      50.1     48.7  -3 %          5.8            5 of 5
    deformation      100      30     100.0    101.3  +1 %         16.2            4 of 4
    deformation      100     110     100.0    101.3  +1 %         10.6            4 of 4
    deformation      100     380     100.0    101.6  +2 %         10.8            4 of 4
    deformation      150      30     149.8    164.5 +10 %         20.1            4 of 4
    deformation      150     110     149.8    157.2  +5 %         17.4            4 of 4
    deformation      150     380     149.8    155.0  +3 %         17.1            4 of 4
    =========== ======== ======= ========= ======== ===== ============ =================

    With five more seeds of each, 701 to 705, the bias was -8 to +16 % at 30 Hz and -12 to +5 % from 110 Hz on; 3 of 120
    velocities were refused, all at 30 Hz, and the others were within two errors.

    The deformation of 20 nm/s is told too low, as displacements below the resolution do not tell how unequal they are.
    At 30 Hz, single movies of slow polymers are told up to 50 % too high, and one of 100 nm/s was refused. Many
    molecules that are localized again after more than a second are taken for structure at rest or for dots.

    Parameters
    ----------
    localizations : xr.Dataset
        ``loc_frame``, ``loc_y``, ``loc_x``.
    lag_s : float
        Lag in s, at least six camera frames.
    exposure_s : float, optional
        Duration of a camera frame; by default the attribute ``exposure_s`` of the table.
    field : FieldOfView, optional
        Field in which localizations count; by default the one that all of them cover.

    Raises
    ------
    ValueError
        If the exposure is unknown, if the recording is short, the field small or the localizations few, if molecules
        are localized repeatedly over most of the lag, or if filaments move too far in it.
    """
    exposure_s = localizations.attrs.get("exposure_s") if exposure_s is None else exposure_s
    if exposure_s is None or not 0 < exposure_s < math.inf:
        raise ValueError(
            f"exposure_s, the duration of a camera frame, must be positive, found {exposure_s!r}"
        )
    schema.check(localizations, "loc_frame", "loc_y", "loc_x")
    field = field or field_of_view(localizations)
    if min(field.height_nm, field.width_nm) < LEAST_FIELD_NM:
        raise ValueError(
            f"the localizations cover {field.height_nm:.0f} x {field.width_nm:.0f} nm; a velocity needs "
            f"{LEAST_FIELD_NM:g} nm along either axis"
        )
    frames = round(lag_s / exposure_s / PARTS)
    begin, end = recorded_frames(localizations)
    bins = (end - begin) // max(frames, 1)
    if frames < 1 or bins < PARTS + BLOCKS:
        raise ValueError(
            f"{end - begin} camera frames of {exposure_s:g} s do not tell a velocity over {lag_s:g} s; the lag must "
            f"have {PARTS} frames or more, and the recording {(PARTS + BLOCKS) / PARTS * lag_s:.3g} s"
        )
    image, numbers = _counted(localizations, field, begin + frames * np.arange(bins + 1))
    found, resting = _without_repeats(image, numbers, lag_s)
    moved = displacement(found)
    lag_s = PARTS * frames * exposure_s
    steady = 1 / math.sqrt(1 - (resting / PARTS) ** 2)
    mean_nm, error_nm = steady * moved.mean_nm, steady * moved.error_nm
    if steady * moved.rms_nm > FARTHEST_NM or error_nm > max(LEAST_PRECISE * mean_nm, LOW_NM):
        raise ValueError(
            f"over {lag_s:g} s the {int(numbers.sum())} localizations do not tell a velocity: filaments move too far, "
            f"or they are too few; found {mean_nm / lag_s:.3g} ± {error_nm / lag_s:.2g} nm/s"
        )
    error_nm = math.hypot(error_nm, SYSTEMATIC * mean_nm, FLOOR_NM)
    return FilamentVelocity(mean_nm / lag_s, error_nm / lag_s, lag_s, shifts=int(numbers.sum()))


def biases(rate_hz: float) -> tuple[float, float]:
    """Return the lowest and the highest mean error of :func:`localization_velocity`, relative to the velocity.

    They were found in simulated movies of 20 to 150 nm/s, as its docstring says.

    Parameters
    ----------
    rate_hz : float
        Rate per 2.56 x 2.56 um, Hz. Below 30 Hz the errors may be larger.
    """
    return next((bias for least_hz, bias in BIASES.items() if rate_hz >= least_hz), BIASES[min(BIASES)])


def _counted(
    localizations: xr.Dataset, field: FieldOfView, edges: npt.NDArray[np.int64]
) -> tuple[Image, Floats]:
    """The counts (y, x) of a time bin of the field, by its number, and the number of localizations of each."""
    rows, columns = (max(int(size // PIXEL_NM), 1) for size in (field.height_nm, field.width_nm))
    y = np.floor((localizations.loc_y.values - field.origin_y_nm) / PIXEL_NM).astype(np.int64)
    x = np.floor((localizations.loc_x.values - field.origin_x_nm) / PIXEL_NM).astype(np.int64)
    frame = localizations.loc_frame.values
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns) & (frame >= edges[0]) & (frame < edges[-1])
    order = np.flatnonzero(inside)[np.argsort(frame[inside], kind="stable")]
    pixel = (y * columns + x)[order]
    starts = np.searchsorted(frame[order], edges)

    def image(number: int) -> Floats:
        counts = np.bincount(pixel[starts[number] : starts[number + 1]], minlength=rows * columns)
        return counts.reshape(rows, columns).astype(np.float64)

    return image, np.diff(starts).astype(np.float64)


def _without_repeats(image: Image, numbers: Floats, lag_s: float) -> tuple[Correlations, int]:
    """The correlations with the shortest lag that stands for no motion, and that lag in bins."""
    for resting in RESTING:
        found = correlations(image, numbers, short=resting, long=PARTS, pixel_nm=PIXEL_NM)
        if not shows_structure(found, FAR_NM):
            raise ValueError(
                f"the {int(numbers.sum())} localizations show no filaments, or are too few to tell their velocity"
            )
        if not _repeated(found, image(0).size):
            return found, resting
        _log.info("molecules are localized repeatedly over %.2g s or more", resting / PARTS * lag_s)
    raise ValueError(
        f"molecules are localized repeatedly over {RESTING[-1] / PARTS * lag_s:.2g} s or more, or the structure is dots"
        ": such localizations tell no velocity of filaments"
    )


def _repeated(found: Correlations, pixels: int) -> bool:
    """Whether there are more pairs within a small distance than a line in a field of some pixels can have."""
    shifts = PIXEL_NM * np.arange(-found.reach, found.reach + 1)
    away = np.hypot(shifts[:, None], shifts)
    pairs = found.short + pixels**-2.0  # of counts without their mean, which was subtracted
    inner = pairs[:, away <= REPEAT_NM].sum(axis=1)
    outer = pairs[:, (away > REPEAT_NM) & (away <= 2 * REPEAT_NM)].sum(axis=1)
    excess = inner - MOST_REPEATS * outer
    return bool(excess.mean() > SIGNIFICANT * excess.std(ddof=1) / math.sqrt(excess.size))
