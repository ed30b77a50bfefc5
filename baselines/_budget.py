"""The budget of a training: its length, its crops and its learning rate."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from smlmsim.corpus import Augmentation
from smlmsim.spec import Spec


class Budget(Spec):
    """The length of a training, its crops and its learning rate.

    Parameters
    ----------
    steps, batch : int
        Greatest number of optimizer steps, and number of crops in each, over all processes.
    crops : Augmentation
        The size of a crop, and what varies between crops.
    learning_rate, beta1, weight_decay : float
        Settings of the optimizer, Adam with decoupled weight decay.
    schedule : "constant", "cosine" or "plateau"
        The learning rate stays, falls to 0 by the last step, or is halved when the score has not improved for
        ``plateau`` epochs.
    warmup : float
        Fraction of the steps during which the learning rate of "cosine" first rises.
    settle : float
        Fraction of the steps after which normalizations use their running means and variances, as in reconstruction,
        and no longer those of each batch. These differ much where a batch holds few crops of different rates.
    epoch_steps : int
        Number of steps in an epoch; each epoch ends with a validation and a checkpoint.
    patience : int
        Number of epochs without improvement after which training ends.
    gradient_norm : float
        Greatest norm of a gradient; longer gradients are clipped to it.
    precision : "float32", "bfloat16" or "float16"
        Number type of the forward pass; weights and optimizer stay float32. Whether "bfloat16" is faster depends on
        the processor: ``benchmarks/bench_training.py`` measures it.
    validation_crops : int
        Number of crops to validate on.
    seed : int
        Determines initial weights, crops and dropout.
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
    settle: float = Field(1.0, ge=0, le=1)
    epoch_steps: PositiveInt = 1000
    patience: PositiveInt = 20
    gradient_norm: PositiveFloat = 1000.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    validation_crops: PositiveInt = 24
    seed: int = Field(0, ge=0)

    def learning_rate_at(self, step: int, factor: float) -> float:
        """Return the learning rate of a step; ``factor`` is the product of the halvings at plateaus so far."""
        if self.schedule != "cosine":
            return self.learning_rate * factor
        rise = min(1.0, (step + 1) / max(self.warmup * self.steps, 1))
        return self.learning_rate * rise * (1 + math.cos(math.pi * step / self.steps)) / 2
