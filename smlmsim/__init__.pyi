from . import (
    compare,
    corpus,
    estimate,
    figures,
    grid,
    io,
    localization,
    localizers,
    metrics,
    motion,
    photophysics,
    reconstruct,
    report,
    structures,
    testing,
    train,
)
from .acquisition import Acquisition
from .density import Density
from .experimental import Experimental
from .field import FieldOfView
from .frames import Imaging
from .grid import Axis, Grid, read_scores, run_grid
from .io import Reading, read, write
from .localization import Imaged, Spot, Statistical
from .metrics import METRICS, Metric, score, score_against_widefield, score_localizations
from .motion import Brownian, Deformation, Polymer, Rigid, Static, Wandering
from .photophysics import Blinking, Poisson
from .pipeline import (
    FixedPair,
    Hybrid,
    Movie,
    SemiSimulated,
    SimulatedDynamic,
    TwoColours,
    read_study,
    simulate,
)
from .reconstruct import Reconstructor, available, load
from .registration import Registration, register
from .selection import Selection
from .spec import Spec
from .structures import ActinBundles, Clathrin, Measured, Microtubules, Mitochondria, NuclearPores
from .widefield import Widefield

__version__: str

__all__ = [
    "METRICS",
    "Acquisition",
    "ActinBundles",
    "Axis",
    "Blinking",
    "Brownian",
    "Clathrin",
    "Deformation",
    "Density",
    "Experimental",
    "FieldOfView",
    "FixedPair",
    "Grid",
    "Hybrid",
    "Imaged",
    "Imaging",
    "Measured",
    "Metric",
    "Microtubules",
    "Mitochondria",
    "Movie",
    "NuclearPores",
    "Poisson",
    "Polymer",
    "Reading",
    "Reconstructor",
    "Registration",
    "Rigid",
    "Selection",
    "SemiSimulated",
    "SimulatedDynamic",
    "Spec",
    "Spot",
    "Static",
    "Statistical",
    "TwoColours",
    "Wandering",
    "Widefield",
    "available",
    "compare",
    "corpus",
    "estimate",
    "figures",
    "grid",
    "io",
    "load",
    "localization",
    "localizers",
    "metrics",
    "motion",
    "photophysics",
    "read",
    "read_scores",
    "read_study",
    "reconstruct",
    "register",
    "report",
    "run_grid",
    "score",
    "score_against_widefield",
    "score_localizations",
    "simulate",
    "structures",
    "testing",
    "train",
    "write",
]
