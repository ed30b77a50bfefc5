"""A progress bar for tasks longer than two seconds, shown in terminals only."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

DELAY_S = 2.0
"""Seconds before a bar appears: what is done sooner needs none."""


def bar(total: int | None, unit: str, *, thousands: bool = False) -> tqdm[Any]:
    """Make a progress bar that appears after two seconds, only in the main process of a terminal, until it is done.

    Parameters
    ----------
    total : int, optional
        Number of items in all, if known.
    unit : str
        Name of one item.
    thousands : bool
        Whether to shorten large numbers, as in 1.2k.
    """
    from tqdm import tqdm

    unseen = multiprocessing.parent_process() is not None or not sys.stderr.isatty()
    return tqdm(
        total=total, unit=f" {unit}", unit_scale=thousands, delay=DELAY_S, leave=False, disable=unseen
    )
