"""When molecules light up: every photophysics draws events with ``.emit(moving, field, acquisition, rng)``."""

from smlmsim.photophysics.poisson import Poisson

Photophysics = Poisson

__all__ = ["Photophysics", "Poisson"]
