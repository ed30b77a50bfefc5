"""The examination of a table: everything that is measured, reconstructed and compared for the trust report."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import smlmsim
from smlmsim import channels, domain
from smlmsim.acquisition import recorded_frames
from smlmsim.estimate.drift import drift
from smlmsim.estimate.location import RATE, VELOCITY, Box, experiment_box
from smlmsim.estimate.plausibility import implausible
from smlmsim.estimate.rate import localization_rate, localization_rates
from smlmsim.estimate.repeats import Repeats, repeats
from smlmsim.estimate.summary import Summary, summarise
from smlmsim.estimate.velocity import FilamentVelocity
from smlmsim.estimate.widefield_velocity import filament_velocity
from smlmsim.experimental import Experimental
from smlmsim.half_movies import half_movies
from smlmsim.localization_density import explained_nm, precisions
from smlmsim.metrics import agreement, score_against_widefield
from smlmsim.metrics.skeleton import TOLERANCE_NM
from smlmsim.progress import bar
from smlmsim.reconstruct import load, reconstruct
from smlmsim.registration import register
from smlmsim.rng import stream
from smlmsim.trust.expect import (
    USUAL_PIXEL_NM,
    USUAL_WINDOW_S,
    axis_range,
    expected,
    outside,
    study_of,
    window_s,
    without_windows,
)
from smlmsim.trust.findings import Expected, Findings, Halves, Place, Shown, Table, Widefield

STRETCHES = 10
"""Number of parts of equal length in which the rate is measured."""
LINK_SIGMAS = 3.0
"""Distance within which a molecule is looked for again, in median precisions."""
BLINKING = 0.05
"""Share of localizations followed by another of the same molecule, from which halves are split by molecule."""
STEPS = 6
_log = logging.getLogger(__name__)


class Examination(NamedTuple):
    """The findings, and what the page draws.

    ``images`` are movies (time, y, x) by their names, ``halves`` the reconstructions of both halves and ``agreement``
    the result of :func:`smlmsim.metrics.agreement`, ``box`` and ``scores`` the place on the map, ``widefield`` the
    widefield movie and ``error`` where the reconstruction differs from it.
    """

    findings: Findings
    images: dict[str, xr.DataArray]
    halves: dict[str, xr.DataArray]
    agreement: xr.Dataset | None
    box: Box
    scores: xr.Dataset
    widefield: xr.DataArray | None
    error: xr.DataArray | None


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


def examine(
    study: Experimental,
    scores: xr.Dataset,
    given: Given = Given(),  # noqa: B008
    *,
    widefield: xr.DataArray | None = None,
    metric: str = "ms_ssim",
) -> Examination:
    """Measure, reconstruct and compare all that the trust report tells of.

    Parameters
    ----------
    study : Experimental
        The table, its field and pixels; its time points are replaced by those of the map unless ``given`` has them.
    scores : xr.Dataset
        A map of scores, as :func:`smlmsim.estimate.verdict` takes it.
    given : Given
        What was chosen.
    widefield : xr.DataArray, optional
        Widefield images (time, y, x) of the same sample, in the coordinates of the table.
    metric : str
        The score.

    Raises
    ------
    ValueError
        If the table holds no localizations with frames, or several channels; or if a choice does not fit.
    """
    with bar(STEPS, "steps") as progress:
        table = study.localizations()
        if len(known := list(channels.names(table).values())) > 1:
            raise ValueError(
                f"the report is of one channel, found {', '.join(known)}; choose one with {channels.choice(known[0])}"
            )
        study = study.replace({"field": study.covered(table)})
        summary = summarise([table])
        exposure_s = smlmsim.io.exposure_s(table, study.table.name)
        described = _table(table, summary, study, exposure_s, given.structure)
        moved = _stated(given.velocity_nm_per_s) or _velocity(widefield, given.sigma_nm)
        place, box = _place(table, study, scores, exposure_s, moved, metric)
        place = place._replace(velocity_is_stated=given.velocity_nm_per_s is not None)
        progress.update()
        study, observation, chosen, ranked, lines = _choose(study, table, scores, box, given, metric)
        progress.update()
        estimate, variation, uncertainty = _reconstructed(chosen, observation, given)
        progress.update()
        seen = _repeats(table)
        made, found, halves = _halves(chosen, observation, given, seen, study)
        progress.update()
        judged, error = _against(estimate, observation, widefield)
        progress.update()
        findings = Findings(
            table=described, shown=_shown(study, observation), place=place, expected=tuple(ranked), chosen=chosen,
            asked=given.name is not None, trained=hasattr(load(chosen), "domain"), domain=lines, halves=halves,
            widefield=judged, drift=drift(table), repeats=seen, variation=variation,
            doubts=tuple(implausible(summary, exposure_s=exposure_s)),
        )  # fmt: skip
        progress.update()
        images = {"localizations": observation.counts, chosen: estimate}
        if uncertainty is not None:
            images["uncertainty"] = uncertainty
        if found is not None:
            images["where halves disagree"] = found.disagreement
        drawn = without_windows(scores, metric)
        return Examination(findings, images, made, found, box, drawn, widefield, error)


def _table(
    table: xr.Dataset, summary: Summary, study: Experimental, exposure_s: float, structure: str | None
) -> Table:
    field = study.field
    if field is None:
        raise ValueError(f"{study.table.name} has no field")
    return Table(
        study.table.name, summary.localizations, summary.frames, exposure_s, "exposure_s" in table.attrs,
        field.height_nm, field.width_nm, summary.precision_nm(0.5), summary.photons(0.5),
        structure or str(table.attrs.get("structure", "")), study.selection.link_nm,
    )  # fmt: skip


def _stated(velocity_nm_per_s: float | None) -> tuple[FilamentVelocity, str] | None:
    """A velocity that the user states, as exact; None without one."""
    if velocity_nm_per_s is None:
        return None
    if velocity_nm_per_s < 0:
        raise ValueError(
            f"velocity_nm_per_s={velocity_nm_per_s:g} is negative; give velocity_nm_per_s=0 for fixed cells"
        )
    return FilamentVelocity(velocity_nm_per_s, 0.0, USUAL_WINDOW_S, 0.0, 0, 1.0), ""


def _velocity(widefield: xr.DataArray | None, sigma_nm: float) -> tuple[FilamentVelocity | None, str]:
    """The velocity in a widefield movie, or why it could not be measured."""
    if widefield is None:
        return None, ""
    if widefield.sizes.get("time", 1) < 2:
        return None, "a single widefield image shows no motion"
    try:
        return filament_velocity(widefield, sigma_nm=sigma_nm), ""
    except ValueError as error:
        _log.warning("the velocity cannot be measured: %s", error)
        return None, str(error)


def _place(
    table: xr.Dataset,
    study: Experimental,
    scores: xr.Dataset,
    exposure_s: float,
    moved: tuple[FilamentVelocity | None, str],
    metric: str,
) -> tuple[Place, Box]:
    begin, end = recorded_frames(table)
    rate = localization_rate(table, exposure_s=exposure_s, field=study.field)
    rates = localization_rates(
        table, stretches=min(STRETCHES, end - begin), exposure_s=exposure_s, field=study.field
    )
    box = experiment_box(rates, moved[0])
    field = study_of(scores).get("field", {})
    found = Place(
        rate.reference_hz, rate.reference_error_hz, box.rate_hz, *moved,
        axis_range(scores, RATE), axis_range(scores, VELOCITY), window_s(scores, box, None, metric),
        float(field.get("pixel_nm", USUAL_PIXEL_NM)), scores.sizes.get("seed", 1),
        str(scores[metric].attrs.get("long_name", metric)),
    )  # fmt: skip
    return found, box


def _choose(
    study: Experimental, table: xr.Dataset, scores: xr.Dataset, box: Box, given: Given, metric: str
) -> tuple[Experimental, xr.Dataset, str, list[Expected], tuple[str, ...]]:
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
    return cut, observation, name, ranked, reasons[name]


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


def _reconstructed(
    name: str, observation: xr.Dataset, given: Given
) -> tuple[xr.DataArray, float | None, xr.DataArray | None]:
    """The reconstruction, and the standard deviation if it has one, or a network with dropout can give it.

    The number between them is the mean of the standard deviation relative to that of the density.
    """
    settings = {"weights": given.weights} if given.weights else {}
    reconstructor = load(name, settings)
    with domain.gathered():  # said on the page
        several = reconstruct(reconstructor, observation)
        estimate, about = several.density, "standard deviation that the network expects"
        if "uncertainty" in several:
            return estimate, *_deviation(several, about)
        if not given.passes or not hasattr(reconstructor, "uncertainty"):
            return estimate, None, None
        try:
            several = reconstruct(load(name, {**settings, "uncertainty": given.passes}), observation)
        except ValueError as error:
            _log.info("%s gives no uncertainty: %s", name, error)
            return estimate, None, None
    if "uncertainty" not in several:
        return estimate, None, None
    return estimate, *_deviation(several, f"standard deviation of {given.passes} passes with dropout")


def _deviation(estimate: xr.Dataset, what: str) -> tuple[float | None, xr.DataArray]:
    """The standard deviation of an estimate with its variance, and its mean relative to that of the density."""
    spread = np.sqrt(estimate.uncertainty.values)
    mean = float(estimate.density.mean())
    about = {"units": estimate.density.attrs.get("units", "1"), "long_name": what}
    deviation = xr.DataArray(spread, estimate.density.coords, estimate.density.dims, "uncertainty", about)
    return float(spread.mean()) / mean if mean else None, deviation


def _repeats(table: xr.Dataset) -> Repeats:
    """How often a molecule is localized again in the next frame."""
    return repeats(table, distance_nm=LINK_SIGMAS * float(np.median(precisions(table).nm)))


def _halves(
    name: str, observation: xr.Dataset, given: Given, seen: Repeats, study: Experimental
) -> tuple[dict[str, xr.DataArray], xr.Dataset | None, Halves]:
    """Reconstruct two halves, split by molecule where molecules are seen several times, and compare them."""
    joined = study.selection.link_nm is not None
    by_molecule = not joined and seen.is_seen and seen.share > BLINKING
    by = "molecule" if joined or by_molecule else "localization"
    reconstructor = load(name, {"weights": given.weights} if given.weights else {})
    try:
        parts = half_movies(
            observation, stream(given.seed, "halves"), distance_nm=seen.distance_nm if by_molecule else None
        )
        with domain.gathered():
            one, other = (reconstruct(reconstructor, part).density for part in parts)
        found = agreement(one, other, tolerance_nm=explained_nm(observation, study.pixel_nm) or TOLERANCE_NM)
    except ValueError as error:
        return {}, None, Halves(by=by, problem=str(error))
    made = Halves(
        float(found.pearson), float(found.skeleton), float(found.attrs["tolerance_nm"]), float(found.frc_nm),
        float(found.attrs["worst_nm"]), _ends(found.frc_over_time_nm.values), _ends(found.frc_over_space_nm.values),
        by,
    )  # fmt: skip
    return {"first half": one, "second half": other}, found, made


def _ends(values: Any) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)


def _against(
    estimate: xr.DataArray, observation: xr.Dataset, widefield: xr.DataArray | None
) -> tuple[Widefield | None, xr.DataArray | None]:
    """Compare a reconstruction with widefield images, and see whether they lie on each other."""
    if widefield is None:
        return None, None
    begin_s = observation.attrs["start_frame"] * observation.attrs["exposure_s"]
    try:
        found = score_against_widefield(estimate.assign_coords(time=estimate.time + begin_s), widefield)
    except ValueError as error:
        return Widefield(problem=str(error)), None
    pixel_nm = float(widefield.x[1] - widefield.x[0])
    made = Widefield(
        float(found.rsp), float(found.rse), float(found.sigma_nm), _shift_nm(widefield, observation), pixel_nm
    )
    return made, found.error


def _shift_nm(widefield: xr.DataArray, observation: xr.Dataset) -> float | None:
    """By how far the widefield images are shifted from the localizations; None if that cannot be told."""
    image = widefield.mean("time") if "time" in widefield.dims else widefield
    try:
        found = register(image, observation.counts.sum("time"))
    except ValueError as error:
        _log.info("the widefield images cannot be registered with the localizations: %s", error)
        return None
    return math.hypot(found.shift_y_nm, found.shift_x_nm)


def _shown(study: Experimental, observation: xr.Dataset) -> Shown:
    attrs = observation.attrs
    point_s = float(attrs["exposure_s"]) * int(attrs["frames_per_point"])
    begin_s = float(attrs["start_frame"]) * float(attrs["exposure_s"])
    points = observation.sizes["time"]
    return Shown(
        points,
        begin_s,
        begin_s + points * point_s,
        study.pixel_nm,
        point_s,
        observation.sizes["localization"],
    )
