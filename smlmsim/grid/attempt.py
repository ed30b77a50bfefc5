"""What became of a reconstructor on a movie: its estimate, the time it took, or why there is none."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import xarray as xr

from smlmsim import reconstruct


class Attempt(NamedTuple):
    """An estimate, None if it failed for a ``reason``; the seconds it took; how many parameters it says it has."""

    estimate: xr.Dataset | None
    seconds: float = np.nan
    parameters: int = 0
    reason: str = ""


def attempt(name: str, observation: xr.Dataset) -> Attempt:
    """Let a reconstructor estimate a movie, and take the time; whatever it raises becomes the reason."""
    try:
        reconstructor = reconstruct.load(name)
        start = time.perf_counter()
        estimate = reconstruct.reconstruct(reconstructor, observation)
        seconds = time.perf_counter() - start
        parameters = getattr(reconstructor, "parameters", 0)
        return Attempt(estimate, seconds, parameters if isinstance(parameters, int) else 0)
    except Exception as error:
        return Attempt(None, reason=reason_of(error))


def reason_of(error: Exception) -> str:
    """An error in words."""
    return f"{type(error).__name__}: {error}"
