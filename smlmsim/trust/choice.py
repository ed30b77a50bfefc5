"""The choice of a reconstructor for a table, and the movie that it is given."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import xarray as xr

import smlmsim
from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.location import Box
from smlmsim.experimental import Experimental
from smlmsim.trust.expect import expected, outside, window_s
from smlmsim.trust.findings import Expected


class Given(NamedTuple):
    """What the user chose; None where the examination decides."""

    name: str | None = None
    frames_per_point: int | None = None
    structure: str | None = None
    weights: Path | None = None
    time_points: int = 40
    passes: int = 8
    sigma_nm: float = 90.0
    seed: int = 0
    velocity_nm_per_s: float | None = None


class Choice(NamedTuple):
    """A reconstructor, the study and the observation that it is given, and where that is outside its training.

    ``ranked`` holds all reconstructors of the map that are installed, the best first.
    """

    study: Experimental
    observation: xr.Dataset
    name: str
    ranked: list[Expected]
    outside: tuple[str, ...]


def choose(
    study: Experimental, table: xr.Dataset, scores: xr.Dataset, box: Box, given: Given, metric: str
) -> Choice:
    """Choose the reconstructor: the one that was asked for, or the best whose training the table fits."""
    ranked = expected(scores, box, metric)
    names = [given.name] if given.name else [one.name for one in ranked]
    if not names:
        raise ValueError("no reconstructor of the map is installed; choose one with name=gaussian_time")
    observations: dict[int, xr.Dataset] = {}
    reasons: dict[str, tuple[str, ...]] = {}
    for name in names:
        exposure_s = smlmsim.io.exposure_s(table, study.table.name)
        frames = given.frames_per_point or max(1, round(window_s(scores, box, name, metric) / exposure_s))
        cut = _cut(study, table, frames, given.time_points)
        if frames not in observations:
            observations = {frames: _observation(cut, given.structure)}
        observation = observations[frames]
        reasons[name] = outside(name, observation, given.weights)
        if given.name or not reasons[name]:
            break
    else:
        name = names[0]
    ranked = [one._replace(outside=reasons.get(one.name, ())) for one in ranked]
    return Choice(cut, observation, name, ranked, reasons[name])


def _cut(study: Experimental, table: xr.Dataset, frames: int, time_points: int) -> Experimental:
    """The study of the middle of the recording: at most a number of time points."""
    begin, end = recorded_frames(table)
    study = study.replace({"frames_per_point": frames})
    if end - begin <= frames * time_points:
        return study
    first = begin + (end - begin - frames * time_points) // 2
    called = int(table.attrs.get("first_frame", 0))
    part = {"from_frame": first + called, "to_frame": first + called + frames * time_points - 1}
    return study.replace({"selection": study.selection.replace(part)})


def _observation(study: Experimental, structure: str | None) -> xr.Dataset:
    """The movie of a study, which says what is labelled if that is known."""
    found = study.movie().observation
    if min(found.sizes["y"], found.sizes["x"]) < 2:
        raise ValueError(
            f"the localizations cover {found.sizes['y']} x {found.sizes['x']} pixels, which is no image; give a "
            f"smaller pixel, as in pixel_nm={study.pixel_nm / 4:g}"
        )
    return found.assign_attrs(structure=structure) if structure else found
