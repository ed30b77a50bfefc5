"""The store of a corpus: a Zarr v3 group in which every movie is written whole or not at all."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from smlmsim import schema
from smlmsim.corpus.corpus import Corpus, CorpusError
from smlmsim.corpus.encoding import DENSITY_STEP, Encoding, Scale
from smlmsim.io import making, naming, zarr_store
from smlmsim.pipeline import Movie
from smlmsim.provenance import PROCESSOR, also_here, other_version, provenance
from smlmsim.spec import one_line, parse_toml

POINTS_PER_CHUNK = 32
SLOTS_PER_CHUNK = 1 << 16
VERTICES_PER_CHUNK = 1 << 11
PIECE_BYTES = 1 << 20

PER_MOVIE = (
    "counts", "density", "peak", "localizations", "loc_frame", "loc_y", "loc_x", "loc_uncertainty",
    "vertices", "period_y", "period_x", "vertex_y", "vertex_x", "filament",
)  # fmt: skip


class Capacity(NamedTuple):
    """The most localizations and vertices that a movie of the store can have."""

    localizations: int
    vertices: int


class CorpusStore:
    """The movies of a corpus on disk; a movie counts from the moment its ``done`` flag is written, which comes last.

    Every variable of a movie is one file, so movies can be written at the same time, by processes that share
    nothing but the folder.

    Parameters
    ----------
    path : Path
        The folder of a corpus.
    checked : bool
        Whether it was opened before in this run, so that its links need not be looked at again.

    Raises
    ------
    CorpusError
        If the folder holds anything else, or a link that leads out of it.
    """

    def __init__(self, path: Path, *, checked: bool = False) -> None:
        self.path = path
        self._arrays: dict[str, zarr.Array[Any]] = {}
        try:
            self.group = zarr_store.opened(path, "r+", checked=checked)
            self.corpus = Corpus.model_validate(parse_toml(str(self.group.attrs["corpus"]), "its corpus"))
            self._require_layout()
        except Exception as error:  # the layers below meet damage with errors of many kinds
            reason = f" ({one_line(error, 200)})" if type(error) is ValueError else ""
            raise CorpusError(
                f"{path} is not the store of a corpus, or a damaged one{reason}; choose another place"
            ) from error
        self.encoding = Encoding.of(self.corpus.study.field)

    def __getitem__(self, name: str) -> zarr.Array[Any]:
        """A variable, opened once."""
        if name not in self._arrays:
            found = self.group[name]
            if not isinstance(found, zarr.Array):
                raise CorpusError(f"{self.path / name} is no array; the corpus is damaged")
            self._arrays[name] = found
        return self._arrays[name]

    def require_same(self, corpus: Corpus) -> None:
        """Refuse another corpus or other versions; another commit of the same version is let through.

        Raises
        ------
        CorpusError
            Saying what differs.
        """
        found, wanted = dict(self.group.attrs), _identity(corpus)
        if found.get("corpus_digest") != wanted["corpus_digest"]:
            theirs, ours = (set(str(attrs["corpus"]).splitlines()) for attrs in (found, wanted))
            raise CorpusError(
                f"{self.path} is another corpus: it has {_some(theirs - ours)}, this one {_some(ours - theirs)}; "
                "choose another place, or delete it"
            )
        if differs := other_version(found):
            raise CorpusError(f"{self.path} {differs}, or choose another place")

    def made_here(self) -> None:
        """Note that this kind of processor makes movies of the corpus too, and warn if it is another one."""
        made = also_here(self.group.attrs, str(self.path))
        if made != self.group.attrs.get(PROCESSOR, made):
            with naming(self.path):
                self.group.attrs[PROCESSOR] = made

    def done(self) -> npt.NDArray[np.bool_]:
        """Which movies are there, (movie,).

        Raises
        ------
        CorpusError
            If a flag cannot be read.
        """
        return np.asarray(self.scalars("done"), np.bool_)

    def is_done(self, index: int) -> bool:
        """Whether a movie is there.

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
        """Read a variable that has one number per movie, (movie,); 0 where there is none.

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
        """Keep a movie.

        Raises
        ------
        CorpusError
            If it has more localizations or vertices than the store has room for.
        OSError
            If the disk is full, or the folder may not be written to.
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
        """Take a movie for one that is not there yet."""
        self.file("done", index).unlink(missing_ok=True)

    def checksums(self, index: int) -> npt.NDArray[np.uint32]:
        """The CRC-32 of the files of a movie as they are, 0 where there is none, in the order of ``PER_MOVIE``."""
        return np.array([_checksum(self.file(name, index)) for name in PER_MOVIE], np.uint32)

    def file(self, name: str, index: int) -> Path:
        """The file that holds a variable of a movie."""
        return self.path.joinpath(name, "c", str(index), *["0"] * (self[name].ndim - 1))

    def sweep(self, *, all_of_them: bool) -> None:
        """Remove what writers that were killed left behind; unless all of it, what is older than a day."""
        zarr_store.sweep(self.path, all_of_them=all_of_them)

    def _require_layout(self) -> None:
        """Refuse arrays of another shape than the corpus has, and movies that are not one file each."""
        for name, (shape, kinds) in _layout(self.corpus).items():
            zarr_store.require_shape(self[name], shape, kinds)
        for name in (*PER_MOVIE, "done"):
            array = self[name]
            chunk = array.shards or array.chunks
            if chunk[0] != 1 or any(
                size > step for size, step in zip(array.shape[1:], chunk[1:], strict=True)
            ):
                raise ValueError(f"{name} is not one file per movie")

    def _require_room(self, index: int, values: dict[str, Any]) -> None:
        for name, array in (("localizations", "loc_y"), ("vertices", "filament")):
            found, room = int(values[name]), self[array].shape[-1]
            if found > room:
                raise CorpusError(
                    f"movie {index} has {found} {name}, the store has room for {room}; narrow the ranges, "
                    "or make several corpora"
                )


