"""What is said of shared data: who made them, under which licence, how to cite them; as in ``rdf.yaml`` of ShareLoc."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
import yaml

from smlmsim.io.metadata import LARGEST_FILE, parse_json
from smlmsim.io.plain_yaml import LARGEST, documents
from smlmsim.spec import Spec, explain, one_line

RDF, RECORD = "rdf.yaml", "fetched.json"
"""Files beside shared data: the description of ShareLoc and BioImage.IO, and a :class:`Publication` as JSON."""
RDF_VERSION = "0.2.4"
LONGEST = 100_000
"""Characters of a text; longer ones are cut."""
MOST_TAGS = 1000
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def plain(text: object) -> str:
    r"""Return a text from elsewhere without HTML and without characters that would control a terminal.

    Examples
    --------
    >>> plain("<p>Actin &amp; \x1b[2Jtubulin</p>")
    'Actin & [2Jtubulin'
    """
    bare = html.unescape(_TAG.sub(" ", str(text)[:LONGEST]))
    kept = (" " if c in "\n\r\t" else c for c in bare if c in "\n\r\t" or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


Plain = Annotated[str, pydantic.BeforeValidator(lambda text: plain(text) if isinstance(text, str) else text)]


class SharedFile(Spec):
    """A file of a publication.

    Parameters
    ----------
    name : str
        Its name as published, which may lead anywhere: see :func:`smlmsim.share.names.safe`.
    size_bytes : int, optional
        Its size.
    checksum : str
        ``md5:`` or ``sha256:`` with the hexadecimal digest; "" if none is known.
    """

    name: str
    size_bytes: pydantic.NonNegativeInt | None = None
    checksum: Annotated[str, pydantic.Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})?$")] = ""


class Publication(Spec):
    """Data that are shared, and what is said of them.

    Parameters
    ----------
    name, description : str
        Title and abstract, without HTML.
    authors : tuple of str
        Their names, ``Family, Given``.
    license : str, optional
        The SPDX identifier, such as ``CC-BY-4.0``.
    doi, url, date, version, publisher : str, optional
        Where and when it was published; the date as ``2021-05-31``.
    cite : str, optional
        What its authors ask to cite instead.
    tags : tuple of str
        Keywords, such as ``structure:microtubules``.
    files : tuple of SharedFile
        All files of it.

    Examples
    --------
    >>> Publication(name="Actin", authors=("Doe, J",), date="2021-05-31", doi="10.5281/zenodo.1").citation
    'Doe, J (2021). Actin. https://doi.org/10.5281/zenodo.1'
    """

    name: Plain
    description: Plain = ""
    authors: tuple[Plain, ...] = ()
    license: Plain | None = None
    doi: Plain | None = None
    url: Plain | None = None
    date: Plain | None = None
    version: Plain | None = None
    publisher: Plain | None = None
    cite: Plain | None = None
    tags: tuple[Plain, ...] = pydantic.Field(default=(), max_length=MOST_TAGS)
    files: tuple[SharedFile, ...] = ()

    @property
    def citation(self) -> str:
        """How to cite it, in a line."""
        if self.cite:
            return self.cite
        year = f" ({self.date[:4]})" if self.date and self.date[:4].isdecimal() else ""
        who = "; ".join(self.authors) or "Unknown authors"
        where = f"https://doi.org/{self.doi}" if self.doi else self.url
        parts = [f"{who}{year}", self.name.rstrip("."), self.publisher, where]
        return ". ".join(part for part in parts if part)

    def tree(self) -> dict[str, Any]:
        """What is set, as plain values."""
        return {
            name: value for name, value in self.model_dump(mode="json").items() if value not in (None, [], "")
        }

    def to_json(self) -> str:
        """The content of a ``fetched.json``."""
        return json.dumps(self.tree(), indent=1, ensure_ascii=False) + "\n"

    def to_rdf(self, *, cover: str = "") -> str:
        """Return the content of an ``rdf.yaml`` of a dataset, with one sample that has all files.

        Parameters
        ----------
        cover : str
            File with a picture of it; "" for none.
        """
        files = [
            {"name": file.name, "size": file.size_bytes, "checksum": file.checksum}
            for file in self.files
            if file.name != cover
        ]
        said = {
            "format_version": RDF_VERSION,
            "type": "dataset",
            "name": self.name,
            "description": self.description or self.name,
            "authors": [{"name": author} for author in self.authors],
            "cite": [{"text": self.citation} | ({"doi": self.doi} if self.doi else {})],
            "license": self.license,
            "tags": list(self.tags),
            "covers": [cover] if cover else None,
            "version": self.version,
            "attachments": {
                "files": [file.name for file in self.files],
                "samples": [{"name": self.name, "files": files}],
            },
        }
        text = {name: value for name, value in said.items() if value is not None}
        return str(yaml.safe_dump(text, sort_keys=False, allow_unicode=True, width=100))

    @classmethod
    def from_rdf(cls, content: bytes, source: str) -> Self:
        """Read an ``rdf.yaml``; what is of another form than expected is left out.

        Raises
        ------
        ValueError
            If it is not YAML, or has no name; the message names the source.
        """
        try:
            found = documents(content)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None
        tree = found[0] if found and isinstance(found[0], Mapping) else {}
        if not isinstance(tree.get("name"), str):
            raise ValueError(f"{source} does not name a dataset; an rdf.yaml begins with its name and type")
        text = {
            key: tree[key] for key in ("name", "description", "license", "version") if _is_text(tree.get(key))
        }
        cited = [item for item in _listed(tree.get("cite")) if isinstance(item, Mapping)]
        said = next((str(item["text"]) for item in cited if _is_text(item.get("text"))), None)
        doi = next((str(item["doi"]) for item in cited if _is_text(item.get("doi"))), None)
        return cls(
            **text,
            authors=tuple(_names(tree.get("authors"))),
            cite=said,
            doi=doi,
            tags=tuple(tag for tag in _listed(tree.get("tags")) if isinstance(tag, str))[:MOST_TAGS],
            files=tuple(_files(tree.get("attachments"))),
        )

    @classmethod
    def from_json(cls, content: bytes, source: str) -> Self:
        """Read a ``fetched.json``; the message of a ValueError names the source."""
        try:
            return cls.model_validate(parse_json(content))
        except pydantic.ValidationError as error:
            raise ValueError(f"{source} does not fit: {one_line(explain(error))}") from None
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None

    @classmethod
    def of_folder(cls, folder: Path) -> Self | None:
        """Read what is said of the data in a folder, from ``fetched.json`` or ``rdf.yaml``; None without both.

        Raises
        ------
        ValueError
            If one of these is damaged.
        """
        for name, read, most in ((RECORD, cls.from_json, LARGEST_FILE), (RDF, cls.from_rdf, LARGEST)):
            path = folder / name
            if path.is_file():
                with path.open("rb") as file:
                    return read(file.read(most + 1), str(path))
        return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _names(authors: Any) -> Iterator[str]:
    for author in _listed(authors):
        name = author.get("name") if isinstance(author, Mapping) else author
        if _is_text(name):
            yield str(name)


def _files(attachments: Any) -> Iterator[SharedFile]:
    """The files that attachments name, each once: as texts, or with their size and checksum."""
    found: dict[str, SharedFile] = {}
    for item in _walked(attachments):
        name = item if isinstance(item, str) else item.get("name") or item.get("source")
        if not _is_text(name):
            continue
        said = item if isinstance(item, Mapping) else {}
        size, checksum = said.get("size"), str(said.get("checksum") or "").lower()
        if isinstance(said.get("sha256"), str):
            checksum = f"sha256:{said['sha256'].lower()}"
        file = SharedFile(
            name=str(name),
            size_bytes=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
            checksum=checksum if re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum) else "",
        )
        if file.checksum or file.name not in found:
            found[file.name] = file
    return iter(found.values())


def _walked(attachments: Any) -> Iterator[Any]:
    """The entries of all lists called ``files`` in attachments."""
    if isinstance(attachments, list):
        for item in attachments:
            yield from _walked(item)
    elif isinstance(attachments, Mapping):
        for key, value in attachments.items():
            if key == "files":
                yield from (item for item in _listed(value) if isinstance(item, str | Mapping))
            else:
                yield from _walked(value)
