"""What is there: every structure builds its vertices with ``.build(field, rng)``."""

from smlmsim.structures.measured import Measured
from smlmsim.structures.microtubules import Microtubules
from smlmsim.structures.periodic import periodic

Structure = Microtubules

__all__ = ["Measured", "Microtubules", "Structure", "periodic"]
