"""Intersection over union of the pixels that hold structure."""

from __future__ import annotations

import numpy as np

from smlmsim.metrics.masks import BLOCK_PX, OFFSET, Mask, adaptive_mask, otsu_mask
from smlmsim.metrics.metric import Metric, Movie


def iou_otsu(truth: Movie, estimate: Movie) -> float:
    """Return the intersection over union after Otsu's threshold of each movie."""
    return _iou(otsu_mask(truth), otsu_mask(estimate))


def iou_adaptive(truth: Movie, estimate: Movie) -> float:
    """Return the intersection over union after an adaptive Gaussian threshold of each movie."""
    return _iou(adaptive_mask(truth), adaptive_mask(estimate))


def _iou(truth: Mask, estimate: Mask) -> float:
    """Divide the number of pixels in both masks by that in at least one; two empty masks give 1."""
    either = np.count_nonzero(truth | estimate)
    return np.count_nonzero(truth & estimate) / either if either else 1.0


IOU_OTSU = Metric(
    name="iou_otsu",
    long_name="intersection over union, Otsu",
    function=iou_otsu,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={"threshold": "Otsu, one per movie", "averaged_over": "movie"},
    doi="10.1109/TSMC.1979.4310076",
)

IOU_ADAPTIVE = Metric(
    name="iou_adaptive",
    long_name="intersection over union, adaptive",
    function=iou_adaptive,
    units="1",
    range=(0.0, 1.0),
    better="higher",
    settings={
        "threshold": "adaptive Gaussian",
        "block_px": BLOCK_PX,
        "offset": OFFSET,
        "averaged_over": "movie",
    },
    doi="10.7717/peerj.453",
)
