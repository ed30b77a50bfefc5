"""A bar for what takes longer than two seconds, where somebody looks."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

DELAY_S = 2.0
"""Seconds before a bar appears: what is done sooner needs none."""


def bar(total: int | None, unit: str, *, thousands: bool = False) -> tqdm[Any]:
    """A progress bar that shows after two seconds, in the main process of a terminal only, and goes when it is done.

    Parameters
    ----------
    total : int, optional
        How much there is to do, if it is known.
    unit : str
        What is counted.
    thousands : bool
        Whether to shorten numbers, as in 1.2k.
    """
    from tqdm import tqdm

    unseen = multiprocessing.parent_process() is not None or not sys.stderr.isatty()
    return tqdm(
        total=total, unit=f" {unit}", unit_scale=thousands, delay=DELAY_S, leave=False, disable=unseen
    )
