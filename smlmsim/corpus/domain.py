"""The domain of a corpus: the conditions for which it trains a network."""

from __future__ import annotations

from smlmsim.corpus.corpus import AnyStudy, Corpus
from smlmsim.domain import REFERENCE_NM, Domain, Interval
from smlmsim.motion import Learned
from smlmsim.pipeline import Hybrid, SemiSimulated


def domain_of(corpus: Corpus, *, rate_hz: Interval | None = None) -> Domain:
    """Return the domain of a corpus, from its study, its choices and its ranges.

    Parameters
    ----------
    corpus : Corpus
        The corpus; all its movies have the same pixel size and duration of a time point.
    rate_hz : (float, float), optional
        Range of rates per 2.56 x 2.56 um if localizations are simulated again; by default that of the movies.
    """
    return Domain.joined(_of_study(corpus, study, rate_hz) for study in corpus.variants())


def _of_study(corpus: Corpus, study: AnyStudy, rate_hz: Interval | None) -> Domain:
    """Return the domain of the movies of a corpus for which the same values were chosen."""
    fields = study.field.area_um2 * 1e6 / REFERENCE_NM**2
    drawn = _interval(corpus, study, "photophysics.rate_hz")
    density = None if isinstance(study, Hybrid) else _interval(corpus, study, "structure.density_per_um")
    scenes = 2 if isinstance(study, SemiSimulated) else 1
    return Domain(
        pixel_nm=(study.field.pixel_nm,) * 2,
        point_s=(study.acquisition.point_s,) * 2,
        rate_hz=rate_hz or _times(drawn, 1 / fields),
        velocity_nm_per_s=_interval(corpus, study, "motion.velocity_nm_per_s"),
        density_per_um=_times(density, scenes),
        structures=("measured",) if isinstance(study, Hybrid) else (study.structure.kind,),
        learned_from=study.motion.learned_from if isinstance(study.motion, Learned) else None,
    )


def _interval(corpus: Corpus, study: AnyStudy, setting: str) -> Interval | None:
    """Return the range of a setting in a corpus, or the single value of its study; None if it is unknown."""
    try:
        value = study.get(setting)
    except KeyError:
        return None
    for found in corpus.ranges:
        if found.setting == setting:
            return found.ends
    return None if value is None else (float(value), float(value))


def _times(interval: Interval | None, factor: float) -> Interval | None:
    return None if interval is None else (interval[0] * factor, interval[1] * factor)
