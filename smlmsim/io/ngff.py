"""The attributes of an OME-Zarr image, versions 0.4 and 0.5 (https://ngff.openmicroscopy.org)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
import pydantic

from smlmsim.io.image_units import length_nm, time_s
from smlmsim.io.movie import Axis, chosen, require_pixel
from smlmsim.spec import explain

VERSIONS = ("0.4", "0.5")
Lenient = pydantic.ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
Numbers = Annotated[list[float], pydantic.Field(min_length=2, max_length=5)]
_log = logging.getLogger(__name__)


class Dimension(pydantic.BaseModel):
    """An axis of an image."""

    model_config = Lenient

    name: str
    type: str | None = None
    unit: str | None = None

    @property
    def letter(self) -> str:
        """The name in the specification: t, c, z, y or x."""
        return {"time": "t", "channel": "c"}.get(self.type or "", self.name.strip().lower())


class Transformation(pydantic.BaseModel):
    """A transformation from indices to the units of the axes: a scale, or a translation."""

    model_config = Lenient

    type: Literal["scale", "translation"]
    scale: Numbers | None = None
    translation: Numbers | None = None


class Level(pydantic.BaseModel):
    """One of the resolutions of an image."""

    model_config = Lenient

    path: str
    transformations: Annotated[
        list[Transformation], pydantic.Field(alias="coordinateTransformations", min_length=1, max_length=2)
    ]


class Multiscale(pydantic.BaseModel):
    """An image in one or more resolutions, the finest first."""

    model_config = Lenient

    name: str | None = None
    version: str | None = None
    axes: Annotated[list[Dimension], pydantic.Field(min_length=2, max_length=5)]
    datasets: Annotated[list[Level], pydantic.Field(min_length=1)]
    transformations: Annotated[
        list[Transformation], pydantic.Field(alias="coordinateTransformations", max_length=2)
    ] = []

    @property
    def letters(self) -> list[str]:
        """The letters of the axes, from the slowest to the fastest."""
        return [axis.letter for axis in self.axes]

    def coordinates(
        self, sizes: Mapping[str, int], pixel_nm: float | None, point_s: float | None
    ) -> tuple[Axis | None, Axis, Axis]:
        """The coordinates along time, y and x; given values take precedence over the attributes.

        Those along time are None if there are several time points of unknown duration.

        Raises
        ------
        ValueError
            If the pixel is unknown.
        """
        y, x = (self._axis(dim, "pixel_nm", pixel_nm) for dim in "yx")
        require_pixel(y.step if y else None), require_pixel(x.step if x else None)
        assert y is not None
        assert x is not None
        time = self._axis("t", "point_s", point_s)
        return time or (Axis(0.0, 0.0) if sizes.get("t", 1) == 1 else None), y, x

    def step(self, letter: str) -> float | None:
        """The step along an axis in nm or s; None if unknown."""
        axis = self._axis(letter, "", None)
        return axis.step if axis and axis.step > 0 else None

    def _axis(self, letter: str, name: str, given: float | None) -> Axis | None:
        """The coordinates along an axis; None if unknown."""
        if letter not in self.letters:
            return Axis(given / 2, given) if given else None
        index = self.letters.index(letter)
        step, start = 1.0, 0.0
        for found in [*self.datasets[0].transformations, *self.transformations]:
            with np.errstate(over="ignore", invalid="ignore"):
                step = step * (found.scale[index] if found.scale else 1.0)
                start = start * (found.scale[index] if found.scale else 1.0)
                start += found.translation[index] if found.translation else 0.0
        spelled = self.axes[index].unit
        unit = (time_s if letter == "t" else length_nm)(spelled)
        if unit is None and given is None:
            _log.info("a step along %s is %g, but in an unsuitable unit: %s", letter, step, str(spelled)[:40])
        said = None if unit is None else step * unit
        if given is not None:
            chosen(name, given, said)
            return Axis(given / 2, given)
        return None if unit is None or said is None else Axis(start * unit, said)


def image_of(attributes: Mapping[str, Any]) -> Multiscale:
    """The image that the attributes of a group describe.

    Raises
    ------
    ValueError
        If they describe no image, or one of another version.
    """
    ome = attributes.get("ome", attributes)
    images = ome.get("multiscales") if isinstance(ome, Mapping) else None
    if images is None:
        raise ValueError("a Zarr group, but not an OME-Zarr image: it has no attribute 'multiscales'")
    try:
        first = images[0]
        version = str(ome.get("version", first.get("version", VERSIONS[0])))
    except (TypeError, IndexError, KeyError, AttributeError):
        raise ValueError("not an OME-Zarr image: 'multiscales' lists no image") from None
    if version not in VERSIONS:
        raise ValueError(f"OME-Zarr {version[:20]} is not read; {' and '.join(VERSIONS)} are")
    try:
        image = Multiscale.model_validate(first)
    except pydantic.ValidationError as error:
        raise ValueError(f"not an OME-Zarr {version} image: {explain(error).splitlines()[0][:300]}") from None
    _require_transformations(image)
    if len(images) > 1:
        _log.info("the first of %d images of the group is read", len(images))
    if len(image.datasets) > 1:
        _log.info("the finest of %d resolutions is read", len(image.datasets))
    return image


def labels_of(attributes: Mapping[str, Any]) -> list[Any]:
    """What a group calls its channels for OMERO, as far as it does."""
    ome = attributes.get("ome", attributes)
    shown = ome.get("omero") if isinstance(ome, Mapping) else None
    listed = shown.get("channels") if isinstance(shown, Mapping) else None
    entries = listed if isinstance(listed, list) else []
    return [entry.get("label") or "" for entry in entries if isinstance(entry, Mapping)]


def _require_transformations(image: Multiscale) -> None:
    steps = [*image.datasets[0].transformations, *image.transformations]
    if image.datasets[0].transformations[0].type != "scale" or any(
        len(getattr(step, step.type) or ()) != len(image.axes) for step in steps
    ):
        raise ValueError("every transformation has one number per axis, and a scale comes first")


def single_series(attributes: Mapping[str, Any], listed: Any, folders: list[str]) -> str | None:
    """Find the single image in a group of images, as written by bioformats2raw; None if the group is an image.

    Parameters
    ----------
    attributes : mapping
        Attributes of the group.
    listed : list of str, optional
        Attribute ``series`` of its group ``OME``.
    folders : list of str
        Folders in the group.

    Raises
    ------
    ValueError
        If there are several images; the message names them.
    """
    ome = attributes.get("ome", attributes)
    ome = ome if isinstance(ome, Mapping) else {}
    if "multiscales" in ome:
        return None
    for kind, part in (("plate", "wells"), ("well", "images")):
        if isinstance(ome.get(kind), Mapping):
            raise ValueError(
                f"an OME-Zarr {kind} of {part}, which are images of their own; give the folder of one"
            )
    numbered = sorted((name for name in folders if name.isdecimal()), key=lambda name: (len(name), name))
    found = [str(name) for name in listed] if isinstance(listed, list) and listed else numbered
    if len(found) > 1:
        names = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise ValueError(f"it holds {len(found)} images: {names[:300]}; give the folder of one of them")
    return found[0] if found else None


def require_path(path: str) -> str:
    """Refuse a path that leads outside a group."""
    parts = PurePosixPath(path).parts
    if path.startswith("/") or not parts or any(part in ("..", ".") or "\\" in part for part in parts):
        raise ValueError(f"{path[:80]!r} is not the path of an array in the group")
    return path
