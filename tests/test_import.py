"""Importing smlmsim is light, and its public names are all there."""

import subprocess
import sys

import smlmsim


def test_importing_loads_no_heavy_library():
    script = "import smlmsim, sys; print(*sorted({'torch', 'numba', 'seaborn', 'xarray', 'pandas'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_every_public_name_resolves():
    for name in smlmsim.__all__:
        assert getattr(smlmsim, name) is not None


def test_a_grid_is_run_without_scipy_stats():
    """A worker spends a tenth of its start on that."""
    script = "import sys; from smlmsim import compare, report; from smlmsim.grid import run_grid; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "smlmsim.metrics.fwhm" in found.stdout.split()
    assert "scipy.stats" not in found.stdout.split()
