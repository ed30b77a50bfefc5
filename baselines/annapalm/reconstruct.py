"""The reconstructors ``annapalm2d`` (single time points) and ``annapalm3d`` (movies), as published.

Their variants ``annapalm2d_fine`` and ``annapalm3d_fine`` also see when in a time point each molecule was localized;
``annapalm2d_widefield`` and ``annapalm3d_widefield`` see widefield images of the same sample.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

from baselines._learned import Learned
from baselines.annapalm.network import AnnaPalm, AnnaPalmNetwork
from smlmsim.reconstruct import WIDEFIELD


class _AnnaPalm(Learned):
    package: ClassVar[str] = "baselines.annapalm"

    @staticmethod
    def build(settings: dict[str, Any]) -> AnnaPalm:
        """Build the network from the settings in a file of weights."""
        return AnnaPalmNetwork(**settings).build()


@final
class AnnaPalm2D(_AnnaPalm):
    """A U-Net that sees one time point at a time (Ouyang et al. 2018, doi:10.1038/nbt.4106)."""

    name: ClassVar[str] = "annapalm2d"


@final
class AnnaPalm3D(_AnnaPalm):
    """A U-Net over time, y and x, which sees how the structure moves (Bai 2023, tel-04772446, chapter II.3)."""

    name: ClassVar[str] = "annapalm3d"


@final
class AnnaPalm2DFine(_AnnaPalm):
    """``annapalm2d`` that sees counts in fine time bins, and means over neighbouring time points."""

    name: ClassVar[str] = "annapalm2d_fine"


@final
class AnnaPalm3DFine(_AnnaPalm):
    """``annapalm3d`` that sees counts in fine time bins, and means over neighbouring time points."""

    name: ClassVar[str] = "annapalm3d_fine"


@final
class AnnaPalm2DWidefield(_AnnaPalm):
    """``annapalm2d`` that also sees the widefield image nearest in time, as published for it."""

    name: ClassVar[str] = "annapalm2d_widefield"
    needs: ClassVar[tuple[str, ...]] = (WIDEFIELD,)


@final
class AnnaPalm3DWidefield(_AnnaPalm):
    """``annapalm3d`` that also sees the widefield image nearest in time."""

    name: ClassVar[str] = "annapalm3d_widefield"
    needs: ClassVar[tuple[str, ...]] = (WIDEFIELD,)
