"""What was found of the latest observations, so that all who ask the same of a movie wait for it once."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import xarray as xr

MOST = 16
"""Results that are kept in a process: a few questions about each of the latest observations."""

P = ParamSpec("P")
Result = TypeVar("Result")

_results: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()
_lock = threading.Lock()
_mine = threading.local()


def remembered(function: Callable[P, Result]) -> Callable[P, Result]:
    """Keep the latest results of a function in this process; the same arguments give the same result again.

    Parameters
    ----------
    function : callable
        Of observations and hashable settings; its result is not changed by who gets it. An observation is known by its
        contents, so that one that was changed is another one.
    """

    @functools.wraps(function)
    def recalling(*args: P.args, **kwargs: P.kwargs) -> Result:
        key = function, *map(_known_by, args), *((name, _known_by(kwargs[name])) for name in sorted(kwargs))
        with _lock:
            known = _results.get(key)
        if known is not None:
            result, seconds = known
            _mine.saved_s = saved_s() + seconds
            return result  # type: ignore[no-any-return]
        start = time.perf_counter()
        found = function(*args, **kwargs)
        with _lock:
            _results[key] = found, time.perf_counter() - start
            while len(_results) > MOST:
                _results.popitem(last=False)
        return found

    return recalling


def saved_s() -> float:
    """Return the seconds that remembered results would have taken in this thread, to be added where time is taken."""
    return getattr(_mine, "saved_s", 0.0)


def forget() -> None:
    """Forget all results, as after a change of what found them."""
    with _lock:
        _results.clear()


def _known_by(argument: Any) -> Hashable:
    return digest(argument) if isinstance(argument, xr.Dataset) else argument


def digest(dataset: xr.Dataset) -> bytes:
    """Return a number for all that a dataset holds: its variables with their dims and attributes, and its own."""
    found = hashlib.sha256(repr(sorted(dataset.attrs.items())).encode())
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        values = np.ascontiguousarray(variable.values)
        told = name, variable.dims, values.dtype.str, values.shape, sorted(variable.attrs.items())
        found.update(repr(told).encode())
        found.update(
            repr(values.tolist()).encode()
            if values.dtype.hasobject
            else values.reshape(-1).view(np.uint8).data
        )
    return found.digest()
