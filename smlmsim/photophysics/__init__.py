"""Photophysics: when molecules emit. Every one draws events with ``.emit(moving, field, acquisition, rng)``."""

from typing import Annotated

import pydantic

from smlmsim.photophysics.blinking import Blinking, TooFewMoleculesError
from smlmsim.photophysics.poisson import Poisson
from smlmsim.spec import kind_or

Photophysics = Annotated[Poisson | Blinking, pydantic.Field(discriminator="kind"), kind_or("poisson")]

__all__ = ["Blinking", "Photophysics", "Poisson", "TooFewMoleculesError"]
