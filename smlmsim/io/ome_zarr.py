"""Movies as OME-Zarr: a folder of compressed chunks, which napari and many other programs open at the right scale.

Version 0.5 is written, 0.4 and 0.5 are read; the specifications are at https://ngff.openmicroscopy.org.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from zarr.codecs import BloscCodec

from smlmsim.channels import split
from smlmsim.io.atomic import explaining
from smlmsim.io.limits import bounded_memory, require_own_files, require_plausible
from smlmsim.io.metadata import Metadata, parse_json
from smlmsim.io.movie import DIMS, Axis, even_axis, one_movie, own_meaning, stamped
from smlmsim.io.ngff import Multiscale, image_of, labels_of, require_path, single_series
from smlmsim.io.raw_stack import SAID, Said, Stack
from smlmsim.io.zarr_store import require_shape
from smlmsim.memory import require_memory
from smlmsim.shot_noise import MAPS

VERSION = "0.5"
SHOWN = "smlmsim_variable"
CHUNK = {"t": 16, "c": 1, "y": 256, "x": 256}
"""Time points, rows and columns in a chunk, 2 to 4 MB: viewers read it in one go."""
KINDS = {
    "t": {"type": "time", "unit": "second"},
    "c": {"type": "channel"},
    "y": {"type": "space", "unit": "nanometer"},
    "x": {"type": "space", "unit": "nanometer"},
}
COLOURS = ("FF00FF", "00FF00", "00FFFF", "FFFF00", "FF0000", "0000FF")
"""Of the channels, red, green and blue; the first two together are white."""
LARGEST_JSON = 2**22
"""Bytes of a file of metadata, 4 MiB; a larger one is none."""
UNPACKING_BYTES = 2**28
"""Memory that reading may take besides the pixels; a chunk that would exceed it is refused."""
MOST_CHUNKS = 10_000
"""Number of chunks always allowed; a larger number must not exceed ``CHUNKS_PER_FILE`` for each stored file."""
CHUNKS_PER_FILE = 200
"""Chunks that a store may claim for each that it holds; more are damage."""
INDEX_BYTES = 16
"""Size of the entry of a chunk in the index of a shard."""
JSON_NAMES = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
CODECS = frozenset(
    (
        "blosc",
        "bytes",
        "bz2",
        "crc32c",
        "gzip",
        "lz4",
        "lzma",
        "sharding_indexed",
        "transpose",
        "zlib",
        "zstd",
    )
)
"""Codecs that only unpack numbers; others in Zarr 2, such as pickle, can run code."""
_log = logging.getLogger(__name__)


def read(path: str | Path, *, pixel_nm: float | None = None, point_s: float | None = None) -> xr.Dataset:
    """Read a movie at its finest resolution.

    Choices among several images or resolutions are logged.

    Parameters
    ----------
    path : str or Path
        Folder of an image, or with a single image in it, as written by bioformats2raw.
    pixel_nm, point_s : float, optional
        Size of a pixel and duration of a time point; they take precedence over the file.

    Returns
    -------
    xr.Dataset
        One variable (time, y, x), or (channel, time, y, x), in the precision of the file: the one that
        was written, otherwise ``counts`` for whole numbers and ``density`` for others. There is no coordinate ``time``
        where nothing says how long a time point of several is. The attributes are
        :class:`~smlmsim.io.metadata.Metadata`.

    Raises
    ------
    ValueError
        If it is no OME-Zarr image of version 0.4 or 0.5, is damaged, has several slices or images, links
        that lead out of it, claims an absurd size, or does not say its pixel; the message names the file.
    OSError
        If there is no such folder, or it may not be read.
    """
    root = Path(path)
    os.scandir(root).close()
    with _naming(path), _one_thread():
        group, _, image, array = _opened(root)
        metadata = _metadata(group)
        require_memory(array.nbytes, f"the image {array.shape}", "read a part of it with zarr")
        values = _values(array, (...,), array.nbytes)
        frames = _in_order(values, image)
        axes = image.coordinates(dict(zip(image.letters, values.shape, strict=True)), pixel_nm, point_s)
        return metadata.stamped(
            stamped(frames, image.name, axes, group.attrs.get(SHOWN), labels_of(group.attrs))
        )


def require_movie(path: str | Path) -> None:
    """Require that :func:`read` reads a folder, as far as its metadata tell.

    Raises
    ------
    ValueError, OSError
        As :func:`read`.
    """
    root = Path(path)
    os.scandir(root).close()
    with _naming(path), _one_thread():
        group, _, image, array = _opened(root)
        _metadata(group)
        image.coordinates(dict(zip(image.letters, array.shape, strict=True)), None, None)


@contextlib.contextmanager
def stack(path: str | Path) -> Iterator[Stack]:
    """Open the camera frames of an image, to be read piece by piece.

    Parameters
    ----------
    path : str or Path
        Folder of an image of one channel, or with a single image in it.

    Raises
    ------
    ValueError
        As :func:`read`, but the pixel may be unknown; also if there are several channels.
    OSError
        If there is no such folder, or it may not be read.
    """
    root = Path(path)
    os.scandir(root).close()
    with _naming(path), _one_thread():
        group, folder, image, array = _opened(root)
        sizes = dict(zip(image.letters, array.shape, strict=True))
        if (channels := sizes.get("c", 1)) > 1:
            raise ValueError(
                f"frames of one channel are localized, found {channels} channels; save one alone"
            )
        y_nm, x_nm, step_s = (image.step(letter) for letter in "yxt")
        said = Said.of(group.attrs[SAID]) if SAID in group.attrs else Said()
        said = said._replace(maps=_maps(group, folder, (sizes["y"], sizes["x"])))

    def frames(begin: int, end: int) -> npt.NDArray[Any]:
        wanted = tuple(slice(begin, end) if letter == "t" else slice(None) for letter in image.letters)
        with _naming(path), _one_thread():
            size = array.nbytes // sizes.get("t", 1)
            return _in_order(_values(array, wanted, (end - begin) * size), image)

    yield Stack(sizes.get("t", 1), (sizes["y"], sizes["x"]), (y_nm, x_nm), step_s, said, frames)


def _maps(group: zarr.Group, folder: Path, shape: tuple[int, int]) -> dict[str, npt.NDArray[np.float64]]:
    """The calibration of single pixels (y, x), where a group of this project holds it."""
    found = {}
    for name in MAPS.values():
        if (folder / name).is_dir():
            _require_known_codecs(folder / name)
            array = group[name]
            require_shape(array, shape, "f")
            assert isinstance(array, zarr.Array)
            found[name] = np.asarray(_values(array, (...,), array.nbytes), np.float64)
            if not np.isfinite(found[name]).all():
                raise ValueError(f"{name} is not finite everywhere")
    return found


@contextlib.contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Name the store in errors, of whatever type zarr raises for a damaged one."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path}: not an OME-Zarr image, or a damaged one ({reason})") from error


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let zarr read one chunk after the other, within the memory that is allowed."""
    with zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1}):
        yield


