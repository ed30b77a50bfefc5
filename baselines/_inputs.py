"""What a network sees: the one way from an observation to the channels of its first layer.

Training (on simulated localizations) and reconstruction (of measured ones) both call :meth:`Inputs.see`, so equal
localizations give equal channels. It is called on a whole crop or movie, before a movie is cut into tiles, so that
averages over time also use the time points outside a tile.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import Field, PositiveFloat, field_validator, model_validator

from baselines._scale import noise
from baselines._wide_sum import WideSum
from baselines._widefield import on_pixels
from smlmsim.acquisition import Acquisition
from smlmsim.field import FieldOfView
from smlmsim.pipeline import Simulated
from smlmsim.sparse import bin_localizations
from smlmsim.spec import Spec, brief

logger = logging.getLogger("smlmsim.networks")

Floats = npt.NDArray[np.float32]

MOST_BINS = 100
"""Fine time bins within a time point, at most: more would have hardly a localization each."""
ALL = "all"


class Channel(NamedTuple):
    """A movie (time, y, x) that a network sees, and the factor that converts it to the scale of the network."""

    name: str
    movie: npt.NDArray[Any] | WideSum
    factor: np.float32

    @property
    def scaled(self) -> Floats:
        """The movie as the network sees it, float32."""
        return np.asarray(self.movie, np.float32) * self.factor


class Inputs(Spec):
    """What a network sees of an observation; by default the localizations counted in each pixel and time point.

    Counts are divided by one number for the whole movie, chosen such that the counts of a time point, or of a fine bin,
    have a Poisson variance of about 1 near localizations. Widefield images lie between 0 and 1.

    Parameters
    ----------
    fine_bins : int
        Number of bins of equal duration into which each time point is cut, 1 to 100. The counts of each bin are a
        channel; their sum is the counts of the time point.
    wide_sums : tuple of float or "all"
        Further channels, each a mean of the counts over neighbouring time points with Gaussian weights. A number is the
        standard deviation in time points, above 0; "all" is the mean over the whole movie. At the ends of a movie the
        weights are normalised to 1.
    widefield : bool
        Whether the last channel is the widefield image nearest in time, interpolated to the pixels. It is held until
        the next one: between two images of a moving filament, their mean would show it at two places.

    Examples
    --------
    >>> Inputs(fine_bins=2, wide_sums=(3, "all")).names
    ('counts 1/2', 'counts 2/2', 'sum over 3 time points', 'sum over all time points')
    """

    fine_bins: int = Field(1, ge=1, le=MOST_BINS)
    wide_sums: tuple[PositiveFloat | Literal["all"], ...] = ()
    widefield: bool = False

    @field_validator("wide_sums", mode="before")
    @classmethod
    def _widths(cls, found: Any) -> Any:
        if isinstance(found, str) or not isinstance(found, Iterable):
            raise ValueError(f'is a list, as in wide_sums=[3, "all"], found {brief(found)}')
        widths = list(found)
        for width in widths:
            is_number = isinstance(width, int | float) and not isinstance(width, bool)
            if not (is_number and 0 < width < math.inf) and width != ALL:
                raise ValueError(
                    f'a wide sum is a standard deviation in time points, above 0, or "all"; found {brief(width)}'
                )
            if widths.count(width) > 1:
                raise ValueError(f"the wide sum {brief(width)} appears twice")
        return tuple(widths)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the inputs of a network from its settings; if these have none, plain counts.

        Raises
        ------
        pydantic.ValidationError
            If the settings of the inputs are invalid.
        """
        return cls.model_validate(_moved(settings).get("inputs", {}))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels, in their order."""
        bins = self.fine_bins
        fine = [f"counts {number}/{bins}" for number in range(1, bins + 1)] if bins > 1 else ["counts"]
        wide = [f"sum over {_said(width)} time points" for width in self.wide_sums]
        return (*fine, *wide, *(["widefield"] if self.widefield else []))

    def __str__(self) -> str:
        bins = self.fine_bins
        parts = ["counts per time point" if bins == 1 else f"counts in {bins} fine bins per time point"]
        if self.wide_sums:
            parts.append(f"sums over {', '.join(map(_said, self.wide_sums))} time points")
        return ", ".join([*parts, *(["widefield images"] if self.widefield else [])])

    def see(self, observation: xr.Dataset) -> list[Channel]:
        """Turn an observation into channels.

        Parameters
        ----------
        observation : xr.Dataset
            ``counts`` (time, y, x); for fine bins also ``loc_frame``, ``loc_y``, ``loc_x`` (localization,) and the
            attribute ``frames_per_point``; for widefield images ``widefield`` (if absent, that channel is 0).

        Returns
        -------
        list of Channel
            In the order of ``names``. With several colours, each would give such a group of channels, one group after
            the other.

        Raises
        ------
        ValueError
            If there are fine bins, and the observation has no frames of localizations.
        """
        return list(self._channels(observation))

    def stacked(self, observation: xr.Dataset) -> Floats:
        """Return the channels of an observation as one array (channel, time, y, x), float32."""
        return np.stack([channel.scaled for channel in self.see(observation)])

    def require_shown(self, study: Simulated) -> None:
        """Raise an error if the movies of a study lack something that the network needs as input.

        Parameters
        ----------
        study : Simulated
            The study of the movies, of the same length as those that the network gets.

        Raises
        ------
        ValueError
            If something is missing; the message says what.
        """
        acquisition = study.acquisition
        if self.fine_bins > acquisition.frames_per_point:
            raise ValueError(
                f"fine_bins={self.fine_bins} are more than the camera frames in a time point of the study, "
                f"frames_per_point={acquisition.frames_per_point}; choose fewer bins"
            )
        if not self.widefield:
            return
        if study.widefield is None:
            raise ValueError(
                "the network needs widefield images (widefield=true), but the study takes none; give the study of "
                "the corpus a table [study.widefield]"
            )
        if acquisition.frames < study.widefield.frames_between:
            raise ValueError(
                f"{acquisition.time_points} time points have {acquisition.frames} camera frames, and a widefield image "
                f"comes after frames_between={study.widefield.frames_between}; choose longer crops"
            )

    def _channels(self, observation: xr.Dataset) -> Iterator[Channel]:
        counts = observation.counts.values
        scale = np.float32(1) / noise(counts.sum(axis=0, dtype=np.float32), len(counts))
        names = iter(self.names)
        finer = scale * np.sqrt(np.float32(self.fine_bins))
        for movie in fine_counts(observation, self.fine_bins) if self.fine_bins > 1 else [counts]:
            yield Channel(next(names), movie, finer)
        for width in self.wide_sums:
            yield Channel(next(names), WideSum(counts, math.inf if width == ALL else float(width)), scale)
        if self.widefield:
            yield Channel(next(names), _widefield(observation), np.float32(1))


class NetworkSettings(Spec):
    """Settings from which a network is built: its inputs, and more in each kind of network.

    Parameters
    ----------
    inputs : Inputs
        What the network sees.
    """

    inputs: Inputs = Inputs()

    @model_validator(mode="before")
    @classmethod
    def _older(cls, found: Any) -> Any:
        return _moved(found) if isinstance(found, Mapping) and "widefield" not in cls.model_fields else found

    @property
    def channels_in(self) -> int:
        """The number of channels that the first layer takes."""
        return len(self.inputs.names)


def fine_counts(observation: xr.Dataset, bins: int) -> Iterator[npt.NDArray[np.uint16]]:
    """Count localizations in equal parts of every time point; yield the movie (time, y, x) of each part in turn.

    A camera frame belongs to the part in which its middle lies.

    Parameters
    ----------
    observation : xr.Dataset
        ``counts`` (time, y, x), and the localizations with their camera frames.
    bins : int
        Number of parts of a time point.

    Raises
    ------
    ValueError
        If the observation has no frames of localizations.
    """
    points, _, _ = observation.counts.shape
    if "loc_frame" not in observation or "frames_per_point" not in observation.attrs:
        raise ValueError(
            f"the network sees {bins} fine bins per time point, but the observation does not say in which camera frame "
            "each molecule was localized; give the table of localizations, or take a network that sees counts"
        )
    frames_per_point = int(observation.attrs["frames_per_point"])
    if frames_per_point < bins:
        logger.warning(
            "the network sees %d fine bins per time point, which has frames_per_point=%d; some bins stay empty",
            bins,
            frames_per_point,
        )
    frame = observation.loc_frame.values.astype(np.int64)
    table = observation[["loc_y", "loc_x"]].assign(
        loc_frame=observation.loc_frame.copy(data=(2 * frame + 1) * bins // (2 * frames_per_point))
    )
    finely = Acquisition(time_points=points * bins, frames_per_point=1, steps_per_point=1)
    found = bin_localizations(table, FieldOfView.of(observation), finely).counts.values
    _require_all(found, observation)
    yield from found.reshape(points, bins, *found.shape[1:]).swapaxes(0, 1)


def _widefield(observation: xr.Dataset) -> Floats:
    if "widefield" in observation:
        return on_pixels(observation)
    logger.warning("the network also needs widefield images, but there are none; this channel is set to 0")
    return np.broadcast_to(np.float32(0), observation.counts.shape)


def _require_all(fine: npt.NDArray[np.uint16], observation: xr.Dataset) -> None:
    """Log a warning if the counts differ from the number of localizations."""
    found, counted = int(fine.sum(dtype=np.int64)), int(observation.counts.sum(dtype=np.int64))
    if found != counted:
        logger.warning(
            "%d localizations lie in the field, but the counts sum to %d; fine bins show the former",
            found,
            counted,
        )


def _moved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert older settings, in which ``widefield`` was not part of ``inputs``."""
    rest = dict(settings)
    if isinstance(shows := rest.get("widefield"), bool):
        del rest["widefield"]
        if shows:
            rest["inputs"] = {**dict(rest.get("inputs", {})), "widefield": True}
    return rest


def _said(width: float | str) -> str:
    return width if isinstance(width, str) else f"{width:g}"
