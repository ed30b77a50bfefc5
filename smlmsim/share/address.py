"""Where shared data are: a DOI, the page of a record, or a file."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from smlmsim.spec import brief

SERVER = "https://zenodo.org"
SANDBOX = "https://sandbox.zenodo.org"
VARIABLE = "SMLMSIM_SERVER"
"""Environment variable with the address of another server of the same interface."""
PREFIXES = {"5281": SERVER, "5072": SANDBOX}
"""Prefix of the DOIs of a server -> its address."""
_DOI = re.compile(r"10\.(\d{4,9})/(\S+)")
_RECORD = re.compile(r"zenodo\.(\d{1,12})", re.IGNORECASE | re.ASCII)
_PAGE = re.compile(r"/(?:api/)?records?/(\d{1,12})(?:/(?:files/([^/]+)(?:/content)?)?)?/?", re.ASCII)
_DOI_PAGE = re.compile(r"https://[^/?#]+/doi/(10\.[^?#]+)")


class Address(NamedTuple):
    """A record of a server, perhaps a single file of it, or a file anywhere.

    Parameters
    ----------
    server : str
        Scheme and host of the server.
    record : str
        Number of the record; "" for a file anywhere.
    file : str
        Name of the only file that is wanted; "" for all.
    url : str
        Address of a file anywhere.
    """

    server: str
    record: str = ""
    file: str = ""
    url: str = ""

    @property
    def folder(self) -> str:
        """The name of the folder for its files."""
        host = re.sub(r"[^a-z0-9.-]+", "-", (urlsplit(self.server).hostname or "").lower()).strip(".-")
        if self.record:
            return f"zenodo-{self.record}" if self.server == SERVER else f"{host}-{self.record}"
        return f"{host}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"


def address(source: str, server: str | None = None) -> Address:
    """Find out what a DOI or an URL leads to.

    Parameters
    ----------
    source : str
        As in ``10.5281/zenodo.123``, ``https://zenodo.org/records/123`` or ``https://example.org/table.csv``.
    server : str, optional
        Address of the server that has the records; by default the environment variable ``SMLMSIM_SERVER``, or Zenodo.

    Raises
    ------
    ValueError
        If it is neither, if the DOI is not of a record of the server, or if the connection would not be encrypted.

    Examples
    --------
    >>> address("doi:10.5281/zenodo.123")
    Address(server='https://zenodo.org', record='123', file='', url='')
    """
    given = (server or os.environ.get(VARIABLE) or "").rstrip("/")
    if given:
        require_allowed(given, loopback=True)
    text = source.strip()
    doi = _doi_in(text)
    if doi:
        return _of_doi(doi, given)
    if re.fullmatch(r"zenodo[.:]\d{1,12}", text, re.IGNORECASE | re.ASCII):
        return Address(given or SERVER, text[7:])
    require_allowed(text, loopback=True)
    parts = urlsplit(text)
    origin = f"{parts.scheme}://{parts.netloc}"
    page = _PAGE.fullmatch(parts.path)
    if page and origin in (given, SERVER, SANDBOX, "https://www.zenodo.org"):
        return Address(given or origin.replace("//www.", "//"), page[1], unquote(page[2] or ""))
    return Address(origin, url=text)


def require_allowed(url: str, *, loopback: bool) -> None:
    """Refuse an address whose connection would not be encrypted, unless it stays on this machine.

    Parameters
    ----------
    url : str
    loopback : bool
        Whether addresses of this machine are allowed.

    Raises
    ------
    ValueError
        If it is no such address.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{brief(url)} is not the address of anything") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(
            f"{brief(url)} is neither a DOI, as 10.5281/zenodo.123, nor an address with https://"
        )
    here = is_loopback(host)
    if here and not loopback:
        raise ValueError(f"{brief(url)}, to which the server leads, is of this machine; it is not followed")
    if parts.scheme == "http" and not here:
        raise ValueError(f"{brief(url)} is not encrypted; only addresses with https:// are fetched")
    if parts.username or parts.password:
        raise ValueError(
            f"the address at {host} has a user or a password, which would be stored; leave it out"
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _doi_in(text: str) -> str:
    """The DOI that a text is, alone or in the address of a resolver; "" if it is none."""
    bare = re.sub(r"^(doi:\s*|https?://(dx\.|www\.)?doi\.org/)", "", text, flags=re.IGNORECASE)
    if bare != text or _DOI.fullmatch(bare):
        return unquote(bare)
    page = _DOI_PAGE.match(text)
    return unquote(page[1]) if page else ""


def _of_doi(doi: str, given: str) -> Address:
    """The record that has a DOI."""
    found = _DOI.fullmatch(doi.rstrip("/"))
    record = _RECORD.fullmatch(found[2]) if found else None
    if not found or not record or (found[1] not in PREFIXES and not given):
        raise ValueError(
            f"{brief(doi)} is not the DOI of a Zenodo record, as 10.5281/zenodo.123 is; "
            "give that of the data, not of an article about them, or the address of a file"
        )
    return Address(given or PREFIXES[found[1]], record[1])
