"""The hashes of a ``.smlm`` file: they show whether two tables are equal, not whether one is authentic."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt


def table_hash(frame: npt.NDArray[Any], x: npt.NDArray[Any], y: npt.NDArray[Any]) -> str:
    """The MD5 hash of the concatenated bytes of these columns as float32."""
    digest = hashlib.md5(usedforsecurity=False)
    for column in (frame, x, y):
        digest.update(np.ascontiguousarray(column, "<f4").data)
    return digest.hexdigest()


def joined_hash(hashes: list[str]) -> str:
    """The MD5 hash of the concatenated hashes of all tables."""
    return hashlib.md5("".join(hashes).encode(), usedforsecurity=False).hexdigest()
