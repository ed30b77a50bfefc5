"""Making the movies of a corpus, finding damaged ones, and making those again."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

from smlmsim import workers
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

ROOM = 3
"""How many times more localizations and vertices the store has room for than its extreme movies have."""

ONE_THREAD = {"async.concurrency": 1, "threading.max_workers": 1}
EMPTY_TOO = {"array.write_empty_chunks": True}
"""Write a chunk that holds nothing, a few bytes, like any other: to look whether one does takes as long as the rest."""


class Damage(NamedTuple):
    """A variable of a movie whose file is not what was written."""

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
    """Make every movie of a corpus that its store does not hold yet; killed at any moment, a second call goes on.

    The bytes of the store do not depend on the number of processes. They do, by what :func:`smlmsim.simulate` tells,
    on the kind of processor: the attribute ``processor`` names it, and a warning says when another kind goes on.
    The processes are spawned: a script that calls this keeps the call below ``if __name__ == "__main__":``. Each
    writes its own movies.

    Parameters
    ----------
    corpus : Corpus
        What to make.
    path : str or Path
        The store, a folder; made if absent. With a scheduler it is on a file system that all workers share, under
        the same name.
    processes : int, optional
        Local processes; by default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers are used instead; they should be of one kind of processor.
    progress : bool
        Show a progress bar.

    Raises
    ------
    CorpusError
        If the folder holds something else, or a movie cannot be made.
    OSError
        If the disk is full, the folder may not be written to, or another run writes to it; the movies made so far are
        kept.
    """
    workers.require_guarded()
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
    """Keep a store open from movie to movie, unless another one takes its place."""
    return CorpusStore(path, checked=True)


def verify(path: str | Path) -> list[Damage]:
    """Read every file of every movie that is done, and name those that are missing or not what was written.

    Raises
    ------
    CorpusError
        If there is no corpus, or it is damaged beyond its movies.
    OSError
        If a file may not be read.
    """
    store = CorpusStore(Path(path))
    return [damage for movie in range(store.corpus.movies) for damage in _damages(store, movie)]


def repair(
    path: str | Path, *, processes: int | None = None, scheduler: str | None = None, progress: bool = True
) -> list[Damage]:
    """Make the damaged movies of a corpus again, and those it does not hold yet.

    On the kind of processor that made the corpus the bytes are the same; on another kind, a warning says so.

    Returns
    -------
    list of Damage
        What was damaged.

    Raises
    ------
    CorpusError
        If there is no corpus, or other versions made it.
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
    except Exception:  # the layers below meet damage with errors of many kinds
        return [Damage(movie, "done")]
    differs = written != store.checksums(movie)
    return [Damage(movie, name) for name, wrong in zip(PER_MOVIE, differs, strict=True) if wrong]


def _capacity(corpus: Corpus) -> Capacity:
    """Room for several times what the movies at both ends of all ranges have, in whole chunks."""
    encoding = Encoding.of(corpus.study.field)
    probes = [encoding.encode(simulate(corpus.study_of(recipe), recipe.seed)) for recipe in corpus.extremes()]
    localizations, vertices = (
        max(int(probe[name]) for probe in probes) for name in ("localizations", "vertices")
    )
    return Capacity(_whole(localizations, CHUNK["localization"]), _whole(vertices, CHUNK["vertex"]))


def _whole(most: int, chunk: int) -> int:
    """Several times as many, in whole chunks."""
    return chunk * max(1, math.ceil(ROOM * most / chunk))


def _explained(error: Exception, store: CorpusStore, movie: int) -> Exception:
    """Say which movie could not be made, and what is kept."""
    kept = f"{int(store.done().sum())} of {store.corpus.movies} movies are kept, run again to go on"
    if isinstance(error, OSError):
        return OSError(error.errno, f"cannot write to {store.path}: {remedy(error, store.path)}; {kept}")
    recipe = store.corpus.recipe(movie)
    settings = ", ".join(f"{name} = {value:g}" for name, value in recipe.settings.items()) or "no ranges"
    return CorpusError(f"movie {movie} ({settings}, seed {recipe.seed}) could not be made: {error}; {kept}")
