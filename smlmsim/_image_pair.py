"""A widefield image and a localization image of the same sample, and how well they fit in a pose."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import ndimage, optimize
from skimage.registration import phase_cross_correlation

Floats = npt.NDArray[np.float64]

OVERLAP = 0.4
"""Smallest share of the images that must overlap."""


class Pair:
    """A widefield image and a localization image blurred to its resolution, with pixel positions in nm."""

    def __init__(self, widefield: xr.DataArray, localizations: xr.DataArray, sigma_nm: float) -> None:
        self.widefield = widefield.transpose("y", "x").values.astype(np.float64)
        self.raw = localizations.transpose("y", "x").values.astype(np.float64)
        self.sigma_nm = sigma_nm
        y, x = widefield.y.values, widefield.x.values
        self.places = np.stack(np.meshgrid(y, x, indexing="ij"))
        self.middle = np.array([y.mean(), x.mean()])[:, None, None]
        self.pixel_nm = float(x[1] - x[0])
        self.origin = np.array([localizations.y.values[0], localizations.x.values[0]])[:, None, None]
        self.fine_nm = float(localizations.x[1] - localizations.x[0])
        self.unit = np.array([self.pixel_nm, self.pixel_nm, 0.02, 0.02])
        self._blurred: dict[float, tuple[Floats, Floats]] = {}

    def symmetric(self) -> list[Pair]:
        """The same pair with the localization image rotated by quarter turns and mirrored about its middle."""
        pairs = []
        for turns, flip in itertools.product(range(4), (False, True)):
            if turns or flip:
                pair = Pair.__new__(Pair)
                pair.__dict__ = self.__dict__ | {"raw": _turned(self.raw, turns, flip), "_blurred": {}}
                pairs.append(pair)
        return pairs

    def images(self, extra: float) -> tuple[Floats, Floats]:
        """Both images, blurred by an additional Gaussian of ``extra`` sigmas."""
        if extra not in self._blurred:
            wide = ndimage.gaussian_filter(self.widefield, extra * self.sigma_nm / self.pixel_nm)
            sigma_nm = self.sigma_nm * math.hypot(1, extra)
            self._blurred[extra] = wide, ndimage.gaussian_filter(self.raw, sigma_nm / self.fine_nm)
        return self._blurred[extra]

    def warped(self, pose: Floats, extra: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The localization image resampled on the pixels of the widefield image, and which pixels it covers."""
        dy, dx, log_scale, angle = pose
        c, s = math.exp(log_scale) * math.cos(angle), math.exp(log_scale) * math.sin(angle)
        y, x = self.places - self.middle
        moved = self.middle + np.stack([c * y + s * x + dy, c * x - s * y + dx])
        at = (moved - self.origin) / self.fine_nm
        size = np.array(self.raw.shape)[:, None, None]
        inside = ((at > -0.5) & (at < size - 0.5)).all(axis=0)
        return ndimage.map_coordinates(self.images(extra)[1], at, order=1, mode="nearest"), inside

    def correlation(self, pose: Floats, extra: float) -> float:
        """The correlation of both images where they overlap; -1 if they hardly overlap."""
        warped, inside = self.warped(pose, extra)
        if inside.mean() < OVERLAP:
            return -1.0
        first, second = self.images(extra)[0][inside], warped[inside]
        return float(np.corrcoef(first, second)[0, 1]) if np.ptp(second) > 0 else -1.0

    def best_shift(self, angle: float, scale: float) -> tuple[float, tuple[float, float, float, float]]:
        """The highest correlation over all shifts by whole pixels, and the pose at which it is reached."""
        pose = np.array([0.0, 0.0, math.log(scale), angle])
        warped, inside = self.warped(pose, 0.0)
        shift, *_ = phase_cross_correlation(
            self.widefield, warped * inside, reference_mask=np.ones_like(inside), moving_mask=inside,
            overlap_ratio=OVERLAP,
        )  # fmt: skip
        turned = scale * self.pixel_nm * np.asarray(shift)
        c, s = math.cos(angle), math.sin(angle)
        pose[0] = -(c * turned[0] + s * turned[1])
        pose[1] = -(c * turned[1] - s * turned[0])
        dy, dx, log_scale, turn = pose.tolist()
        return self.correlation(pose, 0.0), (dy, dx, log_scale, turn)

    def nearer(self, pose: Floats) -> Floats:
        """The pose near a given one at which the strongly blurred images correlate most."""
        found = optimize.minimize(
            lambda steps: -self.correlation(pose + steps * self.unit, 2.0), np.zeros(4), method="Powell",
            options={"xtol": 1e-2, "ftol": 1e-5},
        )  # fmt: skip
        return np.asarray(pose + found.x * self.unit)

    def back(self, q: Floats, pose: Floats) -> Floats:
        """Map positions (yx, place) in the localization image to pixels of the widefield image."""
        middle, first = self.middle[..., 0], self.places[:, 0, 0, None]
        y, x = (q - pose[:2, None] - middle) / math.exp(pose[2])
        c, s = math.cos(pose[3]), math.sin(pose[3])
        return np.asarray((middle + np.stack([c * y - s * x, s * y + c * x]) - first) / self.pixel_nm)

    @property
    def mean_square_nm2(self) -> float:
        """The mean square of the distance of a pixel of the widefield image from its middle."""
        return float(((self.places - self.middle) ** 2).sum(axis=0).mean())


def _turned(image: Floats, turns: int, flip: bool) -> Floats:
    """Rotate an image by multiples of 90 degrees, mirror it, and cut or extend it by reflection to its first shape."""
    made = np.rot90(image[:, ::-1] if flip else image, turns)
    lacking = [(0, max(0, wanted - size)) for wanted, size in zip(image.shape, made.shape, strict=True)]
    return np.pad(made, lacking, mode="symmetric")[: image.shape[0], : image.shape[1]]
