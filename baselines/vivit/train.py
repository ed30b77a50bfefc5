"""The training of the video vision transformer: as of ANNA-PALM, whose U-Net it replaces."""

from __future__ import annotations

from typing import ClassVar, final

from baselines._adversarial import AdversarialLoss, AdversarialTask
from baselines._trainable import Trainable
from baselines.annapalm.network import MovieDiscriminator
from baselines.vivit.model import ViViTNetwork


@final
class ViViTTraining(Trainable):
    """Training of movies."""

    name: ClassVar[str] = "vivit"
    package: ClassVar[str] = "baselines.vivit"

    network: ViViTNetwork = ViViTNetwork()
    loss: AdversarialLoss = AdversarialLoss()

    def task(self) -> AdversarialTask:
        """Build the transformer, the discriminator of ANNA-PALM and their losses."""
        discriminator = MovieDiscriminator(3, self.network.discriminator_base, self.network.channels_in)
        return AdversarialTask(self.network.build(), discriminator, self.loss)