def _opened(root: Path) -> tuple[zarr.Group, Path, Multiscale, zarr.Array[Any]]:
    """The group, its folder, the description and the finest resolution of the single image in a folder."""
    files = _files(root)
    folder = _image_folder(root)
    group = _group(folder)
    image = image_of(group.attrs)
    array, chunks = _array(group, folder, image, files)
    _require_size(array, chunks)
    return group, folder, image, array


def _values(array: zarr.Array[Any], wanted: tuple[Any, ...], claimed_bytes: int) -> npt.NDArray[Any]:
    """A part of an array, read in bounded memory."""
    with bounded_memory(claimed_bytes + math.prod(array.chunks) * array.dtype.itemsize, UNPACKING_BYTES):
        return np.asarray(array[wanted])


def write(data: xr.Dataset | xr.DataArray, path: str | Path) -> None:
    """Write a movie at a single resolution; an existing image of that name is replaced.

    Parameters
    ----------
    data : xr.DataArray
        (time, y, x) or (channel, time, y, x), finite, equally spaced coordinates in s, nm; uint8, uint16, float32,
        or values that one of them holds exactly. Or a dataset with a single such variable.
    path : str or Path
        Folder to make.

    Raises
    ------
    smlmsim.schema.SchemaError
        If it is not such a movie; the message says what was found.
    OSError
        If the folder cannot be written, or something other than an OME-Zarr image has that name.
    """
    image = one_movie(data, "an OME-Zarr image")
    axes = {dim[0]: even_axis(image, dim) for dim in DIMS}
    image, parts = image.transpose("time", ..., "y", "x"), split(image)
    letters = [str(dim)[0] for dim in image.dims]
    metadata = Metadata.of(data).tree()
    with replacing_image(Path(path)) as draft:
        group = zarr.open_group(draft, mode="w", zarr_format=3)
        group.attrs["ome"] = ome_attributes(
            str(image.name), {letter: axes.get(letter) for letter in letters}, parts
        )
        if metadata:
            group.attrs["smlmsim"] = metadata
        if meaning := own_meaning(image):
            group.attrs[SHOWN] = meaning
        array = group.create_array(
            "0",
            shape=image.shape,
            chunks=tuple(min(size, CHUNK[letter]) for size, letter in zip(image.shape, letters, strict=True)),
            dtype=image.dtype,
            dimension_names=letters,
            compressors=BloscCodec(
                cname="zstd", clevel=5, shuffle="bitshuffle", typesize=image.dtype.itemsize
            ),
        )
        array[...] = image.values


