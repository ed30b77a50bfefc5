"""Movies as OME-Zarr 0.5: a folder of compressed chunks, which napari and many others open at the right scale.

The specification is at https://ngff.openmicroscopy.org/0.5.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pydantic
import xarray as xr
import zarr
from zarr.codecs import BloscCodec

from smlmsim.io.limits import require_plausible
from smlmsim.io.metadata import Metadata
from smlmsim.io.movie import DIMS, Axis, even_axis, one_movie, stamped
from smlmsim.spec import explain

VERSION = "0.5"
SECONDS = {"second": 1.0, "millisecond": 1e-3, "microsecond": 1e-6, "minute": 60.0, "hour": 3600.0}
NANOMETERS = {"nanometer": 1.0, "micrometer": 1e3, "millimeter": 1e6, "angstrom": 0.1, "picometer": 1e-3}
CHUNK = (16, 256, 256)
LARGEST_JSON = 2**24
Lenient = pydantic.ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
Numbers = Annotated[list[float], pydantic.Field(min_length=2, max_length=5)]


class Dimension(pydantic.BaseModel):
    """An axis of an image."""

    model_config = Lenient

    name: str
    type: str | None = None
    unit: str | None = None


class Transformation(pydantic.BaseModel):
    """From indices to the units of the axes: a scale, or a translation."""

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
    axes: Annotated[list[Dimension], pydantic.Field(min_length=2, max_length=5)]
    datasets: Annotated[list[Level], pydantic.Field(min_length=1)]
    transformations: Annotated[
        list[Transformation], pydantic.Field(alias="coordinateTransformations", max_length=2)
    ] = []


class Ome(pydantic.BaseModel):
    """What the specification asks of the attributes of a group that is an image."""

    model_config = Lenient

    version: Literal["0.5"]
    multiscales: Annotated[list[Multiscale], pydantic.Field(min_length=1)]


def read(path: str | Path, *, pixel_nm: float | None = None, point_s: float | None = None) -> xr.Dataset:
    """Read a movie at its finest resolution.

    Parameters
    ----------
    path : str or Path
        The folder.
    pixel_nm, point_s : float, optional
        The size of a pixel and the duration of a time point; they stand in for what the file does not say.

    Returns
    -------
    xr.Dataset
        One variable (time, y, x) in the precision of the file: the one that was written, otherwise ``counts`` for
        whole numbers and ``density`` for others. The attributes are :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If it is no OME-Zarr 0.5 image, is damaged, has several channels or slices, claims an absurd size, or does
        not say its scale; the message names the file.
    OSError
        If there is no such folder, or it may not be read.
    """
    root = Path(path)
    os.scandir(root).close()
    try:
        with zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1}):
            group = _group(root)
            image, metadata = _image(group), _metadata(group)
            array = _array(group, image.datasets[0].path)
            _require_size(array, root)
            values = np.asarray(array[...])
        frames = _frames(values, image)
        axes = _axes(image, pixel_nm, point_s)
        return metadata.stamped(stamped(frames, image.name, axes))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:  # zarr meets damage with errors of many kinds
        raise ValueError(f"{path}: not an OME-Zarr image, or a damaged one ({error})") from error


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a movie at a single resolution; an older one of that name is replaced.

    Parameters
    ----------
    data : xr.DataArray
        (time, y, x), uint8, uint16 or float32, finite, with even coordinates in s and nm. Or a dataset with a
        single such variable.
    path : str or Path
        The folder to make.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is no such movie; the message says what was found.
    OSError
        If the folder cannot be written, or if there is something else of that name.
    """
    image = one_movie(data, "an OME-Zarr image")
    axes = [even_axis(image, dim) for dim in DIMS]
    metadata = Metadata.of(data).tree()
    with _replacing_folder(Path(path)) as draft:
        group = zarr.open_group(draft, mode="w", zarr_format=3)
        group.attrs["ome"] = _ome(str(image.name), axes)
        if metadata:
            group.attrs["smlmsim"] = metadata
        array = group.create_array(
            "0",
            shape=image.shape,
            chunks=tuple(min(size, most) for size, most in zip(image.shape, CHUNK, strict=True)),
            dtype=image.dtype,
            dimension_names=("t", "y", "x"),
            compressors=BloscCodec(
                cname="zstd", clevel=5, shuffle="bitshuffle", typesize=image.dtype.itemsize
            ),
        )
        array[...] = image.values


def _ome(name: str, axes: list[Axis]) -> dict[str, Any]:
    kinds = [("t", "time", "second"), ("y", "space", "nanometer"), ("x", "space", "nanometer")]
    transformations = [
        {"type": "scale", "scale": [axis.step or 1.0 for axis in axes]},
        {"type": "translation", "translation": [axis.start for axis in axes]},
    ]
    image = {
        "name": name,
        "axes": [{"name": axis, "type": kind, "unit": unit} for axis, kind, unit in kinds],
        "datasets": [{"path": "0", "coordinateTransformations": transformations}],
    }
    return {"version": VERSION, "multiscales": [image]}


