"""Zarr stores of any origin, opened so that they can neither reach other files nor exhaust memory."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt
import zarr

from smlmsim.io.atomic import DAY_S, drafts_of
from smlmsim.io.limits import require_own_files

LARGEST_JSON = 2**24
"""Bytes of a file of metadata, 16 MiB; a larger one is none."""
MOST_CHUNK_BYTES = 2**30
"""Bytes of a chunk in memory, 1 GiB; more are damage."""
NODE = "zarr.json"


def opened(path: str | Path, mode: Literal["r", "r+"] = "r", *, checked: bool = False) -> zarr.Group:
    """Open a group of Zarr v3, whose chunks cannot run code.

    Parameters
    ----------
    path : str or Path
        Folder of the store.
    mode : "r" or "r+"
        For reading only, or for writing as well.
    checked : bool
        Whether its links were checked before, which is slow for many files.

    Raises
    ------
    ValueError
        If a link leads out of the folder, or the metadata of a group or an array are too long.
    OSError
        If there is no such folder, or it may not be read.
    Exception
        Of any type, from the libraries used, if it is not a group or is damaged.
    """
    if not checked:
        for file, size in require_own_files(path).items():
            if file.name == NODE and size > LARGEST_JSON:
                raise ValueError(f"{file} is longer than {LARGEST_JSON} bytes")
    return zarr.open_group(Path(path), mode=mode, zarr_format=3, use_consolidated=False)


def require_shape(array: Any, shape: tuple[int | None, ...], kinds: str) -> None:
    """Refuse an array of an unexpected shape or type, before anything is read.

    Parameters
    ----------
    array : zarr.Array
    shape : tuple
        Expected shape; None for any length.
    kinds : str
        Allowed kinds of numbers, as NumPy's ``dtype.kind``; "T" for text.

    Raises
    ------
    ValueError
        If it is not an array, or has another shape, other numbers, or chunks too large for memory.
    """
    if not isinstance(array, zarr.Array):
        raise ValueError("no array")
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    kind = "T" if array.dtype.kind in "TO" else array.dtype.kind
    if not fits or kind not in kinds:
        raise ValueError(f"found {array.shape} values of {array.dtype}, expected {shape}")
    largest = math.prod(array.shards or array.chunks) * array.dtype.itemsize
    if largest > MOST_CHUNK_BYTES:
        raise ValueError(f"its chunks claim to hold {largest:.3g} bytes each")


def write_along(
    group: zarr.Group, name: str, dim: str, values: npt.NDArray[Any], attrs: Mapping[str, Any]
) -> None:
    """Write numbers or text along a dim as an array of a single chunk, replacing an existing one."""
    dtype = str if values.dtype == object else values.dtype
    array = group.create_array(
        name, shape=values.shape, dtype=dtype, dimension_names=(dim,), attributes=dict(attrs), overwrite=True
    )
    array[...] = values


def sweep(path: Path, *, all_of_them: bool) -> None:
    """Remove the remains of killed writers of a store: incomplete files in it, and drafts of the whole store.

    Parameters
    ----------
    path : Path
        Folder of the store.
    all_of_them : bool
        Whether no other process writes to the store; otherwise remains younger than a day are kept.
    """
    before = math.inf if all_of_them else time.time() - DAY_S
    for rest in path.rglob("*.partial"):
        with contextlib.suppress(OSError):
            if rest.stat().st_mtime < before:
                rest.unlink()
    for draft in drafts_of(path):
        if draft.stat().st_mtime < before:
            shutil.rmtree(draft, ignore_errors=True)
