"""One panel of a heatmap: cells with their values, hatches, and a rectangle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

LARGEST_TEXT_PT, SMALLEST_TEXT_PT = 9.0, 5.0
"""Sizes of text in points: as the text of a journal, and the least that journals print."""
LIGHT = 0.28  # relative luminance above which black is more legible than white
TIED, EQUAL = "/////", "...."
EDGE_PT = 2.5  # half the width of an edge, plus a margin
DIGIT_EM, POINT_EM, HEIGHT_EM = 0.64, 0.32, 0.73
"""Width of a digit and of a decimal point, and height of both, in units of the size of the font."""
ROOM = 0.5 + 0.04
"""How far from the middle of its cell a value may reach, in cells: the margin for an edge may lie beyond it."""


class Box(NamedTuple):
    """A rectangle in cells from the lower left corner of a panel."""

    bottom: float
    top: float
    left: float
    right: float


def draw_cells(
    panel: Axes,
    scores: npt.NDArray[np.float64],
    cell_pt: float,
    scale: Mapping[str, Any],
    *,
    texts: npt.NDArray[np.str_] | None = None,
    text_pt: float = LARGEST_TEXT_PT,
) -> None:
    """Draw scores (row, column), first row lowest, with their values if there is space; NaN is grey.

    Other texts (row, column) may stand in place of the values.
    """
    import seaborn

    text_pt = min(text_pt, 0.34 * cell_pt)
    values = np.array([[short(score) for score in row] for row in scores.tolist()])
    values = values if texts is None else texts
    seaborn.heatmap(
        scores, ax=panel, cbar=False, xticklabels=False, yticklabels=False, linewidths=0.3, **scale,
        annot=values if text_pt >= SMALLEST_TEXT_PT else None, fmt="",
        annot_kws={"fontsize": text_pt, "zorder": 5},
    )  # fmt: skip
    panel.invert_yaxis()
    panel.set_facecolor("0.9")
    for text, colour in _values(panel):
        text.set_color("black" if seaborn.utils.relative_luminance(colour) > LIGHT else "white")


def hatch_cells(panel: Axes, cells: npt.NDArray[np.bool_], hatch: str = TIED) -> None:
    """Hatch the cells (row, column) that are marked True."""
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(cells):
        panel.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch=hatch, edgecolor="0.5", linewidth=0))


def draw_box(panel: Axes, box: Box, cell_pt: float) -> None:
    """Draw a rectangle below the values; values on its edges are moved aside, or interrupt it if there is no room."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    panel.add_patch(
        Rectangle(
            (box.left, box.bottom), box.right - box.left, box.top - box.bottom, fill=False, edgecolor="black",
            linewidth=1.3, clip_on=False, path_effects=[Stroke(linewidth=3.2, foreground="white"), Normal()],
        )
    )  # fmt: skip
    for text, colour in _values(panel):
        half = _half_size(text, cell_pt)
        if beside := _beside(text.get_position(), half, box):
            text.set_position(beside)
        else:
            text.set_bbox({"facecolor": colour, "linewidth": 0, "boxstyle": "square,pad=0.12"})


def _half_size(text: Text, cell_pt: float) -> tuple[float, float]:
    """Half the width and height of a value, in cells, with a margin for an edge beside it."""
    size_pt, digits = float(text.get_fontsize()), text.get_text()
    width_pt = size_pt * sum(POINT_EM if sign == "." else DIGIT_EM for sign in digits)
    return (width_pt / 2 + EDGE_PT) / cell_pt, (size_pt * HEIGHT_EM / 2 + EDGE_PT) / cell_pt


def _beside(place: tuple[float, float], half: tuple[float, float], box: Box) -> tuple[float, float] | None:
    """The nearest place in the cell of a value at which no edge of a rectangle crosses it; None if there is none."""
    ends = (box.left, box.right), (box.bottom, box.top)
    across, along = (
        [at, *(end + side for end in pair for side in (-size, size) if abs(end + side - at) + size <= ROOM)]
        for at, size, pair in zip(place, half, ends, strict=True)
    )
    clear = [there for there in itertools.product(across, along) if _is_clear(there, half, box)]
    return min(clear, key=lambda there: math.dist(there, place), default=None)


def _is_clear(place: tuple[float, ...], half: tuple[float, float], box: Box) -> bool:
    """Whether a value lies outside of a rectangle or inside it, and not on its edges."""
    (x, y), (width, height) = place, (size - 1e-9 for size in half)
    outside = x + width < box.left or x - width > box.right or y + height < box.bottom or y - height > box.top
    return outside or (
        box.left < x - width and x + width < box.right and box.bottom < y - height and y + height < box.top
    )


def _values(panel: Axes) -> Iterator[tuple[Text, npt.NDArray[np.float64]]]:
    """Yield the texts of the values in a panel, with the colour of their cells."""
    cells = panel.collections[0]
    cells.update_scalarmappable()
    scored = ~np.ma.getmaskarray(np.ma.asarray(cells.get_array())).ravel()
    return zip(panel.texts, np.asarray(cells.get_facecolor())[scored], strict=False)


def short(score: float) -> str:
    """Format a score in at most four characters if possible."""
    digits = 2 if abs(score) < 10 else 1 if abs(score) < 100 else 0
    return f"{score:.{digits}f}".replace("0.", ".", 1 if abs(score) < 1 else 0)
