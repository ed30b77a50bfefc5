"""Comparison with widefield: how well a reconstruction explains diffraction-limited images of the same sample."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from smlmsim import channels, schema

Floats = npt.NDArray[np.float64]

_log = logging.getLogger(__name__)
LEAST_PIXELS = 6
"""Fewest pixels of the widefield image along either axis: fewer tell no pattern."""
TRIED = 12
"""Number of widths that are tried before the best is refined."""
WIDEST = 0.25
"""Largest standard deviation of the point spread function, relative to the smaller side of the field."""
DOI = "10.1038/nmeth.4605"


def score_against_widefield(estimate: xr.DataArray, widefield: xr.DataArray) -> xr.Dataset:
    """Score a reconstruction without a truth, by the widefield images that it predicts.

    The reconstruction is blurred by a Gaussian, averaged over the pixels of the camera, scaled and offset. The width,
    the scale (at least 0) and the offset, one of each for all images, minimise the squared error. The remaining error
    is structure that is missing or invented, on the scale that a widefield microscope resolves.

    The fitted width is the additional blur that the reconstruction needs to match the image: for filaments drawn with
    a standard deviation s, it is the square root of sigma^2 - s^2, where sigma is the standard deviation of the point
    spread function without pixels. Structure is taken to continue beyond the border of the reconstruction as it is at
    the border; camera pixels cut by the border are left out.

    Parameters
    ----------
    estimate : xr.DataArray
        (time, y, x), coordinates in s and nm, as the ``density`` of a reconstructor; or (channel, time, y, x).
    widefield : xr.DataArray
        (time, y, x) or (y, x), at least 6 x 6 whole pixels in the field of the estimate, coordinates in s and nm, as
        :func:`~smlmsim.widefield.as_movie` makes it; :func:`~smlmsim.registration.register` tells whether the two lie
        on each other. The estimate is interpolated in time to every image. A single image is compared with the
        mean. There are as many channels as in the estimate, in the same order.

    Returns
    -------
    xr.Dataset
        Scalars: ``rsp``, the correlation of the images and the predicted ones, [-1, 1], higher is better; ``rse``, the
        root mean square of their difference in grey levels, lower is better, comparable for the same images only;
        ``sigma_nm``, ``scale`` and ``offset`` of the fit. Further ``error`` (time, y, x), the absolute difference in
        grey levels at every pixel of the camera. All have a leading ``channel`` if the estimate has one: each channel
        is compared with its own images.

    Raises
    ------
    ValueError
        If the two do not have the same number of channels, if they hardly overlap, or if one of them is constant, so
        that there is nothing to compare.

    References
    ----------
    Culley et al. 2018, doi:10.1038/nmeth.4605, define RSP, RSE and the error map. They compare on the pixels of the
    reconstruction, to which they enlarge the widefield image.
    """
    pairs = paired(estimate, widefield)
    shown = channels.split(widefield)
    if list(pairs) != list(shown):
        _log.info("the channels %s are compared with the widefield channels %s, in this order",
                  ", ".join(pairs), ", ".join(shown))  # fmt: skip
    return channels.joined({name: _compared(movie, images) for name, (movie, images) in pairs.items()})


def paired(estimate: xr.DataArray, widefield: xr.DataArray) -> dict[str, tuple[xr.DataArray, xr.DataArray]]:
    """Each channel of a reconstruction, by its name, with its own widefield images.

    Raises
    ------
    ValueError
        If the two do not have the same number of channels.
    """
    seen, shown = channels.split(estimate), channels.split(widefield)
    if len(seen) != len(shown):
        chosen = (
            ""
            if len(seen) == 1
            else f"choose one channel of the table, {channels.choice(next(iter(seen)))}, and "
        )
        raise ValueError(
            f"the reconstruction has {_listed(seen)}, the widefield images have {_listed(shown)}; "
            f"{chosen}give widefield images of that channel alone"
        )
    return {name: (movie, images) for (name, movie), images in zip(seen.items(), shown.values(), strict=True)}


def require_overlap(estimate: xr.DataArray, widefield: xr.DataArray) -> None:
    """Require that widefield images show enough of the field and of the time of a reconstruction; logs nothing.

    Raises
    ------
    ValueError
        If fewer than 6 x 6 whole pixels lie in the field, or no image was taken meanwhile, unless there is only one.
    """
    for dim in ("y", "x"):
        _Sampling.between(estimate[dim].values, widefield[dim].values)
    if widefield.sizes.get("time", 1) > 1:
        _during(widefield, estimate)


def _listed(parts: Mapping[str, xr.DataArray]) -> str:
    """The channels of a movie, in words."""
    return "one channel" if len(parts) == 1 else f"{len(parts)} channels, {', '.join(parts)}"


def _compared(estimate: xr.DataArray, widefield: xr.DataArray) -> xr.Dataset:
    """Score one channel of a reconstruction."""
    movie = widefield.transpose(..., "y", "x")
    movie = movie if "time" in movie.dims else movie.expand_dims(time=estimate.time.values[:1])
    rows, columns = (_Sampling.between(estimate[dim].values, movie[dim].values) for dim in ("y", "x"))
    movie = _while_reconstructed(movie, estimate).isel(y=rows.kept, x=columns.kept)
    _say_what_is_not_judged(movie, estimate, rows, columns)
    images, seen = movie.values.astype(np.float64), _at_images(estimate, schema.times_s(movie))
    if np.ptp(images) == 0 or np.ptp(seen) == 0:
        raise ValueError("the reconstruction or the widefield image is constant: there is nothing to compare")

    def predicted(sigma_nm: float) -> Floats:
        blurred: Floats = rows.matrix(sigma_nm) @ seen @ columns.matrix(sigma_nm).T
        return blurred

    sigma_nm = _sharpest_fit(
        images, predicted, (rows.step_nm / 2, WIDEST * min(rows.span_nm, columns.span_nm))
    )
    return _described(movie, images, predicted(sigma_nm), sigma_nm)


def _while_reconstructed(movie: xr.DataArray, estimate: xr.DataArray) -> xr.DataArray:
    """The images taken during the reconstruction; a single image may be of any time."""
    if movie.sizes["time"] == 1:
        return movie
    during = _during(movie, estimate)
    if not during.all():
        left_out = np.count_nonzero(~during)
        _log.info("%d of %d widefield images were taken before or after the reconstruction and are left out",
                  left_out, during.size)  # fmt: skip
    return movie.isel(time=np.flatnonzero(during))


def _during(movie: xr.DataArray, estimate: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Which images were taken during the reconstruction, or a time point before or after it; at least one."""
    images_s, points_s = schema.times_s(movie), schema.times_s(estimate)
    point_s = (points_s[-1] - points_s[0]) / max(points_s.size - 1, 1)
    during = (images_s >= points_s[0] - point_s) & (images_s <= points_s[-1] + point_s)
    if not during.any():
        raise ValueError(
            f"the widefield images were taken from {images_s[0]:g} to {images_s[-1]:g} s, "
            f"the reconstruction lasts from {points_s[0]:g} to {points_s[-1]:g} s: there is nothing to compare"
        )
    return np.asarray(during)


