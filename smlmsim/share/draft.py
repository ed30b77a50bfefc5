"""A folder that is ready to upload: the data, what they are, who made them, and under which licence."""

from __future__ import annotations

import hashlib
import html
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from smlmsim import io
from smlmsim.catalogue import vocabulary
from smlmsim.io.publication import RDF, Publication, SharedFile
from smlmsim.io.reading import Reading
from smlmsim.share import content
from smlmsim.share.fetch import shown_bytes
from smlmsim.share.licence import LICENCES, require_known

METADATA, CFF, LICENCE, SUMS = "metadata.json", "CITATION.cff", "LICENSE", "checksums.sha256"
MOST_FILES, MOST_BYTES = 100, 50_000_000_000
"""What a record of Zenodo holds."""
TEXTS = (".toml", ".json", ".txt", ".yaml", ".cff", ".csv")
LONGEST_TEXT = 2**22
_log = logging.getLogger(__name__)


class About(NamedTuple):
    """What the publisher says of data; what is None is taken from them."""

    title: str | None = None
    description: str | None = None
    authors: tuple[str, ...] = ()
    license: str | None = None
    tags: tuple[str, ...] = ()


def publish(source: str | Path, draft: str | Path, about: About, reading: Reading = Reading()) -> Publication:
    """Make a folder that is ready to upload to a repository; nothing is uploaded.

    Its files: the data (a table as ``.smlm``, a corpus or the folders of a result as archives), ``rdf.yaml``,
    ``metadata.json`` (the body of a deposit at Zenodo), ``thumbnail.png``, ``LICENSE``, ``CITATION.cff`` and
    ``checksums.sha256``.

    Parameters
    ----------
    source : str or Path
        A table of any format, a corpus, or the folder of a result.
    draft : str or Path
        The folder; it must not exist.
    about : About
        What is said of the data.
    reading : Reading
        What a table does not state, or states wrongly.

    Returns
    -------
    Publication
        What is said of the data, with all files.

    Raises
    ------
    ValueError
        If the source is none of these, the folder exists, or authors or licence are neither given nor stated by the
        data.
    OSError
        If the folder cannot be written.
    """
    source, draft = Path(source), Path(draft)
    if draft.exists():
        raise ValueError(f"{draft} exists; choose another folder with draft=DIR, or delete it")
    licence = require_known(about.license) if about.license else None
    vocabulary.warn(about.tags)
    with io.making(draft) as folder:
        found = content.of(source, reading, about.tags)
        made = _publication(found, about, licence)
        io.require_room(folder, found.size_bytes)
        found.write(folder, made)
        if found.picture is not None:
            (folder / content.THUMBNAIL).write_bytes(found.picture)
        _warn_of_places(folder, source)
        return _complete(folder, made, found.picture is not None)


def _publication(found: content.Content, about: About, licence: str | None) -> Publication:
    """What is said of the data: by the publisher, or else by the data."""
    metadata = found.metadata
    authors = about.authors or tuple(
        part.strip() for part in (metadata.author or "").split(";") if part.strip()
    )
    licence = licence or (require_known(metadata.license) if metadata.license else None)
    if not authors:
        raise ValueError("the data do not say who made them; name each with author='Family, Given'")
    if licence is None:
        raise ValueError(
            "the data do not say under which licence they may be used; choose one: license=CC-BY-4.0 asks to be "
            "cited, license=CC0-1.0 asks nothing"
        )
    stated = about.description or metadata.description or ""
    if found.sentence not in stated:
        stated = f"{stated} {found.sentence}".strip()
    return Publication(
        name=about.title or metadata.name or found.name,
        description=stated,
        authors=authors,
        license=licence,
        cite=metadata.citation,
        tags=found.tags,
    )


def _complete(folder: Path, made: Publication, has_picture: bool) -> Publication:
    """Describe the files of a draft, and write all that is said of them beside them."""
    if taken := [name for name in (RDF, METADATA, CFF, LICENCE, SUMS) if (folder / name).exists()]:
        raise ValueError(f"the result has a file {taken[0]}, which the draft needs for itself; rename it")
    cover = content.THUMBNAIL if has_picture else ""
    made = made.replace({"files": tuple(_described(folder))})
    _require_uploadable(made)
    (folder / RDF).write_text(made.to_rdf(cover=cover), encoding="utf-8")
    (folder / METADATA).write_text(_deposit(made), encoding="utf-8")
    (folder / CFF).write_text(_cff(made), encoding="utf-8")
    (folder / LICENCE).write_text(_licence(made), encoding="utf-8")
    made = made.replace({"files": tuple(_described(folder))})
    sums = [f"{file.checksum.removeprefix('sha256:')}  {file.name}\n" for file in made.files]
    (folder / SUMS).write_text("".join(sums), encoding="utf-8")
    return made


def _described(folder: Path) -> Iterator[SharedFile]:
    """All files of a draft, with sizes and checksums."""
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield SharedFile(name=path.name, size_bytes=path.stat().st_size, checksum=f"sha256:{digest}")


def _require_uploadable(made: Publication) -> None:
    """Warn of a draft that is more than a record holds."""
    size = sum(file.size_bytes or 0 for file in made.files)
    if len(made.files) > MOST_FILES - 4 or size > MOST_BYTES:
        _log.warning(
            "the draft has %d files of %s; a record of Zenodo holds %d files of %s, so publish it in parts",
            len(made.files), shown_bytes(size), MOST_FILES, shown_bytes(MOST_BYTES),
        )  # fmt: skip


def _warn_of_places(folder: Path, source: Path) -> None:
    """Warn of files that tell the places of folders on this computer."""
    places = {str(place) for place in (Path.home(), source.resolve().parent) if len(place.parts) > 2}
    for path in sorted(folder.iterdir()):
        if path.suffix in TEXTS and path.stat().st_size < LONGEST_TEXT:
            text = path.read_text(encoding="utf-8", errors="replace")
            if told := [place for place in sorted(places) if place in text]:
                _log.warning(
                    "%s tells the place of a folder, %s; read it before you publish it", path.name, told[0]
                )


def _deposit(made: Publication) -> str:
    """The body of a deposit, as Zenodo's REST API takes it."""
    said: dict[str, Any] = {
        "title": made.name,
        "upload_type": "dataset",
        "description": f"<p>{html.escape(made.description)}</p>",
        "creators": [{"name": author} for author in made.authors],
        "access_right": "open",
        "license": (made.license or "").lower(),
        "keywords": list(made.tags),
    }
    return json.dumps({"metadata": said}, indent=1, ensure_ascii=False) + "\n"


def _cff(made: Publication) -> str:
    """How to cite the data, in the Citation File Format."""
    said = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them.",
        "type": "dataset",
        "title": made.name,
        "abstract": made.description,
        "authors": [_person(author) for author in made.authors],
        "license": made.license,
        "keywords": list(made.tags),
    }
    text = {name: value for name, value in said.items() if value}
    return str(yaml.safe_dump(text, sort_keys=False, allow_unicode=True, width=100))


def _person(author: str) -> dict[str, str]:
    family, comma, given = (part.strip() for part in author.partition(","))
    return {"family-names": family, "given-names": given} if comma and given else {"name": family}


def _licence(made: Publication) -> str:
    name, url = LICENCES[made.license or ""]
    who = "; ".join(made.authors)
    return f"{made.name}\n{who}\n\nSPDX-License-Identifier: {made.license}\n\n{name}\n{url}\n"
