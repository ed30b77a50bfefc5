"""A study that takes a second, and scores that are made up."""

import numpy as np
import pytest
import xarray as xr

from smlmsim.metrics import METRICS
from smlmsim.rng import stream
from smlmsim.robustness import Robustness

SMALL = {
    "study": {
        "field": {"height_nm": 640, "width_nm": 640},
        "acquisition": {"time_points": 6, "steps_per_point": 1},
        "structure": {"kind": "microtubules", "density_per_um": 6},
    },
    "laboratories": {
        "plain": {},
        "wide": {"density.sigma_nm": 45, "localization.linkage_nm": 20},
        "large": {
            "field.pixel_nm": 32,
            "photophysics": {"kind": "blinking", "rate_hz": 300},
        },
    },
    "perturbation": {"structure.longest_nm": 2600, "structure.density_per_um": 3},
    "ranges": [{"setting": "motion.velocity_nm_per_s", "low": 0, "high": 100}],
    "network": "dblink",
    "configuration": {
        "network.hidden": 2, "network.layers": 1, "network.channels": [2], "budget.steps": 2, "budget.batch": 3,
        "budget.epoch_steps": 1, "budget.validation_crops": 2, "budget.crops.time_points": 4,
        "budget.crops.height": 16, "budget.crops.width": 16,
    },
    "one_laboratory": {"fields": 2},
    "quantity": {"fields": [1, 3], "draws": 1},
    "course": {"laboratory": "wide", "minutes": [0, 8], "cells": 2},
    "profiles": 3,
    "classic": "sparse",
    "movies": 2,
    "metrics": ["pearson", "hallucination"],
}  # fmt: skip


@pytest.fixture(scope="session")
def small():
    return Robustness.model_validate(SMALL)


@pytest.fixture
def made_up():
    """A function that makes up scores: what never seeing a laboratory, and the perturbation, change of whom."""

    def make(movies=12, unseen=0.0, alone=0.0, perturbed=0.0, perturbed_networks=0.0, noise=0.01, number=0):
        rng = stream(number, "scores")
        models, laboratories = ["M0", "M1", "M2", "M3", "all", "gaussian_time"], ["a", "b", "c"]
        coords = {
            "model": models,
            "laboratory": laboratories,
            "condition": ["control", "perturbed"],
            "seed": np.arange(movies),
        }
        structure = 0.05 * rng.standard_normal((1, 3, 1, movies))
        values = 0.7 + structure + noise * rng.standard_normal((6, 3, 2, movies))
        values[0] += alone
        values[[1, 2, 3], [0, 1, 2]] += unseen
        values[:, :, 1] += perturbed
        values[:5, :, 1] += perturbed_networks
        attrs = METRICS["ms_ssim"].attrs((8, 128, 128), "")
        about = {
            "classic": "gaussian_time", "one_laboratory": "M0", "all_laboratories": "all", "network": "annapalm2d",
            "trained_alone": "a", "fields": 7, "configuration": "[budget]\nsteps = 7\nbatch = 3",
        }  # fmt: skip
        made = xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords, about)
        return made.assign_coords(trained_without=("model", ["", "a", "b", "c", "", ""]))

    return make


@pytest.fixture
def few_many():
    """A function that makes up the scores of trainings on 1 and 60 fields: what more of them gain."""

    def make(gain=0.1, between=0.01, number=0):
        rng = stream(number, "quantity")
        coords = {"fields": [1, 60], "draw": range(3), "laboratory": ["a", "b", "c"], "seed": range(5)}
        movies, draws = 0.05 * rng.standard_normal(5), between * rng.standard_normal((2, 3, 1, 1))
        values = 0.7 + np.zeros((2, 3, 3, 5)) + movies + draws
        values[1] += gain
        attrs = METRICS["ms_ssim"].attrs((8, 128, 128), "")
        return xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords, {"quantified": "a"})

    return make


@pytest.fixture
def areas():
    """A function that makes up area fractions: the share that is left at each time, of the truth and in images."""

    def make(left=(1.0, 0.8, 0.4), shown=(1.0, 1.0, 1.0), cells=8):
        rng = stream(0, "areas")
        images = ["truth", "M0", "M2", "all", "gaussian_time"]
        values = 0.2 + 0.005 * rng.standard_normal((5, 3, cells))
        values[0] *= np.array(left)[:, None]
        values[1:] *= np.array(shown)[:, None]
        coords = {"image": images, "minute": [0.0, 5.0, 20.0], "cell": np.arange(cells)}
        return xr.Dataset({"area_fraction": (list(coords), values)}, coords, {"followed": "b"})

    return make


@pytest.fixture
def measured_profiles():
    """Widths of 30 profiles of each image in each laboratory, and Gaussian mean profiles."""
    images = ["truth", "M0", "M1", "M2", "M3", "all", "gaussian_time"]
    offset = np.arange(-250.0, 260, 10)
    wide = 70 + 10.0 * np.arange(7)[:, None] + np.zeros(3)
    widths = wide[..., None] + np.linspace(-5, 5, 31)
    widths[1, 0, :3] = np.nan
    mean = np.exp(-0.5 * (2.355 * offset / wide[..., None]) ** 2)
    return xr.Dataset(
        {
            "fwhm_nm": (("image", "laboratory", "number"), widths),
            "profile": (("image", "laboratory", "offset"), mean),
        },
        {"image": images, "laboratory": ["a", "b", "c"], "number": np.arange(31), "offset": offset},
    )
