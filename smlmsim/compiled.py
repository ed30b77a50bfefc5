"""The one decorator that compiles a kernel, with a cache on disk that many processes can share.

numba numbers the files in a function's cache. Two processes that compile it for different arguments at the same
moment take the same number, and the index of one can end up naming the code of the other: a third process then
computes wrong numbers. Here each file is named after a hash of the source, the signature and the processor it is
compiled for, and is written before the index that names it. A name then always refers to the same code, in whatever
order files are read and written. No lock is needed. At worst the index loses an entry, which is compiled once more.

numba checks only the file of a function for changes, although the code of the kernels that the function calls is
compiled into it. Here cached code is also discarded once a file has changed from which the module of the function
imports kernels by name, directly or through other modules.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

Returned = TypeVar("Returned")

log = logging.getLogger(__name__)


def njit(**options: Any) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Compile a function at its first call; it runs without the GIL, and other processes reuse the cached code.

    Plug-ins may use it for their own kernels.

    Parameters
    ----------
    **options
        Any option of :func:`numba.njit` except ``cache`` and ``nogil``.
    """

    def compiled(function: Callable[..., Returned]) -> Callable[..., Returned]:
        dispatcher = numba.njit(nogil=True, **options)(function)
        try:
            dispatcher._cache = SharedCache(function)
        except RuntimeError as error:
            log.info("%s; every process compiles it again: set NUMBA_CACHE_DIR to a folder", error)
        kernel: Callable[..., Returned] = dispatcher
        return kernel

    return compiled


class SharedCache(FunctionCache):
    """The cache of one function, with a separate file for each signature."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.files = _files(function)
        self._cache_file = OverloadFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=[(file.name, file.stat().st_mtime, file.stat().st_size) for file in self.files],
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Read the code for a signature; damaged code, for example after a power cut, is compiled again."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # what is read may be anything
            log.info("the cached code of %s cannot be read and is compiled again: %r", self._name, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the code for a signature to the cache; if that fails, the next process compiles it again."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            log.info("the compiled code of %s cannot be cached: %s", self._name, error)


def _files(function: Callable[..., Any]) -> list[Path]:
    """The file of a function and the files of all kernels that its module imports, directly or indirectly."""
    files = {Path(function.__code__.co_filename)}
    for known in function.__globals__.values():
        cache = getattr(known, "_cache", None) if isinstance(known, Dispatcher) else None
        if isinstance(cache, SharedCache):
            files.update(cache.files)
    return sorted(files)


class OverloadFiles(IndexDataCacheFile):
    """The index of a function's cache, and a file for each signature, named after a hash of its source and key."""

    def save(self, key: Any, data: Any) -> None:
        """Write the code for a key, which names the signature, the processor and the function's own code."""
        what = self._dump((self._version, self._source_stamp, key))
        name = f"{self._index_name.removesuffix('.nbi')}.{hashlib.sha256(what).hexdigest()[:16]}.nbc"
        self._save_data(name, data)
        self._save_index({**self._known(), key: name})

    def _known(self) -> dict[Any, str]:
        """The entries of the index; a damaged index is treated as empty."""
        try:
            return dict(self._load_index())
        except Exception:  # what is read may be anything
            return {}
