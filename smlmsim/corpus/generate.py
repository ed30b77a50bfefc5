"""Simulate the movies of a corpus, find damaged ones, and simulate those again."""

from __future__ import annotations

import functools
import logging
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

from smlmsim import workers
from smlmsim.corpus.choice import written
from smlmsim.corpus.corpus import Corpus, CorpusError
from smlmsim.corpus.encoding import Encoding
from smlmsim.corpus.store import (
    CHUNK,
    CORPUS,
    PER_MOVIE,
    Capacity,
    CorpusStore,
    create,
)
from smlmsim.io import remedy, require_writable
from smlmsim.io.limits import bounded_memory
from smlmsim.pipeline import simulate
from smlmsim.store import complete, made_here, make_once, sole_run

logger = logging.getLogger(__name__)

ROOM = 3
"""The store has room for this many times the localizations and vertices of its extreme movies."""

ONE_THREAD = {"async.concurrency": 1, "threading.max_workers": 1}
EMPTY_TOO = {"array.write_empty_chunks": True}
"""Write empty chunks too: checking whether a chunk is empty costs as much as writing it."""


class Damage(NamedTuple):
    """A variable of a movie whose file is missing or differs from what was written."""

    movie: int
    variable: str


def generate(
    corpus: Corpus,
    path: str | Path,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
) -> None:
    """Make every movie of a corpus that its store does not hold yet; if killed at any moment, call again to continue.

    The bytes of the store do not depend on the number of processes. They depend on the kind of processor, see
    :func:`smlmsim.simulate`: the attribute ``processor`` names it, and a warning is logged if another kind continues.
    The processes are spawned, so a script must call this below ``if __name__ == "__main__":``. Each process writes
    its own movies.

    Parameters
    ----------
    corpus : Corpus
        The corpus to make.
    path : str or Path
        The store, a folder; made if absent. With a scheduler it must be on a file system that all workers share, under
        the same name.
    processes : int, optional
        Number of local processes; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers are used instead; they should have the same kind of processor.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    CorpusError
        If the folder holds something else, or a movie cannot be made.
    OSError
        If the disk is full, the folder is not writable, or another run writes to it; the movies made so far are
        kept.
    """
    workers.require_guarded()
    for found in corpus.ranges:
        if not corpus.varies_everywhere(found):
            logger.info(
                "%s varies only in the movies that have it, which the choices determine", found.setting
            )
    path = Path(path).absolute()
    require_writable(path)
    make_once(path, lambda: create(path, corpus, _capacity(corpus)))
    store = CorpusStore(path)
    CORPUS.require_same(path, store.group.attrs, corpus)
    with sole_run(path):
        _complete(store, processes, scheduler, progress)


def _complete(store: CorpusStore, processes: int | None, scheduler: str | None, progress: bool) -> None:
    """Make every movie that a store does not hold yet."""
    todo = np.flatnonzero(~store.done()).tolist()
    if todo:
        made_here(store.path, store.group.attrs)
    outcomes = complete(
        functools.partial(make_movie, store.path), todo, total=store.corpus.movies, unit="movie",
        processes=processes, scheduler=scheduler, progress=progress,
    )  # fmt: skip
    for movie, outcome in outcomes:
        if isinstance(outcome, Exception):
            raise _explained(outcome, store, movie) from outcome


def make_movie(path: Path, movie: int) -> None:
    """Simulate a movie of the corpus at a path and write it there, on one thread."""
    store = _opened(path, (path / "zarr.json").stat().st_mtime_ns)
    recipe = store.corpus.recipe(movie)
    with zarr.config.set(ONE_THREAD | EMPTY_TOO):
        store.write(movie, simulate(store.corpus.study_of(recipe), recipe.seed))


@functools.lru_cache(maxsize=1)
def _opened(path: Path, _made_ns: int) -> CorpusStore:
    """Open a store, and reuse it for the next movies as long as it is the same."""
    return CorpusStore(path, checked=True)


def verify(path: str | Path) -> list[Damage]:
    """Read every file of every finished movie, and return those that are missing or differ from what was written.

    Raises
    ------
    CorpusError
        If there is no corpus, or it is damaged beyond its movies.
    OSError
        If a file cannot be read.
    """
    store = CorpusStore(Path(path))
    return [damage for movie in range(store.corpus.movies) for damage in _damages(store, movie)]


def repair(
    path: str | Path, *, processes: int | None = None, scheduler: str | None = None, progress: bool = True
) -> list[Damage]:
    """Make the damaged and the missing movies of a corpus again.

    On the same kind of processor as before the bytes are the same; on another kind, a warning is logged.

    Returns
    -------
    list of Damage
        The variables that were damaged.

    Raises
    ------
    CorpusError
        If there is no corpus, or other versions of smlmsim or its dependencies made it.
    OSError
        As :func:`generate`.
    """
    store, damages = CorpusStore(Path(path)), verify(path)
    CORPUS.require_version(store.path, store.group.attrs)
    for movie in {damage.movie for damage in damages}:
        store.forget(movie)
    generate(store.corpus, path, processes=processes, scheduler=scheduler, progress=progress)
    return damages


def _damages(store: CorpusStore, movie: int) -> list[Damage]:
    try:
        if not store.is_done(movie):
            return []
        with bounded_memory():
            written = np.asarray(store["checksum"][movie])
    except Exception:  # damaged files raise errors of many kinds in the layers below
        return [Damage(movie, "done")]
    differs = written != store.checksums(movie)
    return [Damage(movie, name) for name, wrong in zip(PER_MOVIE, differs, strict=True) if wrong]


def _capacity(corpus: Corpus) -> Capacity:
    """Room for several times the localizations and vertices at the extremes of a corpus, in whole chunks."""
    encoding = Encoding.of(corpus.study.field)
    probes = [encoding.encode(simulate(corpus.study_of(recipe), recipe.seed)) for recipe in corpus.extremes()]
    localizations, vertices = (
        max(int(probe[name]) for probe in probes) for name in ("localizations", "vertices")
    )
    return Capacity(_whole(localizations, CHUNK["localization"]), _whole(vertices, CHUNK["vertex"]))


def _whole(most: int, chunk: int) -> int:
    """Return ``ROOM`` times a number, rounded up to whole chunks."""
    return chunk * max(1, math.ceil(ROOM * most / chunk))


def _explained(error: Exception, store: CorpusStore, movie: int) -> Exception:
    """Return an error that says which movie could not be made, and how many are kept."""
    kept = f"{int(store.done().sum())} of {store.corpus.movies} movies are kept, run again to continue"
    if isinstance(error, OSError):
        return OSError(error.errno, f"cannot write to {store.path}: {remedy(error, store.path)}; {kept}")
    recipe = store.corpus.recipe(movie)
    settings = (
        ", ".join(f"{name} = {written(value)}" for name, value in recipe.settings.items()) or "no ranges"
    )
    return CorpusError(f"movie {movie} ({settings}, seed {recipe.seed}) could not be made: {error}; {kept}")
