"""The manifest of a ``.smlm`` file: the list of files in the archive, and their formats."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import numpy as np
import pydantic

from smlmsim.io.metadata import LARGEST_FILE, parse_json
from smlmsim.io.smlm.archive import member
from smlmsim.spec import explain

NAME = "manifest.json"
FIRST_FRAME = 1
"""The format does not state the number of the first camera frame; ShareLoc keeps that of ThunderSTORM."""
VERSION = "0.2"
VERSIONS = (VERSION, 0.2, 1, "1")
"""Versions that are read: published files spell them in these ways."""
DEFAULT_UNITS = {"x": "nm", "y": "nm", "z": "nm"}
DTYPES = {
    "int": "<i4",
    "int8": "i1",
    "int16": "<i2",
    "int32": "<i4",
    "uint8": "u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "float32": "<f4",
    "float64": "<f8",
}
LARGEST_RECORD = 2**16
"""Bytes of a record; more are damage."""

Shape = (
    Annotated[int, pydantic.Field(ge=1, le=LARGEST_RECORD)]
    | list[Annotated[int, pydantic.Field(ge=1, le=LARGEST_RECORD)]]
)
Lenient = pydantic.ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class TableFormat(pydantic.BaseModel):
    """The layout of the records of a table; unknown keys are ignored."""

    model_config = Lenient

    mode: Literal["binary", "text"] = "binary"
    columns: int | None = None
    headers: list[str] = []
    dtype: list[str] = []
    shape: list[Shape] = []
    units: list[str | None] | dict[str, str] | None = None
    delimiter: str = ","
    comments: str | None = None
    header_row: int = -1
    header_transform: Any = None

    @pydantic.field_validator("dtype", "shape", mode="before")
    @classmethod
    def _listed(cls, said: Any) -> Any:
        return said if isinstance(said, list) else [said]

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> TableFormat:
        if self.mode == "binary":
            lists: dict[str, list[Any]] = {"headers": self.headers, "dtype": self.dtype, "shape": self.shape}
            for name, found in lists.items():
                if len(found) != len(self.headers) or not found:
                    raise ValueError(f"{name} lists {found!r}, for the headers {self.headers!r}")
        if self.headers and self.columns not in (None, len(self.headers)):
            raise ValueError(f"{self.columns} columns are announced, the headers are {self.headers!r}")
        if len(set(self.headers)) < len(self.headers):
            raise ValueError(f"two columns have one name: {self.headers!r}")
        return self

    def unit(self, header: str) -> str:
        """The stated unit of a column, or else its default unit; "" if there is none."""
        return self.said_unit(header) or DEFAULT_UNITS.get(header, "")

    def said_unit(self, header: str) -> str:
        """The stated unit of a column; "" if not stated."""
        said: str | None = None
        if isinstance(self.units, Mapping):
            said = self.units.get(header)
        elif self.units and len(self.units) == len(self.headers):
            said = self.units[self.headers.index(header)]
        return said or ""

    def record(self) -> np.dtype[Any]:
        """The packed little-endian record of a binary table; field ``j`` is named ``fj``.

        Raises
        ------
        ValueError
            If a type is unknown, or a record would be absurdly long.
        """
        shapes = [tuple(shape) if isinstance(shape, list) else (shape,) for shape in self.shape]
        types = [np.dtype(dtype(name)) for name in self.dtype]
        size = sum(kind.itemsize * math.prod(shape) for kind, shape in zip(types, shapes, strict=True))
        if size > LARGEST_RECORD:
            raise ValueError(f"a record would be {size:.3g} bytes long; at most {LARGEST_RECORD} are read")
        return np.dtype([(f"f{j}", *field) for j, field in enumerate(zip(types, shapes, strict=True))])


class ImageFormat(pydantic.BaseModel):
    """The layout of the pixels of a raw image."""

    model_config = Lenient

    mode: str = "binary"
    dtype: str = ""
    shape: list[Annotated[int, pydantic.Field(ge=1)]] = []


class Entry(pydantic.BaseModel):
    """A file of the archive; unknown keys are kept."""

    model_config = Lenient

    name: str
    type: str
    format: str
    channel: str | int | None = None
    rows: Annotated[int, pydantic.Field(ge=0)] | None = None
    offset: dict[str, float] | list[float] | None = None
    metadata: Any = None

    @property
    def stem(self) -> str:
        """The name of the file without folders and extension."""
        return PurePosixPath(self.name).stem


class Attachment(NamedTuple):
    """A file of the archive that is not a table: its bytes, its entry in the manifest, and its format if described."""

    content: bytes
    entry: dict[str, Any]
    format: dict[str, Any] | None


class Manifest(pydantic.BaseModel):
    """The manifest; unknown keys are kept."""

    model_config = pydantic.ConfigDict(frozen=True, extra="allow")

    format_version: str | int | float
    formats: dict[str, dict[str, Any]]
    files: list[Entry]

    @pydantic.model_validator(mode="after")
    def _readable(self) -> Manifest:
        if self.format_version not in VERSIONS:
            raise ValueError(f"the format version is {self.format_version!r}; read are {VERSION} and 1")
        names = [entry.name for entry in self.files]
        if len(set(names)) < len(names):
            raise ValueError("a file is listed twice")
        return self

    def entries(self, kind: str) -> list[Entry]:
        """The files of a type, ``table`` or ``image``."""
        return [entry for entry in self.files if entry.type == kind]


Model = TypeVar("Model", bound=pydantic.BaseModel)


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """Read the manifest of an archive.

    Raises
    ------
    ValueError
        If there is none, or it is not valid.
    """
    info = member(archive, NAME)
    with archive.open(info) as file:
        return _validated(Manifest, parse_json(file.read(LARGEST_FILE + 1)), NAME)


def table_format(manifest: Manifest, entry: Entry) -> TableFormat:
    """The layout of a table; a ValueError names the format if it is not valid."""
    return _validated(TableFormat, _described(manifest, entry), f"the format {entry.format!r}")


def image_format(manifest: Manifest, entry: Entry) -> ImageFormat:
    """The layout of an image; a ValueError names the format if it is not valid."""
    return _validated(ImageFormat, _described(manifest, entry), f"the format {entry.format!r}")


def dtype(name: str) -> str:
    """The NumPy name of a type."""
    if name not in DTYPES:
        raise ValueError(f"the type {name[:40]!r} is not known; known are {', '.join(DTYPES)}")
    return DTYPES[name]


def _described(manifest: Manifest, entry: Entry) -> dict[str, Any]:
    if entry.format not in manifest.formats:
        known = ", ".join(map(repr, manifest.formats))
        raise ValueError(f"{entry.name!r} is of the format {entry.format!r}; described are {known or 'none'}")
    return manifest.formats[entry.format]


def _validated(model: type[Model], tree: Any, what: str) -> Model:
    try:
        return model.model_validate(tree)
    except pydantic.ValidationError as error:
        raise ValueError(f"{what} does not fit: {explain(error).splitlines()[0]}") from None
