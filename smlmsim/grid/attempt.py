"""The outcome of a reconstructor on a movie: its estimate and time, or the reason for its failure."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import xarray as xr

from smlmsim import reconstruct
from smlmsim.domain import gathered
from smlmsim.remembered import saved_s


class Attempt(NamedTuple):
    """An estimate, or None and the ``reason`` of failure; the time in s; the reconstructor's number of parameters.

    ``outside`` says how the movie lies outside of what a network was trained for, in lines that are not logged.

    The time is that of the reconstructor alone: what another one found out about the same movie is included.
    """

    estimate: xr.Dataset | None
    seconds: float = np.nan
    parameters: int = 0
    reason: str = ""
    outside: tuple[str, ...] = ()


def attempt(name: str, observation: xr.Dataset) -> Attempt:
    """Run a reconstructor on a movie and measure its time; any exception becomes the reason of failure."""
    try:
        reconstructor = reconstruct.load(name)
        start = time.perf_counter() + saved_s()
        with gathered() as outside:
            estimate = reconstruct.reconstruct(reconstructor, observation)
        seconds = time.perf_counter() + saved_s() - start
        parameters = getattr(reconstructor, "parameters", 0)
        parameters = parameters if isinstance(parameters, int) else 0
        return Attempt(estimate, seconds, parameters, outside=tuple(outside))
    except Exception as error:
        return Attempt(None, reason=reason_of(error))


def reason_of(error: Exception) -> str:
    """Return the type and message of an error."""
    return f"{type(error).__name__}: {error}"
