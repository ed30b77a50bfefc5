"""The common style of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "figure.labelsize": 10,
    "figure.titlesize": 11,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "smlmsim",
}


CATEGORIES = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
    "#f0e442", "#882255", "#44aa99", "#999999", "#332288", "#ddcc77",
)  # fmt: skip
"""Colours that colour-blind people can distinguish: those of Okabe & Ito, then of Tol."""


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the common style without changing the user's settings."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield
