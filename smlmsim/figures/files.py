"""Saving figures to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smlmsim.figures.style import styled
from smlmsim.io import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATELESS: dict[str, dict[str, None]] = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}


def require_known(path: str | Path) -> None:
    """Refuse a file with an extension that figures cannot be saved as.

    Raises
    ------
    ValueError
        Naming the possible extensions.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in DATELESS:
        raise ValueError(f"{path} has the extension {suffix!r}; a figure is saved as {', '.join(DATELESS)}")


def save(figure: Figure, path: str | Path) -> None:
    """Save a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Figure that a function of this package returned.
    path : str or Path
        File ending in .png (300 dots per inch), .pdf or .svg; it is written completely or not at all.

    Raises
    ------
    ValueError
        If the extension is not one of these.
    OSError
        If the file cannot be written; see :func:`~smlmsim.io.atomic.replacing`.
    """
    require_known(path)
    suffix = Path(path).suffix.lower()
    with styled(), replacing(path) as draft:
        figure.savefig(
            draft, metadata=DATELESS[suffix], format=suffix[1:], bbox_inches="tight", pad_inches=0.05
        )
