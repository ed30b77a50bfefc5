"""What can be published: a table, a corpus, or the folder of a result."""

from __future__ import annotations

import io as memory
import logging
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from smlmsim import corpus, io
from smlmsim.catalogue import thumbnail, vocabulary
from smlmsim.catalogue.card import measured
from smlmsim.corpus.corpus import CorpusError
from smlmsim.corpus.store import CorpusStore
from smlmsim.io import Reading, smlm
from smlmsim.io.columns import LEFT_OUT
from smlmsim.io.formats import SMLM, recognised
from smlmsim.io.limits import require_own_files
from smlmsim.io.metadata import Metadata
from smlmsim.io.publication import Publication
from smlmsim.spec import one_line

THUMBNAIL = "thumbnail.png"
SIDE = 512
"""Pixels along the longer side of a thumbnail."""
RESULTS = (
    "summary.json",
    "study.toml",
    "scores.nc",
    "scores.zarr",
    "weights.safetensors",
    "report.txt",
    "index.html",
)
"""Files of which a folder that holds a result has at least one."""
COVERS = ("heatmap.png", "overview.png", "montage.png")
"""Pictures that show a result best; otherwise the first in the alphabet does."""
DAY = (1980, 1, 1, 0, 0, 0)
"""Date of all files in archives, so that the same files make the same archive."""
_log = logging.getLogger(__name__)


class Content(NamedTuple):
    """Data that are published.

    Parameters
    ----------
    name : str
        Their title if none is given.
    metadata : Metadata
        What they say of themselves.
    sentence : str
        What they are.
    tags : tuple of str
    picture : bytes, optional
        A PNG.
    size_bytes : int
        Space for their files, at most.
    write : callable
        Writes their files into a folder, with what is said of them.
    """

    name: str
    metadata: Metadata
    sentence: str
    tags: tuple[str, ...]
    picture: bytes | None
    size_bytes: int
    write: Callable[[Path, Publication], None]


def of(source: Path, reading: Reading, tags: tuple[str, ...]) -> Content:
    """Find out what a path holds.

    Raises
    ------
    ValueError
        If it holds neither a table, nor a corpus, nor a result.
    OSError
        If there is nothing.
    """
    if not source.is_dir():
        return _table(source, reading, tags)
    if (source / "zarr.json").exists() or source.suffix == ".zarr":
        return _corpus(source, tags)
    return _result(source, tags)


def _table(path: Path, reading: Reading, tags: tuple[str, ...]) -> Content:
    """A table, which is written as ``.smlm`` with its metadata."""
    if not io.holds_table(path):
        raise ValueError(f"{path} holds images; published are tables, corpora and folders of results")
    found = measured(path, reading, tags)
    data = io.read(path, reading, others=True)
    if lost := data.attrs.pop(LEFT_OUT, ()):
        _log.info("%s: left out, because the format cannot store it: %s", path.name, ", ".join(lost))

    def write(folder: Path, made: Publication) -> None:
        attached = smlm.read_attachments(path) if recognised(path) is SMLM else []
        known = Metadata.of(data).replace(
            {
                "name": made.name, "description": made.description, "author": "; ".join(made.authors),
                "license": made.license, **_fields(made.tags),
            }
        )  # fmt: skip
        smlm.write(known.stamped(data), folder / f"{_stem(path)}.smlm", attachments=attached)

    picture = thumbnail.png(found.picture)
    size = sum(values.nbytes for values in data.variables.values())
    return Content(
        _title(path), found.metadata, f"{found.card.sentence}.", found.card.tags, picture, size, write
    )


