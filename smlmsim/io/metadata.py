"""What a table is of and how it was taken, in the words of ShareLoc (doi:10.1038/s41592-022-01659-0)."""

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
    """Everything that is known of a table beside its columns; it travels in the attributes of a dataset.

    Parameters
    ----------
    name, description, author, citation, license, date : str, optional
        Of the table as a publication.
    modality : str, optional
        As in "dSTORM", "PALM", "DNA-PAINT".
    cell_line, fluorophore, labelling, structure, target : str, optional
        What was looked at: "COS-7", "Alexa Fluor 647", "indirect immunofluorescence", "microtubules",
        "alpha-tubulin".
    dimension : str, optional
        "2D" or "3D".
    camera, software, buffer, fixation : str, optional
        How it was taken.
    tags : tuple of str
        All other tags.
    channels : tuple of str
        The names of the channels that ``loc_channel`` counts.
    exposure_s, camera_pixel_nm : float, optional
        Of the camera; positive.
    first_frame : int, optional
        What the file calls the first camera frame; ``loc_frame`` is counted from 0 all the same.
    frames : int, optional
        The camera frames in all, with those that have no localization.
    field_nm : tuple of 4 floats, optional
        Where the camera looked: the upper left corner and the extent, y0, x0, height, width.
    smlm : str, optional
        What else a ``.smlm`` file said, as JSON; written again into the next one.
    picasso : str, optional
        What else the YAML file of a Picasso table said, as JSON; written again into the next one.

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
        """Take the metadata from the attributes of a dataset; other attributes are passed over.

        Raises
        ------
        ValueError
            If an attribute of one of the names has another type.
        """
        found = {name: data.attrs[name] for name in cls.model_fields if name in data.attrs}
        return cls.from_tree(found, "an attribute")

    @classmethod
    def from_tree(cls, tree: Any, source: str) -> Self:
        """Make the metadata from plain values of a source, which the message of a ValueError names."""
        try:
            return cls.model_validate(tree)
        except pydantic.ValidationError as error:
            raise ValueError(f"{source} does not fit: {explain(error)[:500]}") from None

    def stamped(self, data: xr.Dataset) -> xr.Dataset:
        """Return a dataset with the metadata as attributes."""
        return data.assign_attrs(self.tree())

    def tree(self) -> dict[str, Any]:
        """The metadata that are set, as plain values."""
        return {
            name: value for name, value in self.model_dump(mode="json").items() if value not in (None, [])
        }


def read_json(path: Path) -> Metadata:
    """Read metadata from a file; without the file there are none.

    Raises
    ------
    ValueError
        If the file holds anything else.
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
        If it is too long or too deep, not UTF-8, or not JSON.
    """
    if len(text) > LARGEST_FILE:
        raise ValueError(f"the metadata are longer than {LARGEST_FILE} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the metadata are not JSON: {error}") from None
