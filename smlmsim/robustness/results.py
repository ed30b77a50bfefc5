"""The results of a study of robustness, as labelled datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from smlmsim.metrics import METRICS, described, three_crests
from smlmsim.metrics.profiles import HALF_PROFILE_NM, offsets_nm, width_nm
from smlmsim.robustness.measures import TRUTH
from smlmsim.robustness.study import ALL, CONDITIONS, CONTROL, ONE, Robustness, Test

SAMPLE_NM = 10.0
"""Distance in nm of the samples of the profiles of all laboratories."""

Measured = Mapping[Test, Mapping[str, Any]]


class Results(NamedTuple):
    """The results of a study of robustness.

    Parameters
    ----------
    scores : xr.Dataset
        One variable per metric with the dims (model, laboratory, condition, seed), NaN where a laboratory has no
        perturbed movies. Models are M0, M1, ..., "all" and the classic reconstructor; the coordinate
        ``trained_without`` names the laboratory left out of the training.
    quantity : xr.Dataset, optional
        One variable per metric with the dims (fields, draw, laboratory, seed), of control movies.
    course : xr.Dataset, optional
        ``area_fraction`` (image, minute, cell). Images are those of the truth, of M0, of the model that never saw the
        laboratory, of "all" and of the classic reconstructor.
    profiles : xr.Dataset, optional
        ``fwhm_nm`` (image, laboratory, number), NaN where a profile has no width, and ``profile`` (image, laboratory,
        offset), the mean of all profiles, from 0 to 1 at its peak. Images are those of the truth, all models, and the
        classic reconstructor.
    """

    scores: xr.Dataset
    quantity: xr.Dataset | None = None
    course: xr.Dataset | None = None
    profiles: xr.Dataset | None = None


def gathered(study: Robustness, found: Measured, about: Mapping[str, Any]) -> Results:
    """Return what was measured on all test movies as labelled datasets with the attributes ``about``."""
    return Results(
        _scores(study, found).assign_attrs(about),
        _quantity(study, found).assign_attrs(about) if study.quantity else None,
        _course(study, found).assign_attrs(about) if study.course else None,
        _profiles(study, found).assign_attrs(about) if study.profiles else None,
    )


def _scores(study: Robustness, found: Measured) -> xr.Dataset:
    models = [*study.models, study.classic]
    dims = ("model", "laboratory", "condition", "seed")
    coords = {
        "model": models, "laboratory": list(study.laboratories), "condition": list(CONDITIONS),
        "seed": np.arange(study.movies),
        "trained_without": ("model", ["", *study.laboratories, "", ""]),
    }  # fmt: skip
    made = xr.Dataset(coords=coords)
    sizes = tuple(made.sizes[dim] for dim in dims)
    for metric in study.metrics:
        made[metric] = (dims, np.full(sizes, np.nan), _attrs(study, metric))
        for test, measured in found.items():
            if test.condition in CONDITIONS:
                values = [measured["scores"][model][metric] for model in models]
                made[metric].loc[test._asdict()] = values
    return made


def _quantity(study: Robustness, found: Measured) -> xr.Dataset:
    assert study.quantity
    fields, draws = study.quantity.fields, range(study.quantity.draws)
    dims = ("fields", "draw", "laboratory", "seed")
    coords = {
        "fields": list(fields), "draw": list(draws), "laboratory": list(study.laboratories),
        "seed": np.arange(study.movies),
    }  # fmt: skip
    made = xr.Dataset(coords=coords, attrs={"quantified": study.quantified})
    names = list(study.quantities)
    for metric in study.metrics:
        values = [
            [found[Test(laboratory, CONTROL, seed)]["scores"][name][metric] for name in names]
            for laboratory in study.laboratories
            for seed in range(study.movies)
        ]
        shape = (len(study.laboratories), study.movies, len(fields), len(draws))
        ordered = np.array(values, np.float64).reshape(shape).transpose(2, 3, 0, 1)
        made[metric] = (dims, ordered, _attrs(study, metric))
    return made


def _course(study: Robustness, found: Measured) -> xr.Dataset:
    assert study.course
    images = [TRUTH, ONE, study.unseen_by(study.followed), ALL, study.classic]
    tests = [test for test in study.tests if test.condition in study.course.conditions]
    values = [[found[test]["area_fraction"][image] for image in images] for test in tests]
    shape = (len(study.course.minutes), study.course.cells, len(images))
    return xr.Dataset(
        {
            "area_fraction": (
                ("image", "minute", "cell"),
                np.array(values, np.float64).reshape(shape).transpose(2, 0, 1),
                {"units": "1", "long_name": "area fraction", "valid_range": [0.0, 1.0]},
            )
        },
        {
            "image": images,
            "minute": ("minute", list(study.course.minutes), {"units": "min", "long_name": "time"}),
            "cell": np.arange(study.course.cells),
        },
        {"followed": study.followed},
    )


def _profiles(study: Robustness, found: Measured) -> xr.Dataset:
    images, laboratories = [TRUTH, *study.models, study.classic], list(study.laboratories)
    offset_nm = np.arange(-HALF_PROFILE_NM, HALF_PROFILE_NM + SAMPLE_NM, SAMPLE_NM)
    widths = np.full((len(images), len(laboratories), study.profiles), np.nan)
    means = np.full((len(images), len(laboratories), offset_nm.size), np.nan)
    for column, laboratory in enumerate(laboratories):
        own_nm = offsets_nm(study.test_study(laboratory).field.pixel_nm)
        movies = [found[Test(laboratory, CONTROL, seed)]["profiles"] for seed in range(study.movies)]
        for row, image in enumerate(images):
            profiles = [np.array(one) for movie in movies for one in movie[image]][: study.profiles]
            widths[row, column, : len(profiles)] = [width_nm(profile, own_nm) for profile in profiles]
            if profiles:
                mean = np.interp(offset_nm, own_nm, np.mean(profiles, axis=0))
                means[row, column] = mean / (mean.max() or 1.0)
    return xr.Dataset(
        {
            "fwhm_nm": (
                ("image", "laboratory", "number"),
                widths,
                {"units": "nm", "long_name": "full width at half maximum"},
            ),
            "profile": (("image", "laboratory", "offset"), means, {"units": "1", "long_name": "intensity"}),
        },
        {
            "image": images,
            "laboratory": laboratories,
            "number": np.arange(study.profiles),
            "offset": ("offset", offset_nm, {"units": "nm", "long_name": "distance from the centre line"}),
        },
    )


def _attrs(study: Robustness, metric: str) -> dict[str, Any]:
    """Return the attributes of a metric; its settings per laboratory, since they can depend on the number of pixels."""
    attrs = {}
    settings = {}
    for name in study.laboratories:
        made = study.test_study(name)
        movie = (made.acquisition.time_points, *made.field.shape)
        attrs = METRICS[metric].attrs(movie, described(three_crests(made.to_toml())))
        settings[name] = json.loads(attrs["settings"])
    return {**attrs, "settings": json.dumps(settings)}
