"""The DBlink-style network as a reconstructor."""

from __future__ import annotations

from typing import Any, ClassVar, final

from baselines._learned import Learned
from baselines.dblink.model import DBlink, DBlinkNetwork


@final
class DBlinkStyle(Learned):
    """Convolutional LSTMs in both directions of time (after Saguy et al. 2023, doi:10.1038/s41592-023-01966-0)."""

    name: ClassVar[str] = "dblink"
    package: ClassVar[str] = "baselines.dblink"

    @staticmethod
    def build(settings: dict[str, Any]) -> DBlink:
        """Build the network from the settings in a file of weights."""
        return DBlinkNetwork(**settings).build()
