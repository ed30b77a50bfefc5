"""Add seeds, reconstructors or metrics to a grid that was scored."""

from __future__ import annotations

from pathlib import Path

from smlmsim.difference import difference
from smlmsim.grid.grid import ADDABLE, Grid
from smlmsim.grid.layout import lay_out
from smlmsim.grid.store import ADDING, GRID, StoreError, grid_of, open_store
from smlmsim.io import naming


def enlarge(path: Path, grid: Grid) -> Grid:
    """Enlarge a store for the seeds, reconstructors and metrics of another grid, and return the joined grid.

    Existing scores keep their bytes. A call that was killed is completed by the next one.

    Parameters
    ----------
    path : Path
        The store. No other process may write to it meanwhile.
    grid : Grid
        A grid of the same study and axes.

    Raises
    ------
    StoreError
        If there is no store, or if it has another study, other axes, or other versions.
    OSError
        If the store cannot be written.
    """
    stored = stored_grid(path)
    group = open_store(path, adding=True)
    attrs = dict(group.attrs)
    GRID.require_version(path, attrs)
    shared = grid.replace({name: getattr(stored, name) for name in ADDABLE})
    if shared.digest != stored.digest:
        words, _ = difference(stored.to_toml(), shared.to_toml(), aside=grid.aside)
        raise StoreError(
            f"{path} belongs to another grid: {words}; only seeds, reconstructors and metrics can be added, so "
            "choose another place with --out"
        )
    joined = stored.joined(grid)
    if joined == stored and ADDING not in attrs:
        return stored
    with naming(path):
        group.attrs.update({ADDING: joined.to_toml()})
        lay_out(group, joined)
        rest = {name: value for name, value in attrs.items() if name != ADDING}
        group.attrs.put({**rest, "grid": joined.to_toml(), "grid_digest": joined.digest})
    return joined


def stored_grid(path: Path, *, purpose: str = "add to", option: str = "--add") -> Grid:
    """Return the grid that a store holds, or is being enlarged to.

    Parameters
    ----------
    path : Path
        The store.
    purpose, option : str
        What the grid is wanted for, and the option that asks for it, for the message.

    Raises
    ------
    StoreError
        If there is no store.
    """
    if not path.exists():
        raise StoreError(f"there is no grid {path} to {purpose}; check --out, or leave out {option}")
    attrs = dict(open_store(path, adding=True).attrs)
    return grid_of({"grid": attrs.get(ADDING, attrs.get("grid", ""))}, path)
