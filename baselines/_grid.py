"""A network's own grid: its time bins and pixels, whatever the time points and pixels of an observation.

Localizations have times and coordinates, so they can be counted on any grid. A network with a grid of its own always
sees bins and pixels as in training, and its output is shown at the time points and pixels of the observation. So one
set of weights serves all time windows and pixels, and the window changes at which times the output is shown, but not
what the network knows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import PositiveFloat
from scipy.ndimage import map_coordinates

from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec

Floats = npt.NDArray[np.float32]

SAME = 1e-6
"""Relative difference up to which two pixel sizes are the same."""
CUBIC = 3
"""Order of the splines between pixels: a line of a standard deviation of 1.5 px is followed to about 0.1 %."""


class Grid(Spec):
    """Time bins and pixels on which a network works.

    A time point is cut into the whole number of bins whose duration is closest to ``bin_s``, such that its middle is
    the middle of a bin. Time points shorter than a bin and a half are bins themselves.

    Parameters
    ----------
    bin_s : float
        Duration of a time bin in s.
    pixel_nm : float
        Edge length of a pixel in nm.
    """

    bin_s: PositiveFloat = 0.3
    pixel_nm: PositiveFloat = 20.0

    def bins_per_point(self, observation: xr.Dataset) -> int:
        """Return the number of bins in a time point of an observation."""
        frames = int(observation.attrs["frames_per_point"])
        point_s = frames * float(observation.attrs["exposure_s"])
        return min(max(round(point_s / self.bin_s), 1), frames)

    def frames_per_bin(self, observation: xr.Dataset) -> float:
        """Return the mean number of camera frames in a bin."""
        return int(observation.attrs["frames_per_point"]) / self.bins_per_point(observation)

    def seen(self, observation: xr.Dataset, parts: int = 1) -> xr.Dataset:
        """Count the localizations of an observation on this grid.

        Parameters
        ----------
        observation : xr.Dataset
            ``counts`` (time, y, x), ``loc_frame``, ``loc_y``, ``loc_x`` (localization,) and the attributes
            ``frames_per_point`` and ``exposure_s``.
        parts : int
            Number of equal parts of a bin that are told apart: the camera frames of what is returned.

        Returns
        -------
        xr.Dataset
            The same localizations, with bins as time points. With an even number of bins in a time point there is one
            more bin than they need: the first and the last are half as long.

        Raises
        ------
        ValueError
            If the observation does not say when its molecules were localized.
        """
        _require_times(observation)
        bins, points = self.bins_per_point(observation), observation.sizes["time"]
        frames = int(observation.attrs["frames_per_point"])
        point_s = frames * float(observation.attrs["exposure_s"])
        late = 1 - bins % 2  # half a bin, if the middle of a time point would lie between two bins
        frame = observation.loc_frame.values.astype(np.int64)
        found = parts * ((2 * frame + 1) * bins + late * frames) // (2 * frames)
        table = observation[["loc_y", "loc_x"]].assign(loc_frame=observation.loc_frame.copy(data=found))
        acquisition = Acquisition(
            time_points=points * bins + late,
            frames_per_point=parts,
            exposure_s=point_s / bins / parts,
            steps_per_point=1,
        )
        field = self._field(observation)
        about = {
            **observation.attrs,
            "frames_per_point": parts, "exposure_s": acquisition.exposure_s, "pixel_nm": field.pixel_nm,
        }  # fmt: skip
        return bin_localizations(table, field, acquisition).assign_attrs(about)

    def shown(self, image: Floats, observation: xr.Dataset) -> Floats:
        """Show a movie (bin, y, x) on this grid at the time points and pixels of an observation.

        Time points take the bin at their middle. Other pixels are interpolated by cubic splines; a density stays one
        per pixel of this grid, and negative values between pixels are set to 0.
        """
        bins = self.bins_per_point(observation)
        image = image[bins // 2 :: bins][: observation.sizes["time"]]
        field, own = FieldOfView.of(observation), self._field(observation)
        if own.shape == observation.counts.shape[1:] and own.pixel_nm == field.pixel_nm:
            return np.ascontiguousarray(image)
        y, x = (
            (observation[axis].values - origin_nm) / own.pixel_nm - 0.5
            for axis, origin_nm in (("y", own.origin_y_nm), ("x", own.origin_x_nm))
        )
        places = np.stack(np.meshgrid(y, x, indexing="ij"))
        found = [map_coordinates(frame, places, order=CUBIC, mode="nearest") for frame in image]
        return np.maximum(np.stack(found), np.float32(0))

    def _field(self, observation: xr.Dataset) -> FieldOfView:
        """The field of an observation in pixels of this grid; the last ones may reach beyond it."""
        field = FieldOfView.of(observation)
        if math.isclose(field.pixel_nm, self.pixel_nm, rel_tol=SAME):
            return field
        rows, columns = (
            math.ceil(length / self.pixel_nm - SAME) for length in (field.height_nm, field.width_nm)
        )
        return field.replace(
            {
                "height_nm": rows * self.pixel_nm,
                "width_nm": columns * self.pixel_nm,
                "pixel_nm": self.pixel_nm,
            }
        )


def _require_times(observation: xr.Dataset) -> None:
    missing: list[Any] = [name for name in ("loc_frame", "loc_y", "loc_x") if name not in observation]
    missing += [name for name in ("frames_per_point", "exposure_s") if name not in observation.attrs]
    if missing:
        raise ValueError(
            f"the network sees when each molecule was localized, but the observation lacks {', '.join(missing)}; give "
            "the table of localizations, or take a network that sees counts"
        )
