"""The store of a corpus: a Zarr v3 group in which every movie is written completely or not at all."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from smlmsim import schema
from smlmsim.corpus.choice import Choice, written
from smlmsim.corpus.corpus import Corpus, CorpusError, Range
from smlmsim.corpus.encoding import DENSITY_STEP, Encoding, Scale
from smlmsim.io import making, zarr_store
from smlmsim.pipeline import Movie
from smlmsim.store import Arrays, Kind

CORPUS = Kind("corpus", CorpusError)

CHUNK = {"time": 32, "localization": 1 << 16, "vertex": 1 << 11}
"""Chunk lengths along each dim: a crop reads few chunks of 32 time points, and 256 kB of a table compress well."""
PIECE_BYTES = 1 << 20
"""Number of bytes read at a time for a checksum."""

PER_MOVIE = (
    "counts", "density", "peak", "localizations", "loc_frame", "loc_y", "loc_x", "loc_uncertainty",
    "vertices", "period_y", "period_x", "vertex_y", "vertex_x", "filament",
)  # fmt: skip


class Capacity(NamedTuple):
    """The greatest numbers of localizations and vertices of a movie in the store."""

    localizations: int
    vertices: int


class Variable(NamedTuple):
    """An array with one file per movie: its dims after ``movie``, dtype, attributes, fill value and byte shuffling."""

    dims: tuple[str, ...]
    dtype: npt.DTypeLike
    attrs: dict[str, Any]
    fill: int = 0
    shuffle: Literal["shuffle", "bitshuffle"] = "shuffle"

    @property
    def is_large(self) -> bool:
        """Whether the file is compressed in chunks that can be read separately."""
        return self.dims not in ((), ("variable",))


class CorpusStore:
    """The movies of a corpus on disk; a movie exists once its ``done`` flag is written, which comes last.

    Every variable of a movie is one file, so processes that share only the folder can write movies at the same time.

    Parameters
    ----------
    path : Path
        The folder of a corpus.
    checked : bool
        Whether the folder was opened before in this run, so that its links need not be checked again.

    Raises
    ------
    CorpusError
        If the folder is not a corpus, or has a link that leads out of it.
    """

    def __init__(self, path: Path, *, checked: bool = False) -> None:
        self.path = path
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.group = CORPUS.opened(path, checked=checked)
        self.corpus = CORPUS.settings(Corpus, self.group.attrs, path)
        CORPUS.require_layout(path, self.group, _layout(self.corpus))
        self._require_one_file_per_movie()
        self.encoding = Encoding.of(self.corpus.study.field)

    def __getitem__(self, name: str) -> zarr.Array[Any]:
        """Return a variable of the store, opened once."""
        if name not in self._arrays:
            found = self.group[name]
            if not isinstance(found, zarr.Array):
                raise CorpusError(f"{self.path / name} is not an array; the corpus is damaged")
            self._arrays[name] = found
        return self._arrays[name]

    def done(self) -> npt.NDArray[np.bool_]:
        """Which movies exist, shape (movie,).

        Raises
        ------
        CorpusError
            If a flag cannot be read.
        """
        return np.asarray(self.scalars("done"), np.bool_)

    def is_done(self, index: int) -> bool:
        """Whether a movie exists.

        Raises
        ------
        CorpusError
            If its flag cannot be read.
        """
        file = self.file("done", index)
        try:
            return bool(np.frombuffer(file.read_bytes(), np.bool_).item())
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            raise CorpusError(f"{file} is damaged; repair the corpus") from error

    def scalars(self, name: str) -> npt.NDArray[Any]:
        """Read a variable with one number per movie, shape (movie,); 0 for movies that do not exist.

        Raises
        ------
        CorpusError
            If a number cannot be read.
        """
        found = np.zeros(self.corpus.movies, self[name].dtype.newbyteorder("<"))
        for file in self.path.joinpath(name, "c").glob("*"):
            if file.name.isdecimal() and int(file.name) < found.size:
                try:
                    found[int(file.name)] = np.frombuffer(file.read_bytes(), found.dtype).item()
                except (OSError, ValueError) as error:
                    raise CorpusError(f"{file} is damaged; repair the corpus") from error
        return found

    def write(self, index: int, movie: Movie) -> None:
        """Write a movie.

        Raises
        ------
        CorpusError
            If the movie has more localizations or vertices than the store has room for.
        OSError
            If the disk is full, or the folder is not writable.
        """
        values = self.encoding.encode(movie)
        self._require_room(index, values)
        for name in PER_MOVIE:
            self.file(name, index).unlink(missing_ok=True)
            array = self[name]
            place: tuple[int | slice, ...] = (index, *(slice(size) for size in values[name].shape))
            array[place] = values[name]
        self["checksum"][index] = self.checksums(index)
        self["done"][index] = True

    def forget(self, index: int) -> None:
        """Mark a movie as missing."""
        self.file("done", index).unlink(missing_ok=True)

    def checksums(self, index: int) -> npt.NDArray[np.uint32]:
        """Compute the CRC-32 of each file of a movie, in the order of ``PER_MOVIE``; 0 for a missing file."""
        return np.array([_checksum(self.file(name, index)) for name in PER_MOVIE], np.uint32)

    def file(self, name: str, index: int) -> Path:
        """Return the file that holds a variable of a movie."""
        return self.path.joinpath(name, "c", str(index), *["0"] * (self[name].ndim - 1))

    def _require_one_file_per_movie(self) -> None:
        for name in (*PER_MOVIE, "done"):
            array = self[name]
            chunk = array.shards or array.chunks
            if chunk[0] != 1 or any(
                size > step for size, step in zip(array.shape[1:], chunk[1:], strict=True)
            ):
                raise CORPUS.damaged(self.path / name, ValueError("it is not one file per movie"))

    def _require_room(self, index: int, values: dict[str, Any]) -> None:
        for name, array in (("localizations", "loc_y"), ("vertices", "filament")):
            found, room = int(values[name]), self[array].shape[-1]
            if found > room:
                raise CorpusError(
                    f"movie {index} has {found} {name}, the store has room for {room}; narrow the ranges, "
                    "or make several corpora"
                )


def create(path: Path, corpus: Corpus, capacity: Capacity) -> None:
    """Make an empty store under a temporary name and rename it, so that it exists completely or not at all.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    with making(path) as draft:
        _fill(zarr.open_group(draft, mode="w", zarr_format=3), corpus, capacity)


