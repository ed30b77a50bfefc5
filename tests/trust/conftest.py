"""Findings of an ordinary table, of which tests change single numbers."""

import pytest

from smlmsim.estimate.drift import Drift
from smlmsim.estimate.repeats import Repeats
from smlmsim.estimate.widefield_velocity import FilamentVelocity
from smlmsim.trust.findings import Expected, Findings, Halves, Place, Shown, Table, Velocities, Widefield

FINDINGS = Findings(
    table=Table("cell.csv", 12_345, 2_000, 0.03, True, 2560.0, 2560.0, 14.2, 812.0, "microtubules", None),
    shown=Shown(40, 0.0, 60.0, 20.0, 1.5, 12_345),
    place=Place(
        205.75, 1.9, (150.0, 260.0),
        Velocities(seen=FilamentVelocity(61.0, 4.0, 1.5, 9.0, 800, 0.8), untold="too few", has_images=True),
        (30.0, 1600.0), (0.0, 220.0),
        1.5, 20.0, 5, "MS-SSIM",
    ),
    expected=(
        Expected("annapalm3d", 0.8123, 0.0312, 0.751, 0.853, 97.3),
        Expected("dblink", 0.8055, 0.0201, 0.702, 0.841, 88.0),
        Expected("gaussian_time", 0.7134, 0.0333, 0.654, 0.781, 61.2),
    ),
    chosen="annapalm3d", asked=False, trained=True, domain=(),
    halves=Halves(0.834, 0.751, 20.3, 88.4, 10_000.0, (61.0, 143.0), (70.0, 10_000.0), "localization"),
    widefield=Widefield(0.91, 12.0, 131.2, 18.0, 7.0, pixel_nm=100.0), drift=Drift(12.0, 6.0),
    repeats=Repeats(0.01, 0.01, 42.0), variation=0.162, occupied=0.61,
)  # fmt: skip


@pytest.fixture
def findings():
    return FINDINGS
