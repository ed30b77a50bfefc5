"""Augmentation: pairs of sparse and dense crops from a stored movie, different at every call."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from smlmsim import schema
from smlmsim.acquisition import Acquisition
from smlmsim.corpus import _kernels
from smlmsim.corpus.corpus import CorpusError
from smlmsim.field import FieldOfView
from smlmsim.movie import seen
from smlmsim.photophysics import TooFewMoleculesError
from smlmsim.pipeline import Simulated, out_of_focus, widefield_images
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec

Array = npt.NDArray[Any]

REFERENCE_UM2 = 2.56**2
"""Area in um^2 to which rates refer: a field of 128 pixels of 20 nm."""
FAINTEST_NM = 1000.0
"""Contour length in the crop, in nm, below which the rate is reduced in proportion."""
REACHED = 0.999
"""Fraction of the highest possible rate of blinking molecules that is used if they cannot reach the drawn rate."""
SUBPIXELS = 64
"""Places per pixel along either axis at which a localization may lie, as fine as those of a stored corpus."""
SAME = 1e-6
"""Relative difference up to which two durations are the same."""
NEAR_NM = 300.0
"""Distance in nm from a crop beyond which contours are left out: their blur does not reach into the crop."""

Size = tuple[int, int, int]
Positive = Annotated[tuple[PositiveFloat, PositiveFloat], "low, high"]
Fractions = tuple[Annotated[float, pydantic.Field(ge=0, le=1)], Annotated[float, pydantic.Field(ge=0, le=1)]]


class Crop(NamedTuple):
    """The observation, with localizations and widefield images, and the true density (time, y, x), float32.

    The observation may last longer: ``first`` is its time point at which the density begins.
    """

    observation: xr.Dataset
    density: npt.NDArray[np.float32]
    first: int = 0


class Contours(NamedTuple):
    """Vertices over time (time, vertex), in steps of ``step_nm`` from the middle of the field of a movie.

    ``period_nm`` is the period of the structure along y and x; ``NEVER_NM`` if it is not periodic.
    """

    y: Array
    x: Array
    filament: npt.NDArray[np.int32]
    step_nm: float
    period_nm: tuple[float, float]


class Place(NamedTuple):
    """Place of a crop: its centre from the middle of the field, its angle in radian, and -1 if mirrored, else 1."""

    y_nm: float
    x_nm: float
    angle: float
    flip: float


class Augmentation(Spec):
    """Crops of a movie, rotated by any angle and flipped, with newly simulated localizations along the contours.

    Contours are rotated as coordinates before pixels are computed, so nothing is blurred by interpolation, and the
    sparse and the dense crop stay aligned. Vertices move along straight lines between the middles of time points.

    The photophysics is that of the movie, with the drawn rate. Blinking molecules keep their repeats: their activation
    is adjusted to the rate, or to the highest rate that all of them can give. If the study has a widefield microscope,
    its images are simulated again.

    Parameters
    ----------
    time_points, height, width : int
        Size of a crop, in time points and pixels.
    point_s : float, optional
        Duration of a time point of a crop, into which those of a movie are gathered; by default theirs. It is an odd
        multiple of theirs, so that its middle is that of a stored time point. A corpus of short time points thus trains
        networks for several time windows.
    around : int
        Greatest number of time points that are observed before and after a crop together; how many, and how many of
        them before it, is drawn for every crop. Averages over time use them, as those of a tile do in reconstruction.
        Not used for movies without vertices.
    rate_hz : (float, float)
        Range of the localization rate per 2.56 x 2.56 um, drawn uniformly in its logarithm. With less than 1 um of
        contour in the crop, the rate is reduced in proportion. In camera frames it is that of the molecules.
    precision_nm : (float, float)
        Range of the median localization precision. Not used for movies without vertices, whose density is already
        blurred, nor where localizations come from camera frames.
    false_positives : (float, float)
        Range of the fraction of localizations that are false positives, anywhere in the field. Not used where
        localizations come from camera frames.
    """

    time_points: PositiveInt = 128
    height: PositiveInt = 128
    width: PositiveInt = 128
    point_s: PositiveFloat | None = None
    around: NonNegativeInt = 0
    rate_hz: Positive = (30.0, 1600.0)
    precision_nm: Positive = (10.0, 30.0)
    false_positives: Fractions = (0.0, 0.05)

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("rate_hz", "precision_nm", "false_positives"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} goes from {low:g} to {high:g}; swap them")
        return self

    def gathered(self, study: Simulated) -> int:
        """Return the number of time points of a movie of a study that make a time point of a crop.

        Raises
        ------
        CorpusError
            If ``point_s`` is no odd multiple of their duration.
        """
        if self.point_s is None:
            return 1
        stored_s = study.acquisition.point_s
        number = round(self.point_s / stored_s)
        if number % 2 == 0 or not math.isclose(number * stored_s, self.point_s, rel_tol=SAME):
            raise CorpusError(
                f"time points of point_s={self.point_s:g} are no odd multiple of those of the movies, {stored_s:g} s; "
                "set point_s of the crops, or make a corpus of other time points"
            )
        return number

    @property
    def size(self) -> Size:
        """The size of a crop: time points, height and width in pixels."""
        return self.time_points, self.height, self.width

    def fitted(self, study: Simulated, *, multiple: Size = (1, 1, 1)) -> Augmentation:
        """Return the largest crops, at most as large as these, that fit into the movies of a study.

        Parameters
        ----------
        study : Simulated
            Study of the movies.
        multiple : (int, int, int)
            Time points, height and width are rounded down to multiples of these, if movies are that large.
        """
        least = (min(wanted, there) for wanted, there in zip(self.size, self._available(study), strict=True))
        sizes = (max(size // step, 1) * step for size, step in zip(least, multiple, strict=True))
        return self.replace(dict(zip(("time_points", "height", "width"), sizes, strict=True)))

    def require_fit(self, study: Simulated, *, multiple: Size = (1, 1, 1)) -> None:
        """Raise an error if crops are larger than the movies of a study.

        Raises
        ------
        CorpusError
            If they are; the message gives the size of the movies, and crops that would fit.
        """
        movie = self._available(study)
        if _holds(movie, self.size):
            return
        fitted = self.fitted(study, multiple=multiple).size
        hint = f"crop={'x'.join(map(str, fitted))} would" if _holds(movie, fitted) else "take larger movies"
        points = "" if self.point_s is None else f", in time points of point_s={self.point_s:g}"
        raise CorpusError(
            f"crops of {self.size} (time, y, x) do not fit into movies of {movie}{points}; {hint}"
        )

    def redraw(
        self, contours: Contours, study: Simulated, rng: np.random.Generator, *, first: int = 0
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Simulate localizations of the rotated contours of a crop.

        Parameters
        ----------
        contours : Contours
            Contours of the movie, at the stored time points of the crop and around it.
        study : Simulated
            Study of the movie: field, acquisition, density, photophysics, localization, widefield microscope.
        rng : Generator
        first : int
            Number of time points of the duration of those of the crop that are observed before it.

        Returns
        -------
        observation, truth : xr.Dataset
            As from :func:`~smlmsim.pipeline.simulate`, in a field of the size of the crop with its corner at 0; the
            truth has the time points of the crop alone. There are no widefield images if there is no time for one.
        """
        field, acquisition = (
            self._field(study),
            self._acquisition(study, len(contours.y) // self.gathered(study)),
        )
        place = self._place(study.field, rng)
        moving = _placed(contours, place, field, acquisition)
        middles = moving.isel(time=acquisition.middle_steps)
        truth = study.density.render(middles.isel(time=slice(first, first + self.time_points)), field)
        rate_hz = self._rate_hz(rng, field) * min(1.0, _visible_nm(moving, field) / FAINTEST_NM)
        errors = {
            "precision_nm": rng.uniform(*self.precision_nm),
            "false_positive_uniform": rng.uniform(*self.false_positives),
        }
        # In camera frames they are what noise and localizer make them, and no settings.
        localization = study.localizing if study.imaging else study.localizing.replace(errors)
        events = _events(study, max(rate_hz, 1e-9), moving, field, acquisition, rng)
        localizations = localization.localize(events, field, acquisition, rng)
        observation = bin_localizations(localizations, field, acquisition)
        if study.widefield and study.widefield.frames_between <= acquisition.frames:
            images = widefield_images(study.widefield, moving, field, acquisition, rng)
            observation = observation.merge(images)
        return observation.assign_attrs(seen(field, acquisition)), truth

    def thin(self, density: Array, study: Simulated, rng: np.random.Generator) -> Crop:
        """Simulate localizations from a dense crop without contours, and rotate both by right angles.

        A localization lies anywhere in its pixel and in the camera frames of its time point. Whatever the photophysics
        of the study, localizations are independent here, and there are no widefield images.

        Parameters
        ----------
        density : ndarray (stored time, y, x)
            Density of the crop, in any unit.
        study : Simulated
            Study of the movie.
        rng : Generator
        """
        field, acquisition = self._field(study), self._acquisition(study, self.time_points)
        rate_hz, share = self._rate_hz(rng, field), rng.uniform(*self.false_positives)
        total, length = rate_hz * acquisition.recorded_s, float(density.sum())
        gathered = self.gathered(study)
        stored = density.reshape(self.time_points, gathered, *density.shape[1:])
        density, summed = stored[:, gathered // 2], stored.sum(axis=1)
        expected = summed * (total / length if length else 0) + total * share / density.size
        counts, turned = _turned_square(rng.poisson(expected), density.astype(np.float32), rng)
        acquisition = self._acquisition(study, self.time_points)
        return Crop(_spread(counts, field, acquisition, rng), turned)

    def lasting(self, study: Simulated) -> Simulated:
        """Return the study with movies of the time points of crops."""
        frames = study.acquisition.frames_per_point * self.gathered(study)
        return study.replace(
            {"acquisition.time_points": self.time_points, "acquisition.frames_per_point": frames}
        )

    def _available(self, study: Simulated) -> Size:
        """The time points, as many together as in crops, and the rows and columns of the movies of a study."""
        points, rows, columns = movie_size(study)
        return points // self.gathered(study), rows, columns

    def _field(self, study: Simulated) -> FieldOfView:
        pixel_nm = study.field.pixel_nm
        return FieldOfView(
            height_nm=self.height * pixel_nm, width_nm=self.width * pixel_nm, pixel_nm=pixel_nm
        )

    def _acquisition(self, study: Simulated, time_points: int) -> Acquisition:
        crops = self.lasting(study).acquisition
        return crops.replace({"time_points": time_points, "steps_per_point": self.gathered(study)})

    def _rate_hz(self, rng: np.random.Generator, field: FieldOfView) -> float:
        low, high = self.rate_hz
        return math.exp(rng.uniform(math.log(low), math.log(high))) * field.area_um2 / REFERENCE_UM2

    def _place(self, field: FieldOfView, rng: np.random.Generator) -> Place:
        """Draw a centre for which the unrotated crop lies inside the field, an angle, and whether to mirror."""
        spare_y = (field.height_nm - self.height * field.pixel_nm) / 2
        spare_x = (field.width_nm - self.width * field.pixel_nm) / 2
        return Place(
            rng.uniform(-spare_y, spare_y), rng.uniform(-spare_x, spare_x), rng.uniform(0, 2 * math.pi),
            rng.choice([-1.0, 1.0]),
        )  # fmt: skip


def movie_size(study: Simulated) -> Size:
    """Time points, rows and columns of the movies of a study."""
    return (study.acquisition.time_points, *study.field.shape)


def _holds(movie: Size, crop: Size) -> bool:
    return all(wanted <= there for wanted, there in zip(crop, movie, strict=True))


def _placed(contours: Contours, place: Place, crop: FieldOfView, acquisition: Acquisition) -> xr.Dataset:
    """Return the moving contours near a crop, in nm and in the coordinates of the crop."""
    y, x, filament, step_nm, period_nm = contours
    radius_nm = math.hypot(crop.height_nm, crop.width_nm) / 2 + NEAR_NM
    period = np.float32(period_nm[0] / step_nm), np.float32(period_nm[1] / step_nm)
    near = _kernels.Circle(*(np.float32(length / step_nm) for length in (place.y_nm, place.x_nm, radius_nm)))
    pieces = _kernels.pieces_near(y, x, filament, period, near)
    cosine, sine = math.cos(place.angle), math.sin(place.angle)
    axes = np.array([[cosine, -sine * place.flip], [sine, cosine * place.flip]], np.float32) * np.float32(
        step_nm
    )
    middle = np.array([crop.height_nm, crop.width_nm], np.float32) / np.float32(2)
    placed = np.empty((2, len(y), pieces.vertex.size), np.float32)
    _kernels.place(y, x, pieces, period, near, axes, middle, placed)
    return schema.dataset(
        time=acquisition.step_times_s, vertex_y=placed[0], vertex_x=placed[1], filament=pieces.name
    )


def _visible_nm(moving: xr.Dataset, field: FieldOfView) -> float:
    """Return the mean contour length in the field: the segments whose first vertex lies in it."""
    y, x, filament = (moving[name].values for name in ("vertex_y", "vertex_x", "filament"))
    return float(_kernels.visible_length(y, x, filament, field.height_nm, field.width_nm))


def _events(
    study: Simulated,
    rate_hz: float,
    moving: xr.Dataset,
    field: FieldOfView,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Simulate the events of a study at a rate, or at the highest one that its molecules can give."""
    imaging = study.imaging
    emission = study.emission(imaging).replace({"rate_hz": rate_hz})
    try:
        events = emission.emit(moving, field, acquisition, rng)
    except TooFewMoleculesError as few:
        highest = emission.replace({"rate_hz": REACHED * few.most_hz})
        events = highest.emit(moving, field, acquisition, rng)
    if imaging and imaging.out_of_focus_photons:
        return events.merge(out_of_focus(imaging, moving, field, acquisition))
    return events


def _spread(
    counts: npt.NDArray[np.integer], field: FieldOfView, acquisition: Acquisition, rng: np.random.Generator
) -> xr.Dataset:
    """Make an observation of given counts, with localizations on a random one of 64 x 64 subpixels."""
    filled = np.nonzero(counts)
    point, row, column = (np.repeat(index, counts[filled]) for index in filled)
    frame = point * acquisition.frames_per_point + rng.integers(acquisition.frames_per_point, size=point.size)
    order = np.argsort(frame, kind="stable")
    y, x = (
        (pixel + (rng.integers(SUBPIXELS, size=pixel.size) + 0.5) / SUBPIXELS) * field.pixel_nm
        for pixel in (row, column)
    )
    return schema.dataset(
        seen(field, acquisition),
        counts=counts,
        loc_frame=frame[order].astype(np.int32),
        loc_time=acquisition.frame_times_s(frame[order]),
        loc_y=y[order].astype(np.float32),
        loc_x=x[order].astype(np.float32),
        time=acquisition.times_s,
        y=field.y_nm,
        x=field.x_nm,
    )


def _turned_square(counts: Array, density: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rotate by 0 or 180 degrees, flip or not, and rotate by 90 degrees or not if the crop is square."""
    _, height, width = counts.shape
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    turns = turns if height == width else 2 * (turns // 2)
    counts, density = (np.rot90(image, turns, axes=(1, 2)) for image in (counts, density))
    if flip:
        counts, density = counts[:, :, ::-1], density[:, :, ::-1]
    return np.ascontiguousarray(counts), np.ascontiguousarray(density)
