"""How ANNA-PALM is trained."""

from __future__ import annotations

from typing import ClassVar, final

from baselines._adversarial import AdversarialLoss, AdversarialTask
from baselines._trainable import Trainable
from baselines.annapalm.network import AnnaPalmNetwork


class _AnnaPalmTraining(Trainable):
    package: ClassVar[str] = "baselines.annapalm"

    network: AnnaPalmNetwork
    loss: AdversarialLoss = AdversarialLoss()

    def task(self) -> AdversarialTask:
        """Make the generator, the discriminator and their losses."""
        return AdversarialTask(self.network.build(), self.network.build_discriminator(), self.loss)


@final
class AnnaPalm2DTraining(_AnnaPalmTraining):
    """Training of single time points."""

    name: ClassVar[str] = "annapalm2d"


@final
class AnnaPalm3DTraining(_AnnaPalmTraining):
    """Training of movies."""

    name: ClassVar[str] = "annapalm3d"
