"""Motions: every one moves a structure with ``.move(structure, times_s, rng)``."""

from typing import Annotated

import pydantic

from smlmsim.motion.brownian import Brownian
from smlmsim.motion.deformation import Deformation
from smlmsim.motion.learned import Learned
from smlmsim.motion.polymer import Polymer
from smlmsim.motion.rigid import Rigid
from smlmsim.motion.static import Static
from smlmsim.motion.wandering import Wandering
from smlmsim.motion.warp import warp_movie
from smlmsim.spec import kind_or

Motion = Annotated[
    Polymer | Deformation | Rigid | Static | Brownian | Wandering | Learned,
    pydantic.Field(discriminator="kind"),
    kind_or("polymer"),
]

__all__ = [
    "Brownian",
    "Deformation",
    "Learned",
    "Motion",
    "Polymer",
    "Rigid",
    "Static",
    "Wandering",
    "warp_movie",
]
