"""Rows of text, with their columns one below the other."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, right: int | None = None) -> str:
    """Align the columns of some rows.

    Parameters
    ----------
    rows : sequence of sequences of str
        All of one length.
    right : int, optional
        The column that is aligned at its right, for numbers; by default none.

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
