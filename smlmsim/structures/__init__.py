"""Structures: every one builds its filaments around a field of view with ``.build(field, rng)``."""

from typing import Annotated

import pydantic

from smlmsim.spec import kind_or
from smlmsim.structures.actin import ActinBundles
from smlmsim.structures.clathrin import Clathrin
from smlmsim.structures.measured import Measured
from smlmsim.structures.microtubules import Microtubules
from smlmsim.structures.mitochondria import Mitochondria
from smlmsim.structures.nuclear_pores import NuclearPores
from smlmsim.structures.periodic import periodic

Structure = Annotated[
    Microtubules | ActinBundles | NuclearPores | Mitochondria | Clathrin,
    pydantic.Field(discriminator="kind"),
    kind_or("microtubules"),
]

__all__ = [
    "ActinBundles",
    "Clathrin",
    "Measured",
    "Microtubules",
    "Mitochondria",
    "NuclearPores",
    "Structure",
    "periodic",
]