def _say_what_is_not_judged(
    movie: xr.DataArray, estimate: xr.DataArray, rows: _Sampling, columns: _Sampling
) -> None:
    """Log which part of the reconstruction no image shows, in space and time."""
    if rows.misses or columns.misses:
        share = rows.covered * columns.covered
        _log.info("the widefield images show y %s, x %s, %.0f %% of the field of the reconstruction: the rest is not "
                  "judged", rows.shown, columns.shown, 100 * share)  # fmt: skip
    images_s, points_s = schema.times_s(movie), schema.times_s(estimate)
    if images_s.size == 1:
        if points_s.size > 1:
            _log.info(
                "the one widefield image is compared with the mean of all %d time points", points_s.size
            )
        return
    step_s = max(float(np.diff(times_s).max(initial=0)) for times_s in (images_s, points_s))
    if images_s[0] - points_s[0] > step_s or points_s[-1] - images_s[-1] > step_s:
        _log.info("the widefield images were taken from %g to %g s, the reconstruction lasts from %g to %g s: the rest "
                  "is not judged", images_s[0], images_s[-1], points_s[0], points_s[-1])  # fmt: skip


class _Sampling(NamedTuple):
    """Along one axis: the pixels of the reconstruction, and the edges of the camera pixels inside it."""

    centres_nm: Floats
    step_nm: float
    kept: npt.NDArray[np.intp]
    edges_nm: Floats

    @classmethod
    def between(cls, fine_nm: Floats, camera_nm: Floats) -> _Sampling:
        """Choose the camera pixels that lie completely inside the reconstruction."""
        step, pixel = (float(at[-1] - at[0]) / max(at.size - 1, 1) for at in (fine_nm, camera_nm))
        edges = camera_nm[:, None] + np.array([-0.5, 0.5]) * pixel
        low, high = fine_nm[0] - step / 2, fine_nm[-1] + step / 2
        slack = 1e-6 * pixel
        kept = np.flatnonzero((edges[:, 0] >= low - slack) & (edges[:, 1] <= high + slack))
        if kept.size < LEAST_PIXELS:
            raise ValueError(
                f"of the widefield pixels of {pixel:g} nm, from {camera_nm[0]:g} to {camera_nm[-1]:g} nm, {kept.size} "
                f"lie in the reconstruction, from {low:g} to {high:g} nm; at least {LEAST_PIXELS} per axis are needed"
            )
        return cls(fine_nm, step, kept, edges[kept])

    @property
    def ends_nm(self) -> tuple[float, float]:
        """The outer edges of the chosen camera pixels."""
        return float(self.edges_nm[0, 0]), float(self.edges_nm[-1, 1])

    @property
    def covered(self) -> float:
        """The share of the reconstruction that camera pixels cover."""
        return (self.ends_nm[1] - self.ends_nm[0]) / self.span_nm

    @property
    def misses(self) -> bool:
        """Whether more than the camera pixels cut by the border is not covered."""
        pixel = float(self.edges_nm[0, 1] - self.edges_nm[0, 0])
        low, high = self.centres_nm[0] - self.step_nm / 2, self.centres_nm[-1] + self.step_nm / 2
        return bool(max(self.ends_nm[0] - low, high - self.ends_nm[1]) > pixel)

    @property
    def shown(self) -> str:
        """The range that camera pixels cover, in words."""
        return "{:g} to {:g} nm".format(*self.ends_nm)

    @property
    def span_nm(self) -> float:
        """The length of the reconstruction."""
        return self.step_nm * self.centres_nm.size

    def matrix(self, sigma_nm: float) -> Floats:
        """Means, over every camera pixel, of a Gaussian around every pixel of the reconstruction; rows sum to 1."""
        ends = ndtr((self.edges_nm[:, None, :] - self.centres_nm[:, None]) / sigma_nm)
        weights = ends[..., 1] - ends[..., 0]
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _at_images(estimate: xr.DataArray, times_s: Floats) -> Floats:
    """The reconstruction (image, y, x) at the times of images, interpolated linearly between time points."""
    movie = estimate.transpose("time", "y", "x").values.astype(np.float64)
    if times_s.size == 1:
        return np.asarray(movie.mean(axis=0, keepdims=True))
    at = np.interp(times_s, schema.times_s(estimate), np.arange(len(movie)))
    before = at.astype(np.int64)
    share = (at - before)[:, None, None]
    return np.asarray((1 - share) * movie[before] + share * movie[np.minimum(before + 1, len(movie) - 1)])


