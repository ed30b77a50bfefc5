"""Labels with units."""

from __future__ import annotations

import xarray as xr


def with_units(name: str, units: str) -> str:
    """Return a name, followed by its unit in brackets if it has one."""
    return f"{name} ({units})" if units not in ("", "1") else name


def score_label(scores: xr.DataArray, before: str = "") -> str:
    """Return the name of a metric with its unit."""
    name = f"{before}{scores.attrs.get('long_name', scores.name)}"
    return with_units(name, scores.attrs.get("units", "1"))
