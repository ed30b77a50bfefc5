"""An arrow from the edge of a heatmap towards a range outside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smlmsim.figures.axis import Axis, shown
from smlmsim.figures.panel import Box, draw_box
from smlmsim.regions import Range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP_IN = 0.36
"""Space beside a panel, in inches, for an arrow and a value."""
GAP_PT = 6.0
"""Distance in points between an arrow and its text."""
TEXT_PT = 7.0
"""Size of the text in points."""


class Beyond(NamedTuple):
    """The position of a range relative to the values of an axis.

    Attributes
    ----------
    side : int
        -1 if the range lies below all values, 1 if above all, 0 otherwise.
    near : tuple of float
        The part of the axis nearest to the range, in cells.
    cells : int
        Number of cells of the axis.
    words : str
        The range with its unit.
    """

    side: int
    near: Range
    cells: int
    words: str

    @classmethod
    def of(cls, axis: Axis, reach: Range | None) -> Beyond:
        """Compare a range with the values of an axis; None means the whole axis."""
        cells = axis.values.size
        if reach is None:
            return cls(0, (0.0, float(cells)), cells, "")
        side = int(reach[0] > axis.values.max()) - int(reach[1] < axis.values.min())
        edge = {-1: (0.0, 0.0), 1: (float(cells), float(cells))}
        return cls(side, edge.get(side) or axis.place(*reach), cells, shown(reach, axis.units))

    @property
    def middle(self) -> float:
        """The middle of the nearest part."""
        return sum(self.near) / 2

    def limits(self, cell_pt: float) -> Range:
        """The ends of the axis, in cells, with space for the arrow."""
        strip = 72 * STRIP_IN / cell_pt
        return (-strip if self.side < 0 else 0.0), self.cells + (strip if self.side > 0 else 0.0)

    def strip(self, cell_pt: float) -> float:
        """The middle of the space for the arrow, in cells."""
        low, high = self.limits(cell_pt)
        return low / 2 if self.side < 0 else (self.cells + high) / 2


def draw_beyond(panel: Axes, rows: Beyond, columns: Beyond, cell_pt: float) -> None:
    """Draw an arrow towards a range outside the rows, the columns, or both, and label it with the range."""
    from matplotlib.patches import Rectangle

    (left, right), (bottom, top) = columns.limits(cell_pt), rows.limits(cell_pt)
    panel.set(xlim=(left, right), ylim=(bottom, top))
    panel.set_facecolor("white")
    panel.add_patch(Rectangle((0, 0), columns.cells, rows.cells, facecolor="0.9", linewidth=0, zorder=0))
    draw_box(panel, Box(*rows.near, *columns.near), cell_pt)
    room = 0.9 * 72 * STRIP_IN / cell_pt
    start = columns.middle, rows.middle
    end = columns.middle + room * columns.side, rows.middle + room * rows.side
    arrow = {"arrowstyle": "-|>", "linewidth": 1.5, "color": "black", "shrinkA": 0, "shrinkB": 0}
    panel.annotate("", end, start, arrowprops=arrow)
    gap = GAP_PT / cell_pt
    if columns.side:
        upwards = rows.middle <= rows.cells / 2
        y = rows.middle + (gap if upwards else -gap)
        panel.text(
            columns.strip(cell_pt), y, columns.words, fontsize=TEXT_PT, rotation=90, ha="center",
            va="bottom" if upwards else "top",
        )  # fmt: skip
    if rows.side:
        onwards = columns.middle <= columns.cells / 2
        x = columns.middle + (gap if onwards else -gap)
        panel.text(
            x,
            rows.strip(cell_pt),
            rows.words,
            fontsize=TEXT_PT,
            va="center",
            ha="left" if onwards else "right",
        )