def ome_attributes(
    name: str, axes: Mapping[str, Axis | None], channels: Mapping[str, xr.DataArray]
) -> dict[str, Any]:
    """The attributes of an image, by the letters of its axes in their order; only channels have no coordinates."""
    transformations = [
        {"type": "scale", "scale": [(axis.step if axis else 1.0) or 1.0 for axis in axes.values()]},
        {"type": "translation", "translation": [axis.start if axis else 0.0 for axis in axes.values()]},
    ]
    image = {
        "name": name,
        "axes": [{"name": letter, **KINDS[letter]} for letter in axes],
        "datasets": [{"path": "0", "coordinateTransformations": transformations}],
    }
    described = {"version": VERSION, "multiscales": [image]}
    if len(channels) == 1:
        return described
    shown = [
        {"label": channel, "color": colour, "active": True, "window": _window(part)}
        for (channel, part), colour in zip(channels.items(), itertools.cycle(COLOURS), strict=False)
    ]
    return described | {"omero": {"channels": shown}}


def _window(image: xr.DataArray) -> dict[str, float]:
    """The values to show as black and white."""
    low, high = float(image.min()), float(image.max())
    return {"min": low, "max": high, "start": low, "end": high}


def _files(root: Path) -> dict[Path, int]:
    """All files of a store with their sizes; links to other places and very long metadata are refused."""
    files = require_own_files(root)
    for file, size in files.items():
        if file.name in JSON_NAMES and size > LARGEST_JSON:
            raise ValueError(f"{file.name} is longer than {LARGEST_JSON} bytes")
    return files


def is_image(folder: Path) -> bool:
    """Whether a folder says that it is an OME-Zarr image, and no other Zarr store; nothing else of it is checked."""
    if not (folder / "zarr.json").is_file():
        return (folder / ".zgroup").is_file()
    try:
        about = parse_json((folder / "zarr.json").read_bytes())
    except ValueError:
        return False
    attributes = about.get("attributes") if isinstance(about, dict) else None
    return isinstance(attributes, dict) and "ome" in attributes


def _group(root: Path) -> zarr.Group:
    """Open a group of Zarr 2 or 3."""
    if (root / "zarr.json").is_file():
        return zarr.open_group(root, mode="r", zarr_format=3, use_consolidated=False)
    if (root / ".zgroup").is_file():
        return zarr.open_group(root, mode="r", zarr_format=2, use_consolidated=False)
    if (root / ".zarray").is_file():
        raise ValueError("a bare Zarr array, and not an OME-Zarr image; give the folder around it")
    raise ValueError("not an OME-Zarr image: there is neither zarr.json nor .zgroup in it")


def _image_folder(root: Path) -> Path:
    """The folder of the single image: the folder itself or, as written by bioformats2raw, a series in it."""
    group = _group(root)
    folders = [entry.name for entry in os.scandir(root) if _is_group(root / entry.name)]
    listed: Any = _group(root / "OME").attrs.asdict() if _is_group(root / "OME") else {}
    listed = listed.get("ome", listed)
    series = single_series(group.attrs, listed.get("series") if isinstance(listed, dict) else None, folders)
    if series is None:
        return root
    _log.info("the image %s of the folder is read", series)
    return root / require_path(series)


def _is_group(folder: Path) -> bool:
    if (folder / "zarr.json").is_file():
        about = parse_json((folder / "zarr.json").read_bytes())
        return isinstance(about, dict) and about.get("node_type") == "group"
    return (folder / ".zgroup").is_file()


def _metadata(group: zarr.Group) -> Metadata:
    return Metadata.from_tree(group.attrs.get("smlmsim", {}), "the attribute 'smlmsim'")


