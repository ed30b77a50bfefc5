"""How well the centre lines of an estimate follow those of the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt, label
from skimage import morphology

from smlmsim.metrics.masks import Mask, otsu_mask
from smlmsim.metrics.metric import Metric, Movie, UnmeasurableError

TOLERANCE_NM = 40.0
"""Distance in nm between skeletons that counts as agreement: two pixels of 20 nm."""
SHORTEST_NM = 200.0
"""Pieces of centre lines below this length are specks, not lines."""


class _Match(NamedTuple):
    """The share of the lines of the estimate near the truth, and that of the lines of the truth that is found."""

    precision: float
    recall: float


def skeleton_precision(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the share of the estimate's centre lines that lies within 40 nm of one of the truth.

    Centre lines are the skeleton (Zhang & Suen 1984, doi:10.1145/357994.358023) of the pixels above Otsu's
    threshold of the respective movie. Connected pieces shorter than 200 nm are removed from both: such specks have no
    direction, and single localizations on a filament would otherwise count as lines that follow it.

    Raises
    ------
    UnmeasurableError
        If the truth has no centre line, for example if it is constant.

    References
    ----------
    Heipke et al. 1997 call precision and recall correctness and completeness; Wiedemann 2003 reviews both.
    """
    return _match(truth, estimate, pixel_nm).precision


def skeleton_recall(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the share of the truth's centre lines that lies within 40 nm of one of the estimate."""
    return _match(truth, estimate, pixel_nm).recall


def skeleton_f1(truth: Movie, estimate: Movie, pixel_nm: float) -> float:
    """Return the harmonic mean of precision and recall."""
    precision, recall = _match(truth, estimate, pixel_nm)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def skeleton_agreement(one: Movie, other: Movie, pixel_nm: float, tolerance_nm: float) -> float:
    """Return the F1 of the centre lines of two movies within another tolerance; it is symmetric in the two."""
    precision, recall = _match(one, other, pixel_nm, tolerance_nm)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _match(truth: Movie, estimate: Movie, pixel_nm: float, tolerance_nm: float = TOLERANCE_NM) -> _Match:
    sums = np.zeros(4)
    for true, found in zip(_lines(truth, pixel_nm), _lines(estimate, pixel_nm), strict=True):
        sums += [
            _near(found, true, pixel_nm, tolerance_nm), found.sum(),
            _near(true, found, pixel_nm, tolerance_nm), true.sum(),
        ]  # fmt: skip
    if sums[3] == 0:
        raise UnmeasurableError(f"the truth has no centre line of {SHORTEST_NM:g} nm or more to follow")
    return _Match(*(sums[::2] / np.maximum(sums[1::2], 1)))


def _lines(movie: Movie, pixel_nm: float) -> Iterator[Mask]:
    """The centre lines of every time point, without specks."""
    return (_pruned(morphology.skeletonize(mask), pixel_nm) for mask in otsu_mask(movie))


def _pruned(lines: Mask, pixel_nm: float) -> Mask:
    """Remove connected pieces of centre lines that are too short, by their number of pixels."""
    pieces, _ = label(lines, np.ones((3, 3), int))
    long = np.bincount(pieces.ravel()) * pixel_nm >= SHORTEST_NM
    long[0] = False
    return np.asarray(long[pieces])


def _near(lines: Mask, others: Mask, pixel_nm: float, tolerance_nm: float) -> int:
    """Count the pixels of lines that are near one of the other lines."""
    if not others.any():
        return 0
    distance_nm = distance_transform_edt(~others, sampling=pixel_nm)
    return int(np.count_nonzero(distance_nm[lines] <= tolerance_nm))


_SETTINGS = {
    "threshold": "Otsu, one per movie",
    "tolerance_nm": TOLERANCE_NM,
    "shortest_nm": SHORTEST_NM,
    "averaged_over": "movie",
}

SKELETON_PRECISION = Metric(
    name="skeleton_precision",
    long_name="precision of centre lines",
    function=skeleton_precision,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings=_SETTINGS,
    doi="10.1145/357994.358023",
    takes_pixel=True,
)

SKELETON_RECALL = Metric(
    name="skeleton_recall",
    long_name="recall of centre lines",
    function=skeleton_recall,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings=_SETTINGS,
    doi="10.1145/357994.358023",
    takes_pixel=True,
)

SKELETON_F1 = Metric(
    name="skeleton_f1",
    long_name="F1 of centre lines",
    function=skeleton_f1,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings=_SETTINGS,
    doi="10.1145/357994.358023",
    takes_pixel=True,
)