def _corpus(path: Path, tags: tuple[str, ...]) -> Content:
    """A corpus, which is written as one archive; its movies are compressed already."""
    try:
        store = CorpusStore(path)
    except CorpusError as error:
        raise ValueError(
            f"{path} is no corpus ({one_line(error, 200)}); published are also tables and results"
        ) from None
    done = store.done()
    if not done.all():
        raise ValueError(f"{done.sum()} of the {done.size} movies of {path} are made; make the others before")
    sizes = _own_files(path)
    said = corpus.info(path).removeprefix(f"{path}: ").replace("\n", "; ")
    truth = corpus.read_movie(path, 0).truth
    picture = None
    if truth is not None:
        picture = thumbnail.png(thumbnail.coloured(truth.density.mean("time").values))

    def write(folder: Path, _: Publication) -> None:
        (folder / "corpus.toml").write_text(store.corpus.to_toml(), encoding="utf-8")
        _archive(path, folder / f"{_stem(path)}.zarr.zip", sizes)

    metadata = Metadata(name=None, software="smlmsim")
    return Content(
        f"Corpus {_title(path)}", metadata, f"Simulated movies for training: {said}.",
        _with(tags, "modality:simulation", "software:smlmsim"), picture, sum(sizes.values()), write,
    )  # fmt: skip


def _result(path: Path, tags: tuple[str, ...]) -> Content:
    """The folder of a result: its files, and its folders as archives."""
    if not any((path / name).exists() for name in RESULTS):
        raise ValueError(
            f"{path} holds no result: none of {', '.join(RESULTS)}; published are also tables and corpora"
        )
    sizes = _own_files(path)
    top = sorted({file.relative_to(path.resolve()).parts[0] for file in sizes})

    def write(folder: Path, _: Publication) -> None:
        for name in top:
            if (path / name).is_dir():
                _archive(path / name, folder / f"{name}.zip", sizes)
            else:
                shutil.copyfile(path / name, folder / name)

    covers = [*(name for name in COVERS if name in top), *(name for name in top if name.endswith(".png"))]
    picture = _reduced(path / covers[0]) if covers else None
    if picture is None:
        _log.info("%s holds no picture, so the draft has no %s", path, THUMBNAIL)
    return Content(
        f"Result {_title(path)}", Metadata(), f"A result of smlmsim: {', '.join(top)}.",
        _with(tags, "software:smlmsim"), picture, sum(sizes.values()), write,
    )  # fmt: skip


def _fields(tags: tuple[str, ...]) -> dict[str, object]:
    """Tags as fields of metadata: the first of each category, and all others."""
    fields: dict[str, str] = {}
    others = []
    for text in tags:
        found = vocabulary.tag(text)
        if found.category and found.category not in fields:
            fields[found.category] = found.name
        else:
            others.append(text)
    return {**fields, "tags": tuple(others)}


def _with(tags: tuple[str, ...], *more: str) -> tuple[str, ...]:
    """Tags in the spelling of the vocabulary, each once."""
    return tuple(dict.fromkeys(str(vocabulary.tag(text)).removesuffix(" (?)") for text in (*tags, *more)))


def _archive(source: Path, target: Path, sizes: dict[Path, int]) -> None:
    """Write the files of a folder into an archive, without compressing them again."""
    root = source.resolve()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in sizes if path.is_relative_to(root)):
            entry = zipfile.ZipInfo(f"{source.name}/{path.relative_to(root).as_posix()}", DAY)
            entry.external_attr = 0o644 << 16
            with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as copy:
                shutil.copyfileobj(file, copy)


def _reduced(path: Path) -> bytes | None:
    """A picture as a thumbnail; None if it cannot be read."""
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        small.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        _log.warning("%s cannot be read as a picture (%s)", path, one_line(error, 100))
        return None
    buffer = memory.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _own_files(folder: Path) -> dict[Path, int]:
    """The files of a folder with their sizes, without hidden ones; refuses links that lead out of it."""
    root = folder.resolve()
    found = require_own_files(folder)
    return {
        file: size
        for file, size in found.items()
        if not any(part.startswith(".") for part in file.relative_to(root).parts)
    }


def _stem(path: Path) -> str:
    """The name of a file or folder without its endings, in plain letters."""
    name = path.resolve().name
    for _ in range(2):
        name = name if name.startswith(".") else Path(name).stem
    kept = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_")
    return kept or "data"


def _title(path: Path) -> str:
    return _stem(path).replace("_", " ")
