"""Rows of text with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, right: int | None = None) -> str:
    """Align the columns of some rows.

    Parameters
    ----------
    rows : sequence of sequences of str
        Rows of equal length.
    right : int, optional
        Index of a right-aligned column, for numbers; by default none.

    Examples
    --------
    >>> print(table([("name", "size"), ("a", "10")], right=1))
    name  size
    a       10
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if place == right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
