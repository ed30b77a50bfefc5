"""The domain of a corpus: the conditions for which it trains a network."""

from __future__ import annotations

from smlmsim.corpus.corpus import Corpus
from smlmsim.domain import REFERENCE_NM, Domain, Interval
from smlmsim.pipeline import Hybrid, SemiSimulated


def domain_of(corpus: Corpus, *, rate_hz: Interval | None = None) -> Domain:
    """Return the domain of a corpus, from its study and its ranges.

    Parameters
    ----------
    corpus : Corpus
        The corpus; all its movies have the same pixel size and duration of a time point.
    rate_hz : (float, float), optional
        Range of rates per 2.56 x 2.56 um if localizations are simulated again; by default that of the movies.
    """
    study = corpus.study
    fields = study.field.area_um2 * 1e6 / REFERENCE_NM**2
    drawn = _interval(corpus, "photophysics.rate_hz")
    density = None if isinstance(study, Hybrid) else _interval(corpus, "structure.density_per_um")
    scenes = 2 if isinstance(study, SemiSimulated) else 1
    return Domain(
        pixel_nm=(study.field.pixel_nm,) * 2,
        point_s=(study.acquisition.point_s,) * 2,
        rate_hz=rate_hz or _times(drawn, 1 / fields),
        velocity_nm_per_s=_interval(corpus, "motion.velocity_nm_per_s"),
        density_per_um=_times(density, scenes),
        structures=("measured",) if isinstance(study, Hybrid) else (study.structure.kind,),
    )


def _interval(corpus: Corpus, setting: str) -> Interval | None:
    """Return the range of a setting in a corpus, or the single value of its study; None if it is unknown."""
    for found in corpus.ranges:
        if found.setting == setting:
            return found.low, found.high
    try:
        value = corpus.study.get(setting)
    except KeyError:
        return None
    return None if value is None else (float(value), float(value))


def _times(interval: Interval | None, factor: float) -> Interval | None:
    return None if interval is None else (interval[0] * factor, interval[1] * factor)