def create(path: Path, corpus: Corpus, capacity: Capacity) -> None:
    """Make an empty store beside its place and move it there, so that a store is there whole or not at all.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    with making(path) as draft:
        _fill(zarr.open_group(draft, mode="w", zarr_format=3), corpus, capacity)


def _layout(corpus: Corpus) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """The shape of every array of a store, None where there is room for more or less, and its kinds of numbers."""
    movies, points = corpus.movies, corpus.study.acquisition.time_points
    image = (movies, points, *corpus.study.field.shape)
    return {
        **dict.fromkeys(("counts", "density"), (image, "u")),
        **dict.fromkeys(("peak", "period_y", "period_x"), ((movies,), "f")),
        **dict.fromkeys(("localizations", "vertices"), ((movies,), "u")),
        **dict.fromkeys(("loc_y", "loc_x", "loc_uncertainty"), ((movies, None), "u")),
        **dict.fromkeys(("vertex_y", "vertex_x"), ((movies, points, None), "i")),
        **dict.fromkeys(("loc_frame", "filament"), ((movies, None), "i")),
        **dict.fromkeys(("movie", "movie_seed"), ((movies,), "iu")),
        **{name: ((size,), "f") for name, size in zip(("time", "y", "x"), image[1:], strict=True)},
        **{found.setting: ((movies,), "fiu") for found in corpus.ranges},
        "variable": ((len(PER_MOVIE),), "T"),
        "checksum": ((movies, len(PER_MOVIE)), "u"),
        "done": ((movies,), "b"),
    }


def _checksum(file: Path) -> int:
    """The CRC-32 of a file, piece by piece; 0 if there is none."""
    if not file.is_file():
        return 0
    found = 0
    with file.open("rb") as opened:
        while piece := opened.read(PIECE_BYTES):
            found = zlib.crc32(piece, found)
    return found


def _identity(corpus: Corpus) -> dict[str, str]:
    return {"corpus": corpus.to_toml(), "corpus_digest": corpus.digest, **provenance()}


def _some(lines: set[str]) -> str:
    shown = sorted(one_line(line, 100) for line in lines)[:3]
    return "; ".join(shown) if shown else "nothing beyond that"


def _fill(group: zarr.Group, corpus: Corpus, capacity: Capacity) -> None:
    _coordinates(group, corpus)
    _images(group, corpus)
    _tables(group, corpus, capacity)
    group.attrs.update({"coordinates": _named(corpus), **_identity(corpus)})


def _named(corpus: Corpus) -> str:
    """The coordinates that are not dimensions, as the CF conventions list them."""
    return " ".join([found.setting for found in corpus.ranges] + ["movie_seed"])


def _coordinates(group: zarr.Group, corpus: Corpus) -> None:
    field, acquisition = corpus.study.field, corpus.study.acquisition
    for name, values in (("time", acquisition.times_s), ("y", field.y_nm), ("x", field.x_nm)):
        _whole(group, name, name, values, schema.variable(name, values).attrs)
    _whole(group, "movie", "movie", np.arange(corpus.movies), {"long_name": "movie, counted from 0"})
    recipes = [corpus.recipe(movie) for movie in range(corpus.movies)]
    for found in corpus.ranges:
        drawn = np.array([recipe.settings[found.setting] for recipe in recipes])
        _whole(group, found.setting, "movie", drawn, {"long_name": found.setting})
    seeds = np.array([recipe.seed for recipe in recipes], np.int64)
    _whole(group, "movie_seed", "movie", seeds, {"long_name": "seed of the movie"})
    _whole(group, "variable", "variable", np.array(PER_MOVIE, dtype=object), {})


def _images(group: zarr.Group, corpus: Corpus) -> None:
    dims = ("movie", "time", "y", "x")
    shape = (corpus.study.acquisition.time_points, *corpus.study.field.shape)
    whole, chunk = (corpus.movies, *shape), (POINTS_PER_CHUNK, *shape[1:])
    seen = {"units": "1", "long_name": "localizations"}
    _sharded(group, "counts", dims, whole, chunk, np.dtype(np.uint16), 0, "bitshuffle", seen)
    there = {
        "units": "1",
        "long_name": "contour length per area, of the peak of the movie",
        "scale_factor": DENSITY_STEP,
    }
    _sharded(group, "density", dims, whole, chunk, np.dtype(np.uint16), 0, "shuffle", there)
    _scalar(
        group, corpus, "peak", np.float32, {"units": "nm-1", "long_name": "greatest density of the movie"}
    )


def _tables(group: zarr.Group, corpus: Corpus, capacity: Capacity) -> None:
    encoding, movies, points = (
        Encoding.of(corpus.study.field),
        corpus.movies,
        corpus.study.acquisition.time_points,
    )
    slots = (movies, capacity.localizations)
    for name, scale in (
        ("loc_y", encoding.localization_y), ("loc_x", encoding.localization_x),
        ("loc_uncertainty", encoding.uncertainty),
    ):  # fmt: skip
        _sharded(
            group, name, ("movie", "localization"), slots, (SLOTS_PER_CHUNK,), scale.dtype, scale.fill, "shuffle",
            _meaning(name) | _cf(scale),
        )  # fmt: skip
    _sharded(
        group, "loc_frame", ("movie", "localization"), slots, (SLOTS_PER_CHUNK,), np.dtype(np.int32), -1, "shuffle",
        _meaning("loc_frame") | {"missing": -1},
    )  # fmt: skip
    for name, scale in (("vertex_y", encoding.vertex_y), ("vertex_x", encoding.vertex_x)):
        _sharded(
            group, name, ("movie", "time", "vertex"), (movies, points, capacity.vertices),
            (POINTS_PER_CHUNK, VERTICES_PER_CHUNK), scale.dtype, scale.fill, "shuffle", _meaning(name) | _cf(scale),
        )  # fmt: skip
    _sharded(
        group, "filament", ("movie", "vertex"), (movies, capacity.vertices), (VERTICES_PER_CHUNK,), np.dtype(np.int32),
        -1, "shuffle", _meaning("filament") | {"missing": -1},
    )  # fmt: skip
    _scalar(
        group, corpus, "localizations", np.uint32, {"units": "1", "long_name": "localizations of the movie"}
    )
    _scalar(
        group,
        corpus,
        "vertices",
        np.uint32,
        {"units": "1", "long_name": "vertices of the movie; 0 for points"},
    )
    for axis in "yx":
        meaning = f"after how much along {axis} the structure repeats; 0 for never"
        _scalar(group, corpus, f"period_{axis}", np.float32, {"units": "nm", "long_name": meaning})
    _scalar(group, corpus, "done", np.bool_, {"long_name": "whether the movie is there"})
    group.create_array(
        "checksum", shape=(movies, len(PER_MOVIE)), chunks=(1, len(PER_MOVIE)), dtype=np.uint32, fill_value=0,
        compressors=None, dimension_names=("movie", "variable"), attributes={"long_name": "CRC-32 of the file"},
    )  # fmt: skip


def _meaning(name: str) -> dict[str, Any]:
    return {"units": schema.VOCABULARY[name].units, "long_name": schema.VOCABULARY[name].long_name}


def _cf(scale: Scale) -> dict[str, Any]:
    return {"scale_factor": scale.step_nm, "add_offset": scale.offset_nm, "_FillValue": scale.fill}


def _whole(group: zarr.Group, name: str, dim: str, values: npt.NDArray[Any], attrs: dict[str, Any]) -> None:
    dtype = str if values.dtype == object else values.dtype
    array = group.create_array(
        name, shape=values.shape, dtype=dtype, dimension_names=(dim,), attributes=attrs
    )
    array[...] = values


def _scalar(group: zarr.Group, corpus: Corpus, name: str, dtype: type, attrs: dict[str, Any]) -> None:
    """One number per movie, each in a file of its own."""
    group.create_array(
        name, shape=(corpus.movies,), chunks=(1,), dtype=dtype, fill_value=dtype(0), compressors=None,
        dimension_names=("movie",), attributes=attrs,
    )  # fmt: skip


def _sharded(
    group: zarr.Group,
    name: str,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    dtype: np.dtype[Any],
    fill: int,
    shuffle: Literal["shuffle", "bitshuffle"],
    attrs: dict[str, Any],
) -> None:
    """One file per movie, in which each chunk can be read alone."""
    shard = (1, *(-(-size // step) * step for size, step in zip(shape[1:], chunk, strict=True)))
    group.create_array(
        name, shape=shape, shards=shard, chunks=(1, *chunk), dtype=dtype, fill_value=fill,
        compressors=BloscCodec(cname="zstd", clevel=1, shuffle=shuffle, typesize=dtype.itemsize),
        dimension_names=dims, attributes=attrs,
    )  # fmt: skip
