"""A reconstructor that anyone could have written, and three that a benchmark must not believe."""

import scipy.ndimage
from pydantic import PositiveFloat

from smlmsim import schema
from smlmsim.spec import Spec


class ExampleBlur(Spec):
    """Each time point blurred by a Gaussian of ``sigma_px`` pixels."""

    sigma_px: PositiveFloat = 2.0

    def reconstruct(self, observation):
        counts = observation.counts.values.astype("float32")
        return schema.dataset(
            {"sigma_px": self.sigma_px},
            density=scipy.ndimage.gaussian_filter(counts, (0, self.sigma_px, self.sigma_px)),
            time=observation.time,
            y=observation.y,
            x=observation.x,
        )


class WrongShape(ExampleBlur):
    """Forgets the last column."""

    def reconstruct(self, observation):
        return super().reconstruct(observation).isel(x=slice(None, -1))


class NotANumber(ExampleBlur):
    """Divides by the counts."""

    def reconstruct(self, observation):
        estimate = super().reconstruct(observation)
        return estimate.assign(density=estimate.density.where(observation.counts > 0))


class ChangesItsInput(ExampleBlur):
    """Works in place."""

    def reconstruct(self, observation):
        estimate = super().reconstruct(observation)
        observation.counts.values[:] = 0
        return estimate
