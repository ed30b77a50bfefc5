"""Metrics of how close an estimate is to the truth, and the function that computes them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr

from smlmsim import channels, schema
from smlmsim._settings import suggestion
from smlmsim.metrics.against_widefield import score_against_widefield
from smlmsim.metrics.agreement import agreement, colocalization
from smlmsim.metrics.decorrelation import DECORRELATION_NM
from smlmsim.metrics.displacement import displacement_nm
from smlmsim.metrics.fidelity import FIDELITY, HALLUCINATION
from smlmsim.metrics.frc import FRC_NM
from smlmsim.metrics.fwhm import FWHM_ERROR_NM
from smlmsim.metrics.iou import IOU_ADAPTIVE, IOU_OTSU
from smlmsim.metrics.localizations import score_localizations
from smlmsim.metrics.manders import MANDERS_ESTIMATE, MANDERS_TRUTH
from smlmsim.metrics.metric import Metric, Movie, UnmeasurableError
from smlmsim.metrics.ms_ssim import MS_SSIM
from smlmsim.metrics.ms_ssim_flux import MS_SSIM_FLUX
from smlmsim.metrics.normalisation import normalise
from smlmsim.metrics.nrmse import NRMSE
from smlmsim.metrics.pearson import PEARSON
from smlmsim.metrics.psnr import PSNR
from smlmsim.metrics.resolution_scaled import RESOLUTION_SCALED_ERROR, RESOLUTION_SCALED_PEARSON
from smlmsim.metrics.scale import described, three_crests
from smlmsim.metrics.skeleton import SKELETON_F1, SKELETON_PRECISION, SKELETON_RECALL
from smlmsim.metrics.ssim import SSIM
from smlmsim.metrics.temporal_jitter import TEMPORAL_JITTER

__all__ = [
    "METRICS",
    "STANDARD",
    "Metric",
    "MetricNames",
    "agreement",
    "colocalization",
    "described",
    "displacement_nm",
    "normalise",
    "score",
    "score_against_widefield",
    "score_localizations",
    "three_crests",
]

log = logging.getLogger(__name__)

_STANDARD = (MS_SSIM, MS_SSIM_FLUX, SSIM, PSNR, NRMSE, PEARSON)
_ON_REQUEST = (
    IOU_OTSU,
    IOU_ADAPTIVE,
    MANDERS_TRUTH,
    MANDERS_ESTIMATE,
    FIDELITY,
    HALLUCINATION,
    SKELETON_PRECISION,
    SKELETON_RECALL,
    SKELETON_F1,
    FRC_NM,
    DECORRELATION_NM,
    FWHM_ERROR_NM,
    RESOLUTION_SCALED_PEARSON,
    RESOLUTION_SCALED_ERROR,
    TEMPORAL_JITTER,
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_STANDARD, *_ON_REQUEST)}
STANDARD: tuple[str, ...] = tuple(metric.name for metric in _STANDARD)
"""Metrics computed by default."""
SUSPICIOUS = 20.0
"""Largest plausible truth, in units of three crests: more than crossing bundles of many filaments reach."""


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        _metric(name)
    return names


MetricNames = Annotated[tuple[str, ...], pydantic.AfterValidator(_known), pydantic.Field(min_length=1)]
"""Names in ``METRICS``, validated as a setting."""


def score(estimate: xr.Dataset, truth: xr.Dataset, metrics: Sequence[str] | None = None) -> xr.Dataset:
    """Score an estimate of a movie against its truth.

    Parameters
    ----------
    estimate, truth : Dataset
        With ``density`` (time, y, x) on the same coordinates, or (channel, time, y, x): each channel is then scored by
        itself. Both are normalised once, by ``normalise``: the truth is
        divided by three crests of a single straight filament if its attribute ``study`` tells how one is drawn, or
        else by the 99.9th percentile of its non-zero pixels.
    metrics : sequence of str, optional
        Names in ``METRICS``; by default those of ``STANDARD``.

    Returns
    -------
    Dataset
        One float64 scalar for each metric, or one number for each ``channel``. Their mean over channels weights every
        channel alike, whatever its localizations; a channel in which a metric is not measurable is NaN, and xarray's
        ``mean`` leaves it out unless ``skipna=False``. Its attributes are ``long_name``, ``units``, ``better``,
        ``valid_range``, ``doi`` and, as JSON, the ``settings`` used for this movie, including the normalisation. If
        the truth does not contain what a metric measures, it is NaN, and the attribute ``reason`` says why.

    Raises
    ------
    ValueError
        If a metric is unknown, if the two movies have different coordinates, if the truth is zero everywhere, or if
        the images are too small for a metric.
    """
    chosen = [_metric(name) for name in (STANDARD if metrics is None else metrics)]
    _check_same_grid(estimate, truth)
    truths = channels.split(truth[["density"]])
    pairs = {name: (part, truths[name]) for name, part in channels.split(estimate[["density"]]).items()}
    return channels.joined({name: _scores(chosen, *pair) for name, pair in pairs.items()})


def _scores(chosen: Sequence[Metric], estimate: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """The scores of a movie of one channel."""
    scale = _scale(truth)
    movies = normalise(truth["density"].values, estimate["density"].values, scale)
    pixel_nm = _pixel_nm(truth)
    return xr.Dataset(
        {metric.name: _scored(metric, *movies, pixel_nm, described(scale)) for metric in chosen}
    )


def _scale(truth: xr.Dataset) -> float | None:
    """Three crests of a single filament in the study of a truth, or None; logs which, and suspicious values."""
    scale = three_crests(truth.attrs.get("study"))
    if scale is None:
        log.info("the attributes of the truth hold no study of contours: %s", described(scale))
    elif (peak := float(truth["density"].max()) / scale) > SUSPICIOUS:
        log.warning(
            "the truth reaches %.3g times three crests of a filament of its study; "
            "drop its attribute study if it is not the density in nm-1 that this study draws",
            peak,
        )
    return scale


def _metric(name: str) -> Metric:
    if name not in METRICS:
        raise ValueError(f"no metric {name!r}; {suggestion(name, METRICS)}")
    return METRICS[name]


def _scored(
    metric: Metric, truth: Movie, estimate: Movie, pixel_nm: float, normalisation: str
) -> xr.Variable:
    attrs = metric.attrs(truth.shape, normalisation)
    try:
        return xr.Variable((), metric(truth, estimate, pixel_nm=pixel_nm), attrs)
    except UnmeasurableError as error:
        return xr.Variable((), np.nan, {**attrs, "reason": str(error)})


def _pixel_nm(movie: xr.Dataset) -> float:
    """The edge length of a pixel in nm, which is unknown (and not used) for a movie one pixel wide."""
    x = movie["x"].values
    return float(x[-1] - x[0]) / (x.size - 1) if x.size > 1 else 1.0


def _check_same_grid(estimate: xr.Dataset, truth: xr.Dataset) -> None:
    for role, movie in (("estimate", estimate), ("truth", truth)):
        try:
            schema.check(movie, "density", "time", "y", "x")
        except schema.SchemaError as error:
            raise schema.SchemaError(f"the {role}: {error}") from None
    wanted, found = dict(truth["density"].sizes), dict(estimate["density"].sizes)
    if wanted != found or not 3 <= len(wanted) <= 4:
        raise schema.SchemaError(
            "expected two movies (time, y, x) or (channel, time, y, x) of one shape; "
            f"the truth has {wanted}, the estimate {found}"
        )
    named = [list(channels.split(movie["density"])) for movie in (truth, estimate)]
    if named[0] != named[1]:
        raise schema.SchemaError(f"the truth has the channels {named[0]}, the estimate {named[1]}")
    for name in ("time", "y", "x"):
        true, own, unit = truth[name].values, estimate[name].values, schema.VOCABULARY[name].units
        if not np.allclose(own, true, rtol=1e-6, atol=1e-6):
            raise schema.SchemaError(
                f"{name} of the truth runs from {true[0]:g} to {true[-1]:g} {unit}, "
                f"of the estimate from {own[0]:g} to {own[-1]:g} {unit}"
            )
