"""Reconstructors: installed methods that turn an observation into an estimate of the density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from smlmsim import channels, schema
from smlmsim.plugins import PluginError, Plugins


class ReconstructionError(PluginError):
    """A reconstructor cannot be loaded, or its result is not an estimate of the density."""


RECONSTRUCTORS = Plugins(
    "smlmsim.reconstructors", "reconstructor", ("reconstruct",), error=ReconstructionError
)

FRAMES, WIDEFIELD = "frames", "widefield"
REMEDIES = {
    FRAMES: "simulated studies give them with localization.kind=imaged and localization.keep_frames=true",
    WIDEFIELD: "simulated studies give it with a table [study.widefield], smlmsim reconstruct with --widefield STACK",
}
"""Variable that a reconstructor may need -> how it comes into the observation."""


@runtime_checkable
class Reconstructor(Protocol):
    """Anything that estimates a density from an observation.

    Its package registers it by an entry point in the group ``smlmsim.reconstructors``: a name for a class
    whose arguments are the settings::

        [project.entry-points."smlmsim.reconstructors"]
        my_method = "my_package.my_module:MyMethod"

    ``smlmsim.testing.check_reconstructor`` checks that it fulfils the contract.

    A movie of several channels reaches it one channel at a time, each as a movie of its own. A class whose attribute
    ``takes_channels`` is True gets all at once instead: ``counts`` (channel, time, y, x) and ``loc_channel``, which
    counts the channels. It returns a density of the same dims, and still takes movies without ``channel``.

    A class that needs more than localizations says so in its attribute ``needs``, a tuple of names of the vocabulary:
    with ``needs: ClassVar[tuple[str, ...]] = ("frames",)`` the observation holds the camera frames as
    :func:`smlmsim.schema.check_frames` describes them, or :func:`reconstruct` refuses it.
    """

    def reconstruct(self, observation: xr.Dataset) -> xr.Dataset:
        """Estimate the density.

        Parameters
        ----------
        observation : xarray.Dataset
            ``counts`` (time, y, x) and the localizations ``loc_*`` (localization,), with the coordinates
            ``time`` in s, ``y`` and ``x`` in nm. It must not be changed.

        Returns
        -------
        xarray.Dataset
            ``density`` (time, y, x) and, if there is one, its variance ``uncertainty``, both finite, on the
            same coordinates. Metrics ignore one positive factor for the whole movie, since the number of
            localizations per nanometre of contour is unknown. The attributes ``units`` and ``long_name`` describe
            the density (:func:`smlmsim.schema.estimate` sets them); others may record how it was made.
        """
        ...


def available() -> list[str]:
    """Return the names of all installed reconstructors, sorted, without importing them."""
    return RECONSTRUCTORS.available()


def load(name: str, settings: Mapping[str, Any] | None = None) -> Reconstructor:
    """Make an installed reconstructor.

    Parameters
    ----------
    name : str
        One of ``available()``.
    settings : mapping, optional
        Arguments of the reconstructor; by default none.

    Raises
    ------
    ReconstructionError
        If no package or more than one offers the name, if its module cannot be imported, if the settings do
        not fit, if the class has no method ``reconstruct``, or if its ``needs`` are no names of the vocabulary.

    Examples
    --------
    >>> load("gaussian_time", {"time_sigma_s": 3.0}).time_sigma_s
    3.0
    """
    made: Reconstructor = RECONSTRUCTORS.load(name, settings)
    needs(made)
    return made


def needs(reconstructor: Reconstructor) -> tuple[str, ...]:
    """Return the variables that a reconstructor needs besides counts and localizations, such as ``frames``.

    Raises
    ------
    ReconstructionError
        If its attribute ``needs`` is not a tuple of names of the vocabulary.

    Examples
    --------
    >>> needs(load("sparse"))
    ()
    """
    said = getattr(reconstructor, "needs", ())
    if not isinstance(said, tuple) or not all(name in schema.VOCABULARY for name in said):
        raise ReconstructionError(
            f"{type(reconstructor).__name__} is refused: its needs are {said!r}, expected a tuple of variables, as in "
            f"needs = ({FRAMES!r},)"
        )
    return said


def require_needs(reconstructor: Reconstructor, observation: xr.Dataset) -> None:
    """Require that an observation holds what a reconstructor needs.

    Raises
    ------
    ReconstructionError
        Naming what is missing and the settings that help, or if all channels have the same frames.
    SchemaError
        If the frames are not as :func:`smlmsim.schema.check_frames` describes them.
    """
    name = type(reconstructor).__name__
    for needed in needs(reconstructor):
        if needed not in observation.variables:
            remedy = REMEDIES.get(needed)
            raise ReconstructionError(
                f"{name} needs {needed!r}, which this observation lacks" + (f"; {remedy}" if remedy else "")
            )
        if needed == FRAMES:
            schema.check_frames(observation)
            if channels.CHANNEL in observation.dims and not getattr(reconstructor, "takes_channels", False):
                raise ReconstructionError(
                    f"{name} needs the frames of each channel, and these are of all channels together; give it one "
                    "channel with its frames"
                )


def reconstruct(reconstructor: Reconstructor, observation: xr.Dataset) -> xr.Dataset:
    """Run a reconstructor, and check that its result is an estimate of the density.

    Parameters
    ----------
    reconstructor : Reconstructor
        From ``load``, or any object with a method ``reconstruct``.
    observation : xarray.Dataset
        ``counts`` (time, y, x) and ``loc_*`` (localization,), coordinates in s and nm. With a leading ``channel``, each
        channel is reconstructed from its own localizations and its own part of all that has this dim, unless the
        attribute ``takes_channels`` of the reconstructor is True.

    Returns
    -------
    xarray.Dataset
        ``density`` float32 with the dims of the counts, ``uncertainty`` likewise where the reconstructor gives it, the
        coordinates of the observation, and the attributes of the result; one that differs between channels is a list.
        The units are those that the reconstructor says the density has, "1" where it says none, and their square.

    Raises
    ------
    ReconstructionError
        If the result is not a dataset, lacks the density, has other dims, another shape or other coordinates
        than the counts, or holds anything but finite real numbers, if the observation was changed, or if it lacks what
        the reconstructor needs. The message names the reconstructor.
    SchemaError
        If the observation lacks the counts or a coordinate.
    """
    schema.check(observation, "counts", "time", "y", "x")
    require_needs(reconstructor, observation)
    several = channels.CHANNEL in observation.counts.dims
    apart = several and not getattr(reconstructor, "takes_channels", False)
    parts = channels.split(observation) if apart else {channels.ALONE: observation}
    return channels.joined({name: _accepted(reconstructor, part, name) for name, part in parts.items()})


def _accepted(reconstructor: Reconstructor, observation: xr.Dataset, channel: str) -> xr.Dataset:
    """The estimate of one channel, or of all at once, if it is one."""
    untouched = observation.copy(deep=True)
    result = reconstructor.reconstruct(observation)
    try:
        if not _same(observation, untouched):
            raise ReconstructionError("it changed the observation, which must stay as it was")
        return _estimate(result, observation)
    except ReconstructionError as error:
        where = f" on the channel {channel}" if channel != channels.ALONE else ""
        raise ReconstructionError(f"{type(reconstructor).__name__} is refused{where}: {error}") from None


def _same(found: xr.Dataset, before: xr.Dataset) -> bool:
    """Whether two datasets are identical; that equal numbers are equal is seen first, before NaN are looked for."""
    quick = set(found.variables) == set(before.variables) and all(
        variable.identical(before.variables[name], equiv=_equal)  # type: ignore[no-untyped-call]
        for name, variable in found.variables.items()
    )
    return (quick and found[[]].identical(before[[]]) and set(found.coords) == set(before.coords)) or (
        found.identical(before)
    )


def _equal(found: Any, before: Any) -> bool:
    """Whether two arrays in memory hold the same numbers; what is read lazily is not compared here."""
    in_memory = isinstance(found, np.ndarray) and isinstance(before, np.ndarray)
    return in_memory and np.array_equal(found, before)


def _estimate(result: Any, observation: xr.Dataset) -> xr.Dataset:
    if not isinstance(result, xr.Dataset):
        raise ReconstructionError(f"it returned {type(result).__name__}, expected an xarray.Dataset")
    if "density" not in result.data_vars:
        held = ", ".join(sorted(map(str, result.data_vars))) or "nothing"
        raise ReconstructionError(f"it returned no 'density'; the dataset holds {held}")
    names = [name for name in ("density", "uncertainty") if name in result.data_vars]
    coords = {name: observation[name] for name in observation.counts.dims if name in observation.coords}
    said = result["density"].attrs
    return schema.estimate(
        dict(result.attrs),
        units=str(said.get("units", "1")),
        meaning=str(said.get("long_name", schema.UNKNOWN_SCALE)),
        **{name: _values(result[name], observation.counts) for name in names},
        **coords,
    )


def _values(found: xr.DataArray, counts: xr.DataArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    name = found.name
    if found.dims != counts.dims:
        raise ReconstructionError(f"its {name} has the dims {found.dims}, expected {counts.dims}")
    if found.shape != counts.shape:
        raise ReconstructionError(f"its {name} has the shape {found.shape}, expected {counts.shape}")
    for axis in (dim for dim in counts.dims if dim in counts.coords):
        if axis not in found.coords or not np.array_equal(found[axis], counts[axis]):
            raise ReconstructionError(f"its {name} has other {axis} coordinates than the counts")
    if found.dtype.kind not in "biuf":
        raise ReconstructionError(f"its {name} is {found.dtype}, expected real numbers")
    alias = np.may_share_memory(found.values, counts.values)
    with np.errstate(over="ignore"):
        values = found.values.astype(np.float32, copy=alias)
    if spoilt := sum(np.count_nonzero(~np.isfinite(image)) for image in values):
        raise ReconstructionError(f"its {name} holds {spoilt} values that are NaN or infinite")
    return values
