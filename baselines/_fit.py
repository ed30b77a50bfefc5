"""Whether crops are of a size that networks take and movies have, found out before any movie is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlmsim.corpus import Augmentation
from smlmsim.corpus.augmentation import Size
from smlmsim.pipeline import Simulated


def require_fit(crops: Augmentation, networks: Mapping[str, Any], study: Simulated | None = None) -> None:
    """Refuse crops that do not fit the networks or the movies of a study.

    Parameters
    ----------
    crops : Augmentation
        Their size.
    networks : mapping
        Networks by name. The first has a ``multiple`` (time, y, x), of which crops are multiples; any of them may have
        a ``least`` size.
    study : Simulated, optional
        Of the movies; by default only the networks are asked.

    Raises
    ------
    ValueError
        Saying which crops would do.
    CorpusError
        If they do not fit into the movies.
    """
    multiple: Size = next(iter(networks.values())).multiple
    if study is not None:
        crops.require_fit(study, multiple=multiple)
    if any(size % step for size, step in zip(crops.size, multiple, strict=True)):
        raise ValueError(
            f"crops of {crops.size} (time, y, x) do not fit the network; choose multiples of {multiple}"
        )
    for name, network in networks.items():
        least = getattr(network, "least", crops.size)
        if any(size < needed for size, needed in zip(crops.size, least, strict=True)):
            raise ValueError(
                f"crops of {crops.size} (time, y, x) are too small for the {name}; it takes {least} and more"
            )
