"""From events to localizations: every kind finds them with ``.localize(events, field, acquisition, rng)``."""

from typing import Annotated

from smlmsim.localization.spot import Spot
from smlmsim.localization.statistical import Statistical
from smlmsim.spec import kind_or

# A second kind makes this a union, with pydantic.Field(discriminator="kind"), which needs two of them at least.
Localization = Annotated[Statistical, kind_or("statistical")]

__all__ = ["Localization", "Spot", "Statistical"]
