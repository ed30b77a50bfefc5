"""Read a corpus as one lazy dataset, or movie by movie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlmsim import schema
from smlmsim.corpus.choice import written
from smlmsim.corpus.corpus import Corpus, CorpusError, Range
from smlmsim.corpus.store import CorpusStore
from smlmsim.io.limits import bounded_memory
from smlmsim.movie import Movie, seen
from smlmsim.sparse import bin_localizations
from smlmsim.spec import one_line

BYTES_PER_VALUE = 32
"""Memory in bytes for reading one value, including decompression and conversion."""


def open_corpus(path: str | Path) -> xr.Dataset:
    """Open a corpus as a dataset that reads values from disk when they are needed.

    Returns
    -------
    xr.Dataset
        ``counts`` (movie, time, y, x); ``density`` of the same dims, in units of ``peak`` (movie,), the greatest
        density of each movie in nm^-1; the localizations (movie, localization), of which the first ``localizations``
        (movie,) are valid and the others NaN; the vertices (movie, time, vertex), of which the first ``vertices``
        (movie,) are valid, with their ``filament`` (movie, vertex). Vertices that no rotation of the field reaches
        are rounded coarsely. The settings that vary are coordinates of ``movie``; ``done`` marks the finished movies.

    Raises
    ------
    CorpusError
        If there is no corpus, or it is damaged.
    """
    CorpusStore(Path(path))
    return _lazy(Path(path))


def _lazy(path: Path) -> xr.Dataset:
    try:
        with bounded_memory():
            found: xr.Dataset = xr.open_zarr(
                path, consolidated=False, zarr_format=3, decode_times=False, chunks=None
            )
    except Exception as error:  # the layers below meet damage with errors of many kinds
        raise CorpusError(f"{path} is damaged ({one_line(error)}); repair the corpus") from error
    return found


def read_movie(path: str | Path, movie: int) -> Movie:
    """Read a simulated movie of a corpus; values are rounded as stored.

    Raises
    ------
    CorpusError
        If there is no corpus, no such movie in it, or the movie is damaged or not made yet.
    """
    return read_from(CorpusStore(Path(path)), movie)


def read_from(store: CorpusStore, movie: int) -> Movie:
    """Read a movie of an open corpus, as :func:`read_movie`."""
    require_done(store, movie)
    sizes = (store[name].shape[1:] for name in ("counts", "vertex_y", "loc_y"))
    values = sum(math.prod(shape) for shape in sizes)
    try:
        with bounded_memory(BYTES_PER_VALUE * values):
            return _read(store, movie)
    except Exception as error:  # the layers below meet damage with errors of many kinds
        raise CorpusError(
            f"movie {movie} of {store.path} is damaged ({one_line(error)}); repair the corpus"
        ) from error


def _read(store: CorpusStore, movie: int) -> Movie:
    study = store.corpus.study
    found = xr.open_zarr(store.path, consolidated=False, zarr_format=3, decode_times=False, chunks=None)
    found = found.isel(movie=movie)
    table = found.isel(localization=slice(int(found.localizations)))
    names = ("loc_frame", "loc_y", "loc_x", "loc_uncertainty")
    values = {name: table[name].values for name in names}
    times = {"loc_time": study.acquisition.frame_times_s(values["loc_frame"])}
    observation = bin_localizations(schema.dataset(**values, **times), study.field, study.acquisition)
    known = seen(study.field, study.acquisition)
    return Movie(observation.assign_attrs(known), _truth(store, found, movie))


def info(path: str | Path) -> str:
    """Return a summary of a corpus as text.

    Raises
    ------
    CorpusError
        If there is no corpus.
    """
    store = CorpusStore(Path(path))
    corpus, done = store.corpus, store.done()
    acquisition, (height, width) = corpus.study.acquisition, corpus.study.field.shape
    size = sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file())
    found = store.scalars("localizations")[done]
    lines = [
        f"{path}: {done.sum()} of {corpus.movies} movies, {size / 1e6:.1f} MB",
        f"study: {corpus.study.kind}, {acquisition.time_points} time points of {acquisition.point_s:g} s, "
        f"{height} x {width} pixels of {corpus.study.field.pixel_nm:g} nm",
        *(f"{c.setting}: {' or '.join(map(written, c.values))}" for c in corpus.choices),
        *(_said_of(found, corpus) for found in corpus.ranges),
        f"localizations: {found.sum()}" + (f", {found.min()} to {found.max()} a movie" if found.size else ""),
        f"seed: {corpus.seed}",
        f"made with smlmsim {_said(store, 'version')} {_said(store, 'commit')}".rstrip(),
    ]
    return "\n".join(lines)


def _said_of(found: Range, corpus: Corpus) -> str:
    at_zero = f", {found.share_at_zero:.0%} of the movies at 0" if found.share_at_zero else ""
    only = "" if corpus.varies_everywhere(found) else ", in the movies that have it"
    return f"{found.setting}: {found.low:g} to {found.high:g}, {found.scale}{at_zero}{only}"


def require_done(store: CorpusStore, movie: int) -> None:
    """Raise an error if a movie is not in the store."""
    if not 0 <= movie < store.corpus.movies:
        raise CorpusError(f"{store.path} has the movies 0 to {store.corpus.movies - 1}, asked for {movie}")
    if not store.is_done(movie):
        raise CorpusError(f"movie {movie} of {store.path} does not exist yet; run again to continue")


def _said(store: CorpusStore, what: str) -> str:
    return one_line(store.group.attrs.get(f"smlmsim_{what}", ""), 80)


def _truth(store: CorpusStore, found: xr.Dataset, movie: int) -> xr.Dataset:
    study, recipe = store.corpus.study, store.corpus.recipe(movie)
    values: dict[str, npt.NDArray[Any]] = {"density": (found.density * found.peak).values.astype(np.float32)}
    vertices = found.isel(vertex=slice(int(found.vertices)))
    if vertices.sizes["vertex"]:
        values |= {name: vertices[name].values.astype(np.float32) for name in ("vertex_y", "vertex_x")}
        values["filament"] = vertices.filament.values
    attrs = {"study": store.corpus.study_of(recipe).to_toml(), "seed": recipe.seed}
    axes = {"time": study.acquisition.times_s, "y": study.field.y_nm, "x": study.field.x_nm}
    return schema.dataset(attrs, **values, **axes)
