"""Every number and sentence of the trust report, as JSON can store them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from smlmsim.trust.cautions import warnings
from smlmsim.trust.findings import Findings
from smlmsim.trust.reasons import reasons
from smlmsim.trust.velocity import about_velocity
from smlmsim.trust.words import advice, lead, verdict


def summary(found: Findings, said: Sequence[str] = ()) -> dict[str, Any]:
    """Return every number and sentence of a page, as JSON can store them; None where there is no number."""
    return {
        "verdict": verdict(found),
        "lead": lead(found),
        "reasons": [reason._asdict() for reason in reasons(found)],
        "velocity": about_velocity(found),
        "advice": advice(found),
        "warnings": warnings(found),
        "found": _plain(found),
        "said": list(said),
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
