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

    def make(movies=12, unseen=0.0, perturbed=0.0, perturbed_networks=0.0, noise=0.01, number=0):
        rng = stream(number, "scores")
        models, laboratories = ["M0", "M1", "M2", "M3", "gaussian_time"], ["a", "b", "c"]
        coords = {
            "model": models,
            "laboratory": laboratories,
            "condition": ["control", "perturbed"],
            "seed": np.arange(movies),
        }
        structure = 0.05 * rng.standard_normal((1, 3, 1, movies))
        values = 0.7 + structure + noise * rng.standard_normal((5, 3, 2, movies))
        values[[1, 2, 3], [0, 1, 2]] += unseen
        values[:, :, 1] += perturbed
        values[:4, :, 1] += perturbed_networks
        attrs = METRICS["ms_ssim"].attrs((8, 128, 128), "")
        about = {
            "classic": "gaussian_time", "all_laboratories": "M0", "network": "annapalm2d",
            "configuration": "[budget]\nsteps = 7\nbatch = 3",
        }  # fmt: skip
        made = xr.Dataset({"ms_ssim": (list(coords), values, attrs)}, coords, about)
        return made.assign_coords(trained_without=("model", ["", "a", "b", "c", ""]))

    return make
