"""From events to localizations: every kind finds them with ``.localize(events, field, acquisition, rng)``."""

from typing import Annotated

import pydantic

from smlmsim.localization.imaged import Imaged
from smlmsim.localization.spot import Spot
from smlmsim.localization.statistical import Statistical
from smlmsim.spec import kind_or

Localization = Annotated[
    Statistical | Imaged,
    pydantic.Field(discriminator="kind"), kind_or("statistical"),
]  # fmt: skip

__all__ = ["Imaged", "Localization", "Spot", "Statistical"]
