"""When molecules light up: every photophysics draws events with ``.emit(moving, field, acquisition, rng)``."""

from typing import Annotated

import pydantic

from smlmsim.photophysics.blinking import Blinking
from smlmsim.photophysics.poisson import Poisson

Photophysics = Annotated[Poisson | Blinking, pydantic.Field(discriminator="kind")]

__all__ = ["Blinking", "Photophysics", "Poisson"]