def _array(
    group: zarr.Group, folder: Path, image: Multiscale, files: dict[Path, int]
) -> tuple[zarr.Array[Any], dict[Path, int]]:
    """The finest resolution of an image, which must be a grey movie with known codecs, and its chunks."""
    path = require_path(image.datasets[0].path)
    inside = (folder / path).resolve()
    _require_known_codecs(inside)
    array = group[path]
    if not isinstance(array, zarr.Array):
        raise ValueError(f"{path[:80]!r} is not an array")
    sizes = dict(zip(image.letters, array.shape, strict=False))
    long = {name: size for name, size in sizes.items() if size != 1 and name not in ("t", "y", "x")}
    fits = array.ndim == len(image.axes) == len(sizes) and {"y", "x"} <= sizes.keys()
    if not fits or array.dtype.kind not in "buif":
        raise ValueError(
            f"a movie of grey images is read, found {array.dtype} of {array.shape} with the axes {sizes}"
        )
    if long.keys() - {"c"}:
        words = {"z": "slices (z)", "c": "channels"}
        found = " x ".join(f"{size} {words.get(name, f'along {name[:20]}')}" for name, size in long.items())
        raise ValueError(f"a movie of one slice is read, found {found}; save the wanted ones alone")
    chunks = {
        file: size
        for file, size in files.items()
        if file.is_relative_to(inside) and file.name not in JSON_NAMES
    }
    return array, chunks


def _require_known_codecs(array: Path) -> None:
    """Refuse an array, by its folder, whose chunks have other codecs than those that only unpack numbers."""
    for name in ("zarr.json", ".zarray"):
        if (array / name).is_file():
            _require_codecs(parse_json((array / name).read_bytes()))


def _require_codecs(tree: Any) -> None:
    """Refuse chunks with codecs other than those that only unpack numbers."""
    if not isinstance(tree, dict):
        raise ValueError("the metadata of the array are damaged")
    configuration = tree.get("configuration")
    inner = configuration if isinstance(configuration, dict) else {}
    listed = [tree.get("compressor"), *(tree.get("filters") or ()), *(tree.get("codecs") or ())]
    listed += [*(inner.get("codecs") or ()), *(inner.get("index_codecs") or ())]
    for codec in listed:
        if codec is None:
            continue
        name = (codec.get("name") or codec.get("id")) if isinstance(codec, dict) else codec
        if name not in CODECS:
            raise ValueError(
                f"its chunks are packed by {str(name)[:40]!r}; known are {', '.join(sorted(CODECS))}"
            )
        if isinstance(codec, dict) and "configuration" in codec:
            _require_codecs({"configuration": codec["configuration"]})


def _require_size(array: zarr.Array[Any], stored: dict[Path, int]) -> None:
    """Refuse an array, or a number of chunks, that is out of proportion to the stored files."""
    size = sum(stored.values())
    largest = max(math.prod(array.shape), math.prod(array.shards or array.chunks))
    require_plausible("the image", largest * array.dtype.itemsize, size)
    chunks = math.prod(-(-length // chunk) for length, chunk in zip(array.shape, array.chunks, strict=True))
    if chunks > max(MOST_CHUNKS, CHUNKS_PER_FILE * len(stored), size // INDEX_BYTES if array.shards else 0):
        raise ValueError(
            f"the image claims to be in {chunks} chunks, in the {len(stored)} files that are stored"
        )
    pieces = math.prod(-(-n // m) for n, m in zip(array.shape, array.shards or array.chunks, strict=True))
    if len(stored) < pieces:
        level = logging.INFO if stored else logging.WARNING
        missing = pieces - len(stored)
        _log.log(
            level, "%d of the %d chunks are not stored, and read as %s", missing, pieces, array.fill_value
        )


def _in_order(values: npt.NDArray[Any], image: Multiscale) -> npt.NDArray[Any]:
    """The images as (time, y, x), or (channel, time, y, x) if there are several channels, in native byte order."""
    last = [image.letters.index(name) for name in ("c", "t", "y", "x") if name in image.letters]
    ordered = values.transpose([axis for axis in range(values.ndim) if axis not in last] + last)
    channels = values.shape[image.letters.index("c")] if "c" in image.letters else 1
    frames = ordered.reshape(*([channels] if channels > 1 else []), -1, *ordered.shape[-2:])
    exact = {"?": "u1", "e": "f4"}.get(values.dtype.char, values.dtype.newbyteorder("="))
    return frames.astype(exact, copy=False)


@contextlib.contextmanager
def replacing_image(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, and replace an existing OME-Zarr image by it once it is complete."""
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
        with explaining(draft, path.name):
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
    """Refuse to replace anything but an OME-Zarr image, such as a corpus."""
    try:
        image_of(_group(target).attrs)
    except Exception:
        raise FileExistsError(
            f"{target} exists already, and is not an OME-Zarr image; choose another name"
        ) from None
