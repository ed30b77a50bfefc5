"""ANNA-PALM as reconstructors: of single time points, and of movies."""

from __future__ import annotations

from typing import Any, ClassVar, final

from baselines._learned import Learned
from baselines.annapalm.network import AnnaPalm, AnnaPalmNetwork


class _AnnaPalm(Learned):
    package: ClassVar[str] = "baselines.annapalm"

    @staticmethod
    def build(settings: dict[str, Any]) -> AnnaPalm:
        """Make the network of the settings in a file of weights."""
        return AnnaPalmNetwork(**settings).build()


@final
class AnnaPalm2D(_AnnaPalm):
    """A U-Net that sees one time point at a time (Ouyang et al. 2018, doi:10.1038/nbt.4106).

    With weights that were trained for it, it also sees the widefield images of the observation, where there are any.
    """

    name: ClassVar[str] = "annapalm2d"


@final
class AnnaPalm3D(_AnnaPalm):
    """A U-Net over time, y and x, which sees how the structure moves (Bai 2023, tel-04772446, chapter II.3)."""

    name: ClassVar[str] = "annapalm3d"
