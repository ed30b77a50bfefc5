"""The one decorator that compiles a kernel, with a cache on disk that many processes can share.

numba numbers the files of a function's cache. Two processes that compile it for other arguments at the same
moment take the same number, and the index of one can end up naming the code of the other: a third process then
computes wrong numbers. Here a file is named after what it holds and written before the index that names it, so
whatever the order of reading and writing, a name stands for one code. There is no lock to wait for or to be
left behind. At worst the index forgets a code, which is then compiled once more.

numba looks for changes in the file of a function only, but the code of the kernels that it calls becomes part of its
own. So here a code is also forgotten once another file has changed from which the module of the function imports
kernels by name, or from which the module there does, and so on.
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
    """Compile a function at its first call, without the GIL; other processes find the code in the cache.

    Plug-ins with kernels of their own may use it like any of ours.

    Parameters
    ----------
    **options
        Of :func:`numba.njit`, all but ``cache`` and ``nogil``.
    """

    def compiled(function: Callable[..., Returned]) -> Callable[..., Returned]:
        dispatcher = numba.njit(nogil=True, **options)(function)
        try:
            dispatcher._cache = SharedCache(function)
        except RuntimeError as error:
            log.info("%s; it is compiled anew by every process: set NUMBA_CACHE_DIR to a folder", error)
        kernel: Callable[..., Returned] = dispatcher
        return kernel

    return compiled


class SharedCache(FunctionCache):
    """The cache of one function, in files that no two signatures share."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.files = _files(function)
        self._cache_file = OverloadFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=[(file.name, file.stat().st_mtime, file.stat().st_size) for file in self.files],
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Read the code for a signature; what is damaged, as by a power cut, is compiled again."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # what is read may be anything
            log.info("the compiled %s cannot be read and is made again: %r", self._name, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature; what cannot be written is compiled again by the next process."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            log.info("the compiled %s is not kept: %s", self._name, error)


def _files(function: Callable[..., Any]) -> list[Path]:
    """The file of a function, and those of the kernels that its module has imported so far and of what these call."""
    files = {Path(function.__code__.co_filename)}
    for known in function.__globals__.values():
        cache = getattr(known, "_cache", None) if isinstance(known, Dispatcher) else None
        if isinstance(cache, SharedCache):
            files.update(cache.files)
    return sorted(files)


class OverloadFiles(IndexDataCacheFile):
    """The index of a function's cache, and a file for each of its signatures, named after what it holds."""

    def save(self, key: Any, data: Any) -> None:
        """Keep the code for a key, which names the signature, the processor and the function's own code."""
        what = self._dump((self._version, self._source_stamp, key))
        name = f"{self._index_name.removesuffix('.nbi')}.{hashlib.sha256(what).hexdigest()[:16]}.nbc"
        self._save_data(name, data)
        self._save_index({**self._known(), key: name})

    def _known(self) -> dict[Any, str]:
        """The index so far; a damaged one is begun anew."""
        try:
            return dict(self._load_index())
        except Exception:  # what is read may be anything
            return {}
