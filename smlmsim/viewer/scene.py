"""What a viewer shows: a table, its movies, and what their parts are called."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smlmsim import io
from smlmsim.io.reading import Reading
from smlmsim.selection import Selection
from smlmsim.viewer.cloud import BLOCK, PER_NM, SENT, UNKNOWN, Cloud, Time, read_cloud
from smlmsim.viewer.movies import Movie, read_movies

TILE, FRAME = "tile", "frame"
COUNTS = "counts"
"""The movie that shows the same as the table, so that another one is visible at first."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Scene:
    """A table, or movies, or both in the same coordinates.

    Parameters
    ----------
    title : str
    cloud : Cloud or None
    movies : tuple of Movie
    """

    title: str
    cloud: Cloud | None
    movies: tuple[Movie, ...] = ()

    def part(self, name: str) -> bytes:
        """Return a part that the page asks for: ``tile-NUMBER``, or ``frame-MOVIE-NUMBER``.

        Raises
        ------
        KeyError
            If there is no such part.
        """
        kind, *numbers = name.split("-")
        try:
            found = [int(number) for number in numbers if number.isdecimal() and number.isascii()]
            if kind == TILE and self.cloud is not None and len(found) == len(numbers) == 1:
                return self.cloud.tile(found[0])
            if kind == FRAME and len(found) == len(numbers) == 2:
                return self.movies[found[0]].frame(found[1])
        except IndexError as error:
            raise KeyError(name) from error
        raise KeyError(name)

    def names(self) -> Iterator[str]:
        """Yield the names of all parts."""
        if self.cloud is not None:
            yield from (f"{TILE}-{tile}" for tile in range(self.cloud.edge.size))
        for number, movie in enumerate(self.movies):
            yield from (f"{FRAME}-{number}-{frame}" for frame in range(movie.time.steps))

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        tiles = self.cloud.nbytes if self.cloud else 0
        return tiles + sum(movie.frames.size for movie in self.movies)

    def about(self) -> dict[str, Any]:
        """Return what the page knows from the start, as JSON can hold it; positions are in nm from its origin."""
        x0, x1, y0, y1 = self._shown_nm()
        origin = ((x0 + x1) / 2, (y0 + y1) / 2)
        return {
            "title": self.title,
            "origin": origin,
            "shown": _less((x0, x1, y0, y1), origin),
            "time": vars(time) if (time := self._time()) else None,
            "cloud": _cloud(self.cloud, origin) if self.cloud else None,
            "movies": [
                {
                    "name": movie.name,
                    "height": movie.frames.shape[1],
                    "width": movie.frames.shape[2],
                    "edges": _less(movie.edges_nm, origin),
                    "time": vars(movie.time),
                }
                for movie in self.movies
            ],
        }

    def _time(self) -> Time | None:
        if self.cloud is not None:
            return self.cloud.time
        return max((movie.time for movie in self.movies), key=lambda time: time.steps)

    def _shown_nm(self) -> tuple[float, float, float, float]:
        return self.cloud.shown_nm if self.cloud is not None else self.movies[0].edges_nm


def read_scene(
    path: Path,
    reading: Reading = Reading(),
    selection: Selection = Selection(),
    *,
    movies: Sequence[Path] = (),
    pixel_nm: float | None = None,
    point_s: float | None = None,
) -> Scene:
    """Read a table, a stack, or a folder with a table and stacks, as ``simulate`` and ``reconstruct`` leave it.

    Parameters
    ----------
    path : Path
    reading, selection :
        How the table is read, and which localizations are shown.
    movies : sequence of Path
        More stacks in the coordinates of the table.
    pixel_nm, point_s : float, optional
        The pixel and the time point of the stacks; they take precedence over the files.

    Raises
    ------
    ValueError
        If the folder holds several tables, or neither a table nor a stack.
    OSError
        If there is no such file.
    """
    files = [*_files(path), *movies]
    tables = [file for file in files if io.holds_table(file)]
    if len(tables) > 1:
        raise ValueError(f"{path} holds {len(tables)} tables, such as {tables[0]} and {tables[1]}; name one")
    cloud = read_cloud(tables[0], reading, selection) if tables else None
    stacks = sorted((file for file in files if file not in tables), key=lambda file: file.stem == COUNTS)
    made = [movie for file in stacks for movie in read_movies(file, pixel_nm=pixel_nm, point_s=point_s)]
    _say_how_times_match(cloud, made)
    return Scene(path.name, cloud, tuple(made))


def _files(path: Path) -> list[Path]:
    """The files of a folder that can be shown, or the file itself."""
    if not path.is_dir() or path.suffix.lower() in io.extensions():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in io.extensions())
    if not files:
        raise ValueError(f"{path} holds no stack and no table; known are {', '.join(io.extensions())}")
    return files


def _say_how_times_match(cloud: Cloud | None, movies: Sequence[Movie]) -> None:
    if cloud is None:
        return
    units = {movie.time.unit for movie in movies}
    if cloud.time is not None and units - {cloud.time.unit}:
        _log.info(
            "the time of the table is in %s, that of a movie is not: its frames are spread over the recording; "
            "exposure_s=0.03 and point_s=1.5 say how long they are",
            cloud.time.unit,
        )


def _cloud(cloud: Cloud, origin: tuple[float, float]) -> dict[str, Any]:
    corners = cloud.corner - (origin[1], origin[0])
    counts = cloud.start[1:] - cloud.start[:-1]
    return {
        "count": len(cloud),
        "block": BLOCK,
        "columns": [[name, dtype] for name, dtype in SENT.items() if name in cloud.columns],
        "channels": cloud.channels,
        "z": cloud.z_nm,
        "precision": {"per_nm": PER_NM, "unknown": UNKNOWN},
        "tiles": {
            "x": corners[:, 1].tolist(),
            "y": corners[:, 0].tolist(),
            "edge": cloud.edge.tolist(),
            "parent": cloud.parent.tolist(),
            "count": counts.tolist(),
            "first": cloud.span[:, 0].tolist(),
            "last": cloud.span[:, 1].tolist(),
        },
    }


def _less(edges: tuple[float, float, float, float], origin: tuple[float, float]) -> list[float]:
    """Edges x0, x1, y0, y1, from another origin."""
    return [edge - origin[index // 2] for index, edge in enumerate(edges)]
