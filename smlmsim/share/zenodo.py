"""Records of Zenodo, by its REST API: https://developers.zenodo.org."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pydantic

from smlmsim.io.metadata import LARGEST_FILE, parse_json
from smlmsim.io.publication import MOST_TAGS, Publication, SharedFile
from smlmsim.share import web
from smlmsim.share.address import Address
from smlmsim.share.licence import spdx
from smlmsim.spec import explain, one_line

if TYPE_CHECKING:
    import requests

_log = logging.getLogger(__name__)
_NUMBER = re.compile(r"\d{1,12}", re.ASCII)
_HASH = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


def read(opened: requests.Session, at: Address) -> tuple[Address, Publication, dict[str, str]]:
    """Read what a record says, and the addresses of its files by their names.

    A number that stands for all versions leads to the newest one, whose address is returned.

    Raises
    ------
    FetchError
        If there is no such record, or it is not open.
    ValueError
        If the answer is not that of the API.
    """
    what = f"record {at.record}"
    answer = web.read(
        opened, f"{at.server}/api/records/{at.record}", what, LARGEST_FILE, accept="application/json"
    )
    try:
        tree = parse_json(answer)
        if not isinstance(tree, Mapping) or not isinstance(tree.get("metadata"), Mapping):
            raise ValueError("it has no metadata")
        at = _newest(at, tree)
        files = list(_files(tree.get("files")))
        found = _publication(tree, files)
    except pydantic.ValidationError as error:
        raise ValueError(
            f"{at.server} describes {what} in an unknown form: {one_line(explain(error))}"
        ) from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{at.server} describes {what} in an unknown form: {one_line(error, 200)}") from None
    return at, found, {str(file["key"]): _url(file, at) for file in files}


def _newest(at: Address, tree: Mapping[str, Any]) -> Address:
    """The address of the record that a server gave, which may be the newest version of the one that was asked for."""
    number = str(tree.get("id") or at.record)
    if number == at.record or not _NUMBER.fullmatch(number):
        return at
    _log.info("record %s stands for all versions; the newest, %s, is fetched", at.record, number)
    return at._replace(record=number)


def _publication(tree: Mapping[str, Any], files: list[Mapping[str, Any]]) -> Publication:
    said = tree["metadata"]
    return Publication(
        name=str(said.get("title") or tree.get("title") or f"record {tree.get('id')}"),
        description=str(said.get("description") or ""),
        authors=tuple(_authors(said.get("creators"))),
        license=_licence(said),
        doi=_text(tree.get("doi") or said.get("doi")),
        url=_text((tree.get("links") or {}).get("self_html") or (tree.get("links") or {}).get("html")),
        date=_text(said.get("publication_date")),
        version=_text(said.get("version")),
        publisher=_text(said.get("publisher")) or "Zenodo",
        tags=tuple(str(tag) for tag in said.get("keywords") or () if isinstance(tag, str))[:MOST_TAGS],
        files=tuple(_file(file) for file in files),
    )


def _files(said: Any) -> Iterator[Mapping[str, Any]]:
    """The entries of files, which are a list or, in newer answers, below ``entries``."""
    if isinstance(said, Mapping):
        said = said.get("entries") or []
        said = list(said.values()) if isinstance(said, Mapping) else said
    for file in said or []:
        if not isinstance(file, Mapping) or not isinstance(file.get("key"), str):
            raise ValueError("a file has no name")
        yield file


def _file(said: Mapping[str, Any]) -> SharedFile:
    checksum = str(said.get("checksum") or "").lower()
    if not _HASH.fullmatch(checksum):
        raise ValueError(f"{said['key']!r} has no checksum that is known, but {checksum[:40]!r}")
    return SharedFile(name=said["key"], size_bytes=said.get("size"), checksum=checksum)


def _url(file: Mapping[str, Any], at: Address) -> str:
    """Where a file is: as the record says if it is on the same server."""
    links = file.get("links")
    said = links.get("content") or links.get("self") or "" if isinstance(links, Mapping) else ""
    if isinstance(said, str) and urlsplit(said)[:2] == urlsplit(at.server)[:2]:
        return said
    return f"{at.server}/api/records/{at.record}/files/{quote(file['key'])}/content"


def _authors(creators: Any) -> Iterator[str]:
    for creator in creators or ():
        person = creator.get("person_or_org", creator)
        if name := person.get("name"):
            yield str(name)


def _licence(said: Mapping[str, Any]) -> str | None:
    """The licence as its SPDX identifier, in any of the forms that the API has had."""
    rights = said.get("license") or next(iter(said.get("rights") or []), None)
    name = rights.get("id") if isinstance(rights, Mapping) else rights
    return spdx(name) if isinstance(name, str) and name.strip() else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
