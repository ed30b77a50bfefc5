"""Check that crops fit the networks and the movies, before any movie is simulated."""

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
        The crops, with their size.
    networks : mapping
        Networks by name. The first has an attribute ``multiple`` (time, y, x): the size of a crop must be a multiple of
        it. Any of them may have an attribute ``least``: the smallest size it takes.
    study : Simulated, optional
        The study of the movies; if left out, only the networks are checked.

    Raises
    ------
    ValueError
        If the crops do not fit the networks; the message says which sizes would.
    CorpusError
        If the crops do not fit into the movies.
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
