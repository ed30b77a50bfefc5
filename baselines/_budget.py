"""How long, on what and how fast networks are trained."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from smlmsim.corpus import Augmentation
from smlmsim.spec import Spec


class Budget(Spec):
    """How long to train, on crops of which size, and how fast to learn.

    Parameters
    ----------
    steps, batch : int
        Optimizer steps at most, and crops in each, over all processes.
    crops : Augmentation
        The size of a crop, and what varies between crops.
    learning_rate, beta1, weight_decay : float
        Of Adam (with decoupled weight decay).
    schedule : "constant", "cosine" or "plateau"
        The learning rate stays, falls to 0 by the last step, or is halved when the validation has not improved for
        ``plateau`` epochs.
    warmup : float
        The share of the steps during which the learning rate of "cosine" rises first.
    epoch_steps : int
        Steps between two validations, after each of which a checkpoint is written.
    patience : int
        Training ends after so many epochs without improvement.
    gradient_norm : float
        Longer gradients are shortened to it.
    precision : "float32", "bfloat16" or "float16"
        Of the forward pass; weights stay float32.
    validation_crops : int
        How many crops to validate on.
    seed : int
        Fixes initial weights, crops and dropout.
    """

    steps: PositiveInt = 200_000
    batch: PositiveInt = 1
    crops: Augmentation = Augmentation()
    learning_rate: PositiveFloat = 2e-4
    beta1: float = Field(0.5, ge=0, lt=1)
    weight_decay: NonNegativeFloat = 0.0
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup: float = Field(0.01, ge=0, lt=1)
    plateau: PositiveInt = 3
    epoch_steps: PositiveInt = 1000
    patience: PositiveInt = 20
    gradient_norm: PositiveFloat = 1000.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    validation_crops: PositiveInt = 24
    seed: int = Field(0, ge=0)

    def learning_rate_at(self, step: int, factor: float) -> float:
        """Return the learning rate of a step; ``factor`` is what the plateaus so far have left of it."""
        if self.schedule != "cosine":
            return self.learning_rate * factor
        rise = min(1.0, (step + 1) / max(self.warmup * self.steps, 1))
        return self.learning_rate * rise * (1 + math.cos(math.pi * step / self.steps)) / 2