def _group(root: Path) -> zarr.Group:
    """Open the group, if its metadata are of a size that one would want to parse."""
    file = root / "zarr.json"
    if not file.is_file():
        raise ValueError("not an OME-Zarr image: there is no zarr.json")
    if file.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{file.name} is longer than {LARGEST_JSON} bytes")
    return zarr.open_group(root, mode="r", zarr_format=3, use_consolidated=False)


def _image(group: zarr.Group) -> Multiscale:
    """The first image of a group, validated."""
    if "ome" not in group.attrs:
        raise ValueError("a Zarr group, but not an OME-Zarr 0.5 image: it has no attribute 'ome'")
    try:
        image = Ome.model_validate(group.attrs["ome"]).multiscales[0]
    except pydantic.ValidationError as error:
        raise ValueError(f"not an OME-Zarr {VERSION} image: {explain(error).splitlines()[0][:300]}") from None
    steps = [*image.datasets[0].transformations, *image.transformations]
    if image.datasets[0].transformations[0].type != "scale" or any(
        len(getattr(step, step.type) or ()) != len(image.axes) for step in steps
    ):
        raise ValueError("every transformation has one number per axis, and a scale comes first")
    return image


def _metadata(group: zarr.Group) -> Metadata:
    return Metadata.from_tree(group.attrs.get("smlmsim", {}), "the attribute 'smlmsim'")


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or not parts or any(part in ("..", ".") or "\\" in part for part in parts):
        raise ValueError(f"{path[:80]!r} is not the path of an array in the group")
    found = group[path]
    if not isinstance(found, zarr.Array):
        raise ValueError(f"{path[:80]!r} is not an array")
    return found


def _require_size(array: zarr.Array[Any], root: Path) -> None:
    stored = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    largest = max(math.prod(array.shape), math.prod(array.shards or array.chunks))
    require_plausible("the image", largest * array.dtype.itemsize, stored)


def _frames(values: npt.NDArray[Any], image: Multiscale) -> npt.NDArray[Any]:
    """The images as (time, y, x)."""
    names = [axis.name for axis in image.axes]
    sizes = dict(zip(names, values.shape, strict=False))
    single = all(size == 1 for name, size in sizes.items() if name not in ("t", "y", "x"))
    if values.ndim != len(names) or names[-2:] != ["y", "x"] or not single or values.dtype.kind not in "uif":
        raise ValueError(f"a movie of grey images is read, found {values.dtype} with the axes {sizes}")
    return values.reshape(-1, *values.shape[-2:])


def _axes(image: Multiscale, pixel_nm: float | None, point_s: float | None) -> tuple[Axis, Axis, Axis]:
    """The scale along time, y and x."""
    names = [axis.name for axis in image.axes]
    step, start = np.ones(len(names)), np.zeros(len(names))
    for found in [*image.datasets[0].transformations, *image.transformations]:
        factor, shift = np.array(found.scale or 1.0), np.array(found.translation or 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            step, start = step * factor, start * factor + shift
    units = {axis.name: axis.unit for axis in image.axes}
    made = []
    for name, known, given, what in (
        ("t", SECONDS, point_s, "long a time point is; give point_s"),
        ("y", NANOMETERS, pixel_nm, "large a pixel is; give pixel_nm"),
        ("x", NANOMETERS, pixel_nm, "large a pixel is; give pixel_nm"),
    ):
        if name not in names:
            made.append(Axis(0.0, given or 0.0))
            continue
        index, unit = names.index(name), known.get(units[name] or "")
        if given is None and unit is None:
            raise ValueError(f"the file does not say how {what}")
        made.append(
            Axis(given / 2, given)
            if given is not None
            else Axis(float(start[index] * (unit or 1)), float(step[index] * (unit or 1)))
        )
    return made[0], made[1], made[2]


@contextlib.contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """Give a folder to be filled, and put it in the place of an older OME-Zarr image once it is complete."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {path.name}: there is no folder {target.parent}; make it first"
        )
    if target.exists():
        _require_image(target)
    token = secrets.token_hex(8)
    draft, old = (target.with_name(f".smlmsim-{kind}-{token}") for kind in ("new", "old"))
    try:
        yield draft
        if target.exists():
            target.rename(old)
        draft.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _require_image(target: Path) -> None:
    """Refuse to replace what is no OME-Zarr image, such as a corpus."""
    try:
        _image(_group(target))
    except Exception:
        raise FileExistsError(
            f"{target} is there already, and is no OME-Zarr {VERSION} image; choose another name"
        ) from None
