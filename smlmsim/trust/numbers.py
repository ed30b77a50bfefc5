"""How the trust report writes numbers."""

from __future__ import annotations

import math

from smlmsim.trust.findings import Expected, Range


def score_of(one: Expected) -> str:
    """Write a mean score with its standard deviation."""
    return f"{one.mean:.2f}" + ("" if math.isnan(one.sd) else f" ± {one.sd:.2f}")


def short(value: float) -> str:
    """Write a number with three digits, and without an exponent if it is below a million."""
    return f"{float(f'{value:.3g}'):g}"


def span(reach: Range) -> str:
    """Write a range of numbers."""
    low, high = map(short, reach)
    return low if low == high else f"{low} to {high}"


def resolution(nm: float, worst_nm: float) -> str:
    """Write a resolution; two images that never correlate have none."""
    return f"{nm:.0f} nm" if nm < worst_nm else "none, as they do not correlate"


def resolutions(reach: Range, worst_nm: float) -> str:
    """Write a range of resolutions."""
    if math.isnan(reach[0]):
        return "not measurable"
    low, high = (f"{nm:.0f}" if nm < worst_nm else "none" for nm in reach)
    return f"{low} nm" if low == high else f"{low} nm to {high}" + " nm" * (high != "none")


def listed(names: list[str]) -> str:
    """Join names in words."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