def _sharpest_fit(
    images: Floats, predicted: Callable[[float], Floats], bounds_nm: tuple[float, float]
) -> float:
    """The width of the highest correlation with the images, which is that of the least squared error."""

    def loss(log_sigma: float) -> float:
        return -_correlation(images, predicted(float(np.exp(log_sigma))))

    tried = np.log(np.geomspace(bounds_nm[0], bounds_nm[1], TRIED))
    best = int(np.argmin([loss(at) for at in tried]))
    around = tried[max(best - 1, 0)], tried[min(best + 1, TRIED - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": 1e-4}).x))


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _described(movie: xr.DataArray, images: Floats, seen: Floats, sigma_nm: float) -> xr.Dataset:
    """The fit and its error as a dataset with units."""
    rsp = _correlation(images, seen)
    scale = max(rsp, 0.0) * images.std() / seen.std()
    offset = images.mean() - scale * seen.mean()
    error = np.abs(images - scale * seen - offset)
    scalars = {
        "rsp": (rsp, "1", "resolution-scaled Pearson correlation"),
        "rse": (float(np.sqrt(np.mean(error**2))), "grey level", "resolution-scaled error"),
        "sigma_nm": (sigma_nm, "nm", "fitted standard deviation of the point spread function"),
        "scale": (scale, "grey level nm", "fitted grey levels for a density of 1 / nm"),
        "offset": (offset, "grey level", "fitted background"),
    }
    found = {
        name: ((), value, {"units": units, "long_name": text, "doi": DOI})
        for name, (value, units, text) in scalars.items()
    }
    attrs = {"units": "grey level", "long_name": "absolute difference from the widefield image"}
    return xr.Dataset(
        {**found, "error": (("time", "y", "x"), error.astype(np.float32), attrs)},
        {dim: schema.variable(dim, movie[dim].values) for dim in ("time", "y", "x")},
    )
