"""The video vision transformer as a reconstructor."""

from __future__ import annotations

from typing import Any, ClassVar, final

from pydantic import PositiveInt

from baselines._learned import Learned
from baselines.vivit.model import ViViT, ViViTNetwork


@final
class VideoTransformer(Learned):
    """Attention over time and space in place of convolutions (Arnab et al. 2021, doi:10.1109/ICCV48922.2021.00676).

    The time for attention grows with the square of the number of tokens, so tiles are small.
    """

    name: ClassVar[str] = "vivit"
    package: ClassVar[str] = "baselines.vivit"

    tile: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 80, 80)

    @staticmethod
    def build(settings: dict[str, Any]) -> ViViT:
        """Build the network from the settings in a file of weights."""
        return ViViTNetwork(**settings).build()
