"""The examination of a table: everything that is measured, reconstructed and compared for the trust report."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

import smlmsim
from smlmsim import channels
from smlmsim.estimate.drift import drift
from smlmsim.estimate.location import Box
from smlmsim.estimate.occupied import occupied_share
from smlmsim.estimate.plausibility import implausible
from smlmsim.estimate.summary import Summary, summarise
from smlmsim.experimental import Experimental
from smlmsim.field import FieldOfView
from smlmsim.progress import bar
from smlmsim.reconstruct import load
from smlmsim.trust.against import against
from smlmsim.trust.choice import Given, choose
from smlmsim.trust.expect import without_windows
from smlmsim.trust.findings import Findings, Shown, Table
from smlmsim.trust.place import place_on_map, velocities
from smlmsim.trust.split import seen_again, split
from smlmsim.trust.spread import reconstructed

STEPS = 6


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
        field = study.covered(table)
        study = study.replace({"field": field})
        exposure_s = smlmsim.io.exposure_s(table, study.table.name)
        moved = velocities(
            table, field, exposure_s, widefield=widefield, sigma_nm=given.sigma_nm,
            stated_nm_per_s=given.velocity_nm_per_s,
        )  # fmt: skip
        place, box = place_on_map(table, field, scores, exposure_s, moved, metric)
        progress.update()
        chosen = choose(study, table, scores, box, given, metric)
        observation = chosen.observation
        progress.update()
        estimate, variation, uncertainty = reconstructed(chosen.name, observation, given)
        progress.update()
        seen = seen_again(table)
        halves = split(chosen.name, observation, given, seen, chosen.study)
        progress.update()
        judged = (
            None if widefield is None else against(estimate, observation, widefield, sigma_nm=given.sigma_nm)
        )
        progress.update()
        summary = summarise([table])
        findings = Findings(
            table=_table(table, summary, study, field, exposure_s, given.structure),
            shown=_shown(chosen.study, observation), place=place, expected=tuple(chosen.ranked), chosen=chosen.name,
            asked=given.name is not None, trained=hasattr(load(chosen.name), "domain"), domain=chosen.outside,
            halves=halves.found, widefield=judged.found if judged else None, drift=drift(table), repeats=seen,
            variation=variation, occupied=occupied_share(table, field),
            doubts=tuple(implausible(summary, exposure_s=exposure_s)),
        )  # fmt: skip
        progress.update()
    images = {"localizations": observation.counts, chosen.name: estimate}
    if uncertainty is not None:
        images["uncertainty"] = uncertainty
    if halves.agreement is not None:
        images["where halves disagree"] = halves.agreement.disagreement
    return Examination(
        findings, images, halves.movies, halves.agreement, box, without_windows(scores, metric),
        judged.images if judged else None, judged.error if judged else None,
    )  # fmt: skip


def _table(
    table: xr.Dataset,
    summary: Summary,
    study: Experimental,
    field: FieldOfView,
    exposure_s: float,
    structure: str | None,
) -> Table:
    return Table(
        study.table.name, summary.localizations, summary.frames, exposure_s, "exposure_s" in table.attrs,
        field.height_nm, field.width_nm, summary.precision_nm(0.5), summary.photons(0.5),
        structure or str(table.attrs.get("structure", "")), study.selection.link_nm,
    )  # fmt: skip


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
