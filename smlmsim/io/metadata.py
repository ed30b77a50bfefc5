"""Metadata of a table: the sample and the acquisition, in the terms of ShareLoc (doi:10.1038/s41592-022-01659-0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import pydantic
import xarray as xr
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from smlmsim.spec import Spec, explain

LARGEST_FILE = 2**24
"""Bytes of a file of metadata, 16 MiB; a larger one is none."""


class Metadata(Spec):
    """Everything known about a table besides its columns, stored in the attributes of a dataset.

    Parameters
    ----------
    name, description, author, citation, license, date : str, optional
        Description of the table as a publication.
    modality : str, optional
        Modality, such as "dSTORM", "PALM", "DNA-PAINT".
    cell_line, fluorophore, labelling, structure, target : str, optional
        The sample: "COS-7", "Alexa Fluor 647", "indirect immunofluorescence", "microtubules",
        "alpha-tubulin".
    dimension : str, optional
        "2D" or "3D".
    camera, software, buffer, fixation : str, optional
        Acquisition and preparation.
    tags : tuple of str
        All other tags.
    channels : tuple of str
        Names of the channels that ``loc_channel`` numbers.
    exposure_s, camera_pixel_nm : float, optional
        Exposure and pixel of the camera; positive.
    first_frame : int, optional
        Number that the file gives to the first camera frame; ``loc_frame`` is always counted from 0.
    frames : int, optional
        Total number of camera frames, including those without a localization.
    field_nm : tuple of 4 floats, optional
        Field of view of the camera: upper left corner and extent, y0, x0, height, width.
    smlm : str, optional
        Other content of a ``.smlm`` manifest, as JSON; written again into the next file.
    picasso : str, optional
        Other content of the YAML file of a Picasso table, as JSON; written again into the next file.

    Examples
    --------
    >>> Metadata.of(Metadata(modality="PALM").stamped(xr.Dataset())).modality
    'PALM'
    """

    name: str | None = None
    description: str | None = None
    author: str | None = None
    citation: str | None = None
    license: str | None = None
    date: str | None = None
    modality: str | None = None
    cell_line: str | None = None
    fluorophore: str | None = None
    labelling: str | None = None
    structure: str | None = None
    target: str | None = None
    dimension: str | None = None
    camera: str | None = None
    software: str | None = None
    buffer: str | None = None
    fixation: str | None = None
    tags: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    exposure_s: PositiveFloat | None = None
    camera_pixel_nm: PositiveFloat | None = None
    first_frame: NonNegativeInt | None = None
    frames: PositiveInt | None = None
    field_nm: tuple[float, float, PositiveFloat, PositiveFloat] | None = None
    smlm: str | None = None
    picasso: str | None = None

    @classmethod
    def of(cls, data: xr.Dataset | xr.DataArray) -> Self:
        """Take the metadata from the attributes of a dataset; other attributes are ignored.

        Raises
        ------
        ValueError
            If an attribute of metadata has the wrong type.
        """
        found = {name: data.attrs[name] for name in cls.model_fields if name in data.attrs}
        return cls.from_tree(found, "an attribute")

    @classmethod
    def from_tree(cls, tree: Any, source: str) -> Self:
        """Make metadata from plain values; the message of a ValueError names their source."""
        try:
            return cls.model_validate(tree)
        except pydantic.ValidationError as error:
            raise ValueError(f"{source} does not fit: {explain(error)[:500]}") from None

    def stamped(self, data: xr.Dataset) -> xr.Dataset:
        """Return a dataset with the metadata as attributes."""
        return data.assign_attrs(self.tree())

    def tree(self) -> dict[str, Any]:
        """The metadata that are set, as a dictionary of plain values."""
        return {
            name: value for name, value in self.model_dump(mode="json").items() if value not in (None, [])
        }


def read_json(path: Path) -> Metadata:
    """Read metadata from a JSON file; without the file they are empty.

    Raises
    ------
    ValueError
        If the file does not hold metadata.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return Metadata()
    return Metadata.from_tree(parse_json(text), path.name)


def parse_json(text: bytes) -> Any:
    """Parse JSON of any origin.

    Raises
    ------
    ValueError
        If it is too long or too deeply nested, not UTF-8, or not JSON.
    """
    if len(text) > LARGEST_FILE:
        raise ValueError(f"the metadata are longer than {LARGEST_FILE} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the metadata are not JSON: {error}") from None
