"""Which versions made a result, and on what kind of processor."""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROCESSOR = "processor"

log = logging.getLogger(__name__)


@functools.cache
def provenance() -> dict[str, str]:
    """Return the versions of smlmsim, Python and the numerical libraries, the commit if known, and the processor."""
    names = ("smlmsim", "numpy", "numba", "scipy", "torch", "xarray")
    versions = {f"{name}_version": importlib.metadata.version(name) for name in names}
    return {
        **versions,
        "python_version": platform.python_version(),
        "smlmsim_commit": _commit(),
        PROCESSOR: processor(),
    }


def versions() -> dict[str, str]:
    """Return the versions that two results must share to be equal on one kind of processor."""
    return {name: version for name, version in provenance().items() if name.endswith("_version")}


def processor() -> str:
    """Return the kind of processor that kernels are compiled for, such as ``znver4``."""
    from llvmlite import binding

    return os.environ.get("NUMBA_CPU_NAME") or str(binding.get_host_cpu_name())


def other_version(found: Mapping[str, Any]) -> str:
    """Name the first version in the provenance of a result that differs from this one; "" if none does."""
    for name, version in versions().items():
        if found.get(name) != version:
            return f"was made with {name} {found.get(name)}, this is {version}; continue with that version"
    return ""


def also_here(found: Mapping[str, Any], what: str) -> str:
    """Name the kinds of processor that contribute to a resumed result, and warn when this one is new.

    Parameters
    ----------
    found : mapping
        Provenance of the result so far.
    what : str
        Name of the result in the warning.
    """
    here = provenance().get(PROCESSOR, "")
    there = str(found.get(PROCESSOR, here))
    if here in there.split(", "):
        return there
    log.warning(
        "%s was made on a processor of the kind %s, this is %s: positions and truth of the movies made here differ "
        "by about 1e-8 from those made there, counts and frames do not differ",
        what, there, here,
    )  # fmt: skip
    return f"{there}, {here}"


def _commit() -> str:
    """The commit of the checkout that smlmsim is imported from, with ``-dirty`` for local edits; "" if not in one."""
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
