"""The training of ANNA-PALM."""

from __future__ import annotations

from typing import ClassVar, final

from baselines._adversarial import AdversarialLoss, AdversarialTask
from baselines._trainable import Trainable
from baselines._training import Task
from baselines.annapalm.network import AnnaPalmNetwork
from baselines.annapalm.widefield import WidefieldTask, WidefieldTraining


class _AnnaPalmTraining(Trainable):
    package: ClassVar[str] = "baselines.annapalm"

    network: AnnaPalmNetwork
    loss: AdversarialLoss = AdversarialLoss()
    widefield: WidefieldTraining = WidefieldTraining()

    def task(self) -> Task:
        """Build the networks and their losses; with widefield images, also the network that predicts them."""
        task = AdversarialTask(self.network.build(), self.network.build_discriminator(), self.loss)
        return WidefieldTask(task, self.widefield) if self.network.inputs.widefield else task


@final
class AnnaPalm2DTraining(_AnnaPalmTraining):
    """Training of single time points."""

    name: ClassVar[str] = "annapalm2d"


@final
class AnnaPalm3DTraining(_AnnaPalmTraining):
    """Training of movies."""

    name: ClassVar[str] = "annapalm3d"


@final
class AnnaPalm2DFineTraining(_AnnaPalmTraining):
    """Training of single time points in fine time bins."""

    name: ClassVar[str] = "annapalm2d_fine"


@final
class AnnaPalm3DFineTraining(_AnnaPalmTraining):
    """Training of movies in fine time bins."""

    name: ClassVar[str] = "annapalm3d_fine"


@final
class AnnaPalm2DWidefieldTraining(_AnnaPalmTraining):
    """Training of single time points with widefield images."""

    name: ClassVar[str] = "annapalm2d_widefield"


@final
class AnnaPalm3DWidefieldTraining(_AnnaPalmTraining):
    """Training of movies with widefield images."""

    name: ClassVar[str] = "annapalm3d_widefield"