def _layout(corpus: Corpus) -> Arrays:
    """Return the arrays of a store; the room for localizations and vertices may differ between stores."""
    movies, sizes = corpus.movies, _sizes(corpus)
    arrays: Arrays = {
        name: ((movies, *(sizes.get(dim) for dim in found.dims)), np.dtype(found.dtype).kind)
        for name, found in _variables(corpus).items()
    }
    return {
        **arrays,
        **dict.fromkeys(("movie", "movie_seed"), ((movies,), "iu")),
        **{dim: ((sizes[dim],), "f") for dim in ("time", "y", "x")},
        **{_coordinate(found.setting): ((movies,), kinds) for found, kinds in _varied(corpus)},
        "variable": ((sizes["variable"],), "T"),
    }


def _checksum(file: Path) -> int:
    """Compute the CRC-32 of a file piece by piece; 0 if the file is missing."""
    if not file.is_file():
        return 0
    found = 0
    with file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            found = zlib.crc32(piece, found)
    return found


def _fill(group: zarr.Group, corpus: Corpus, capacity: Capacity) -> None:
    _coordinates(group, corpus)
    sizes = _sizes(corpus) | {"localization": capacity.localizations, "vertex": capacity.vertices}
    for name, variable in _variables(corpus).items():
        shape = [sizes[dim] for dim in variable.dims]
        chunk = [CHUNK.get(dim, sizes[dim]) for dim in variable.dims]
        shard = [-(-size // step) * step for size, step in zip(shape, chunk, strict=True)]
        packed = BloscCodec(
            cname="zstd", clevel=1, shuffle=variable.shuffle, typesize=np.dtype(variable.dtype).itemsize
        )
        group.create_array(
            name, shape=(corpus.movies, *shape), chunks=(1, *chunk), dtype=variable.dtype, fill_value=variable.fill,
            shards=(1, *shard) if variable.is_large else None, compressors=packed if variable.is_large else None,
            dimension_names=("movie", *variable.dims), attributes=variable.attrs,
        )  # fmt: skip
    group.attrs.update({"coordinates": _named(corpus), **CORPUS.identity(corpus)})


def _named(corpus: Corpus) -> str:
    """List the coordinates that are not dimensions, as the CF conventions do."""
    return " ".join([_coordinate(found.setting) for found, _ in _varied(corpus)] + ["movie_seed"])


def _varied(corpus: Corpus) -> list[tuple[Range | Choice, str]]:
    """List what varies between the movies, with the kinds of numbers of its coordinate, "T" for text."""
    chosen = [(found, "fiu" if found.is_number else "T") for found in corpus.choices]
    return [*chosen, *((found, "fiu") for found in corpus.ranges)]


def _coordinate(setting: str) -> str:
    """Return the name of the coordinate of a setting, which is that of no variable or dim."""
    return setting if "." in setting else f"study.{setting}"


def _coordinates(group: zarr.Group, corpus: Corpus) -> None:
    field, acquisition = corpus.study.field, corpus.study.acquisition
    for name, values in (("time", acquisition.times_s), ("y", field.y_nm), ("x", field.x_nm)):
        zarr_store.write_along(group, name, name, values, schema.variable(name, values).attrs)
    zarr_store.write_along(
        group, "movie", "movie", np.arange(corpus.movies), {"long_name": "movie, counted from 0"}
    )
    recipes = [corpus.recipe(movie) for movie in range(corpus.movies)]
    for found, kinds in _varied(corpus):
        drawn = [recipe.settings.get(found.setting, math.nan) for recipe in recipes]
        values = np.array([written(value) for value in drawn], object) if kinds == "T" else np.array(drawn)
        zarr_store.write_along(
            group, _coordinate(found.setting), "movie", values, {"long_name": found.setting}
        )
    seeds = np.array([recipe.seed for recipe in recipes], np.int64)
    zarr_store.write_along(group, "movie_seed", "movie", seeds, {"long_name": "seed of the movie"})
    zarr_store.write_along(group, "variable", "variable", np.array(PER_MOVIE, dtype=object), {})


def _sizes(corpus: Corpus) -> dict[str, int]:
    """Return the lengths of the dims that are the same in all movies."""
    sizes = zip(
        ("time", "y", "x"), (corpus.study.acquisition.time_points, *corpus.study.field.shape), strict=True
    )
    return dict(sizes) | {"variable": len(PER_MOVIE)}


def _variables(corpus: Corpus) -> dict[str, Variable]:
    """Return the variables with one file per movie."""
    encoding = Encoding.of(corpus.study.field)
    image, slots, points = ("time", "y", "x"), ("localization",), ("time", "vertex")
    localized = {
        "y": encoding.localization_y,
        "x": encoding.localization_x,
        "uncertainty": encoding.uncertainty,
    }
    vertices = {"y": encoding.vertex_y, "x": encoding.vertex_x}
    return {
        "counts": Variable(image, np.uint16, _said("1", "localizations"), shuffle="bitshuffle"),
        "density": Variable(
            image, np.uint16,
            _said("1", "contour length per area, of the peak of the movie") | {"scale_factor": DENSITY_STEP},
        ),
        "peak": Variable((), np.float32, _said("nm-1", "greatest density of the movie")),
        **{f"loc_{name}": _scaled(f"loc_{name}", slots, scale) for name, scale in localized.items()},
        "loc_frame": Variable(slots, np.int32, _meaning("loc_frame") | {"missing": -1}, -1),
        **{f"vertex_{axis}": _scaled(f"vertex_{axis}", points, scale) for axis, scale in vertices.items()},
        "filament": Variable(("vertex",), np.int32, _meaning("filament") | {"missing": -1}, -1),
        "localizations": Variable((), np.uint32, _said("1", "localizations of the movie")),
        "vertices": Variable((), np.uint32, _said("1", "vertices of the movie; 0 for points")),
        **{
            f"period_{axis}": Variable(
                (), np.float32, _said("nm", f"after how much along {axis} the structure repeats; 0 for never")
            )
            for axis in "yx"
        },
        "done": Variable((), np.bool_, {"long_name": "whether the movie is there"}),
        "checksum": Variable(("variable",), np.uint32, {"long_name": "CRC-32 of the file"}),
    }  # fmt: skip


def _scaled(name: str, dims: tuple[str, ...], scale: Scale) -> Variable:
    cf = {"scale_factor": scale.step_nm, "add_offset": scale.offset_nm, "_FillValue": scale.fill}
    return Variable(dims, scale.dtype, _meaning(name) | cf, scale.fill)


def _said(units: str, long_name: str) -> dict[str, Any]:
    return {"units": units, "long_name": long_name}


def _meaning(name: str) -> dict[str, Any]:
    return _said(schema.VOCABULARY[name].units, schema.VOCABULARY[name].long_name)
