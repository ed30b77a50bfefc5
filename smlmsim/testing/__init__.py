"""Tests for plug-ins: the contract of each family, and observations and frames to try them on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smlmsim.testing.dynamics import check_dynamics
from smlmsim.testing.localizer import check_localizer
from smlmsim.testing.movies import make_frames, make_observation, with_frames, with_widefield
from smlmsim.testing.reconstructor import check_reconstructor
from smlmsim.testing.trainable import check_trainable

__all__ = [
    "CONTRACTS",
    "check_dynamics",
    "check_localizer",
    "check_reconstructor",
    "check_trainable",
    "make_frames",
    "make_observation",
    "with_frames",
    "with_widefield",
]

CONTRACTS: dict[str, Callable[[Any], None]] = {
    "smlmsim.reconstructors": check_reconstructor,
    "smlmsim.localizers": check_localizer,
    "smlmsim.dynamics": check_dynamics,
    "smlmsim.trainable": check_trainable,
}
"""Entry-point group -> the check of that family's contract, which takes what ``Plugins.load`` returns."""
