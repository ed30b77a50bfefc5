"""Which versions made a result."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@functools.cache
def provenance() -> dict[str, str]:
    """Return the versions of smlmsim, Python and the numerical libraries, and the commit where there is one."""
    names = ("smlmsim", "numpy", "numba", "scipy", "torch", "xarray")
    versions = {f"{name}_version": importlib.metadata.version(name) for name in names}
    return {**versions, "python_version": platform.python_version(), "smlmsim_commit": _commit()}


def versions() -> dict[str, str]:
    """Return what two results must have in common to be equal: all but the commit."""
    return {name: version for name, version in provenance().items() if name != "smlmsim_commit"}


def other_version(found: Mapping[str, Any]) -> str:
    """Say in which version a result differs, of which this is the provenance; "" if in none."""
    for name, version in versions().items():
        if found.get(name) != version:
            return f"was made with {name} {found.get(name)}, this is {version}; go on with that version"
    return ""


def _commit() -> str:
    """The commit of the checkout smlmsim is imported from, with ``-dirty`` for local edits; "" outside one."""
    here = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=here, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
        tracked = subprocess.run(
            ["git", "ls-files", "--error-unmatch", Path(__file__).name],
            cwd=here, capture_output=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip() if tracked.returncode == 0 else ""
