"""Straight lines that move along their normals by known displacements."""

from typing import NamedTuple

import numpy as np

SIDE_NM = 5200.0


class Lines(NamedTuple):
    """Normals (yx, line), and offsets (time, line) along them from the middle of the field."""

    normals: np.ndarray
    offsets_nm: np.ndarray

    @classmethod
    def walking(cls, steps_nm, rng):
        """Lines in all directions that move by steps (time, line), and enter on the other side when they leave."""
        angle = np.pi * (np.arange(steps_nm.shape[1]) + rng.random(steps_nm.shape[1])) / steps_nm.shape[1]
        first = rng.uniform(0, SIDE_NM, steps_nm.shape[1])
        walk = first + np.vstack([np.zeros((1, steps_nm.shape[1])), np.cumsum(steps_nm, axis=0)])
        return cls(np.stack([np.sin(angle), np.cos(angle)]), walk % SIDE_NM - SIDE_NM / 2)

    def images(self, rng, *, pixel_nm=100.0, sigma_nm=90.0, photons=200.0, background=20.0):
        """Images (time, y, x) with Poisson noise."""
        at = pixel_nm * (np.arange(round(SIDE_NM / pixel_nm)) + 0.5) - SIDE_NM / 2
        y, x = np.meshgrid(at, at, indexing="ij")
        away = self.normals[0] * y[..., None] + self.normals[1] * x[..., None]
        light = [
            np.exp(-((away - offsets) ** 2) / (2 * sigma_nm**2)).sum(axis=-1) for offsets in self.offsets_nm
        ]
        return rng.poisson(photons * np.array(light) + background).astype(np.float64)

    def points(self, number, rng, *, precision_nm=20.0):
        """The time step, and positions y and x (point,) in the field, of points drawn from the lines."""
        time = np.sort(rng.integers(0, len(self.offsets_nm), number))
        line = rng.integers(0, self.normals.shape[1], number)
        along = rng.uniform(-0.75, 0.75, number) * SIDE_NM
        normal = self.normals[:, line]
        places = normal * self.offsets_nm[time, line] + np.stack([-normal[1], normal[0]]) * along
        places += rng.normal(0, precision_nm, places.shape) + SIDE_NM / 2
        inside = ((places >= 0) & (places < SIDE_NM)).all(axis=0)
        return time[inside], *places[:, inside]
