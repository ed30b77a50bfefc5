"""What is measured on a test movie: the scores of all models, the area that is covered, and intensity profiles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import reconstruct
from smlmsim.metrics import score
from smlmsim.metrics.area import area_fraction
from smlmsim.metrics.masks import otsu_mask
from smlmsim.metrics.profiles import across, sampled
from smlmsim.pipeline import simulate
from smlmsim.rng import stream
from smlmsim.robustness.study import ALL, CONTROL, ONE, PERTURBED, Robustness, Test

WEIGHTS = "weights.safetensors"
TRUTH = "truth"
"""Stands in place of a model for what is measured on the truth."""

Floats = npt.NDArray[np.float64]


def models_of(study: Robustness, test: Test) -> tuple[str, ...]:
    """Return the models that reconstruct a test movie."""
    if test.condition == CONTROL:
        return (*study.models, *study.quantities)
    return (
        tuple(study.models) if test.condition == PERTURBED else (ONE, study.unseen_by(test.laboratory), ALL)
    )


def measure_movie(study: Robustness, folder: Path, test: Test) -> dict[str, Any]:
    """Simulate a test movie, reconstruct it by its models and the classic reconstructor, and measure.

    Returns
    -------
    dict
        ``scores``: model -> metric -> score; ``area_fraction``: model or "truth" -> mean over the time points;
        for control movies ``profiles``: model or "truth" -> intensities (profile, sample) of the middle time point.
    """
    observation, truth = simulate(study.test_study(test.laboratory, test.condition), test.seed)
    truth = cast(xr.Dataset, truth)
    reconstructors: dict[str, Any] = {
        model: reconstruct.load(study.network, {"weights": folder / model / WEIGHTS})
        for model in models_of(study, test)
    }
    reconstructors[study.classic] = reconstruct.load(study.classic)
    images, scores = {TRUTH: truth.density.values}, {}
    for name, reconstructor in reconstructors.items():
        estimate = reconstruct.reconstruct(reconstructor, observation)
        found = score(estimate, truth, metrics=study.metrics)
        scores[name] = {metric: float(found[metric]) for metric in study.metrics}
        if name not in study.quantities:
            images[name] = estimate.density.values.astype(np.float32)
    measured: dict[str, Any] = {
        "scores": scores,
        "area_fraction": {name: float(area_fraction(image).mean()) for name, image in images.items()},
    }
    if test.condition == CONTROL and study.profiles:
        places = profile_places(study, test, truth)
        middle = {name: image[len(image) // 2] for name, image in images.items()}
        measured["profiles"] = {name: sampled(image, places).tolist() for name, image in middle.items()}
    return measured


def profile_places(study: Robustness, test: Test, truth: xr.Dataset) -> Floats:
    """Choose some profiles inside the field across filaments of the middle time point, (yx, profile, sample) in px."""
    movie = truth.density.values
    middle = len(movie) // 2
    pixel_nm = study.test_study(test.laboratory).field.pixel_nm
    places = across(movie[middle], otsu_mask(movie)[middle], pixel_nm)
    limits = np.array(movie.shape[1:])[:, None, None] - 1
    inside = np.flatnonzero(((places >= 0) & (places <= limits)).all(axis=(0, 2)))
    wanted = min(inside.size, math.ceil(study.profiles / study.movies))
    rng = stream(test.seed, "profiles", test.laboratory)
    return places[:, np.sort(rng.choice(inside, size=wanted, replace=False))]
