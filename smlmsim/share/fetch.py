"""Fetch shared data: what there is, then its files, each complete and with the right checksum."""

from __future__ import annotations

import contextlib
import fnmatch
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from smlmsim import io
from smlmsim._settings import closest
from smlmsim.io.lock import BusyError, sole_writer
from smlmsim.io.plain_yaml import LARGEST
from smlmsim.io.publication import RDF, RECORD, Publication, SharedFile
from smlmsim.progress import bar
from smlmsim.share import names, web, zenodo
from smlmsim.share.address import Address, address
from smlmsim.spec import one_line

if TYPE_CHECKING:
    import requests

CITATION = "CITATION.txt"
LIMIT_GB = 10.0
"""Greatest size of what is fetched at once, unless more is asked for."""
CACHE = "SMLMSIM_CACHE"
"""Environment variable with the folder of what was fetched."""
PARTS = ".smlmsim-parts"
"""Folder of files that are not complete yet."""
COMPLETE = "complete"
"""Name of a file in that folder that has come, before it gets its own."""
SIDES = {".csv": (".csv.json",), ".hdf5": (".yaml",), ".h5": (".yaml",)}
"""Ending of a table -> those of files that describe it."""
RETRIES = 3
_log = logging.getLogger(__name__)


class Offer(NamedTuple):
    """Shared data that can be fetched.

    Parameters
    ----------
    at : Address
    publication : Publication
        What is said of them, with all files.
    urls : dict of str to str
        Where the files are, by their names.
    chosen : tuple of SharedFile
        The files that were asked for, and those that describe them.
    """

    at: Address
    publication: Publication
    urls: dict[str, str]
    chosen: tuple[SharedFile, ...]

    @property
    def size_bytes(self) -> int:
        """The size of the chosen files, as far as it is announced."""
        return sum(file.size_bytes or 0 for file in self.chosen)


def cache_folder() -> Path:
    """The folder of what was fetched, unless another was given: ``$SMLMSIM_CACHE``, or that of the user's system."""
    if given := os.environ.get(CACHE):
        return Path(given).expanduser()
    web.require_pooch()
    import pooch

    return Path(pooch.os_cache("smlmsim")) / "shared"


def look_up(
    source: str, files: Sequence[str] = (), *, server: str | None = None, limit_gb: float = LIMIT_GB
) -> Offer:
    """Ask a server what it has, without fetching any table.

    Parameters
    ----------
    source : str
        A DOI, the address of a record, of a file or of an ``rdf.yaml``.
    files : sequence of str
        Names or patterns, as ``*.smlm``, of the files that are wanted; by default all.
    server : str, optional
        As in :func:`~smlmsim.share.address.address`.
    limit_gb : float
        Greatest size of the files in all, GB; positive.

    Raises
    ------
    ValueError
        If the source is neither, the record has no such file, a name is not safe, or they are larger.
    FetchError
        If the server has no such record, or does not answer.
    """
    at = address(source, server)
    with web.session(at.server) as opened:
        if at.record:
            at, publication, urls = zenodo.read(opened, at)
            publication = _described(opened, publication, urls)
        else:
            publication, urls = _of_url(opened, at)
    wanted = [*files, *([at.file] if at.file else [])]
    chosen = tuple(_chosen(publication, wanted))
    names.require_distinct(str(names.safe(file.name)) for file in chosen)
    if taken := [file.name for file in chosen if file.name.split("/")[0].casefold() == RECORD]:
        raise ValueError(
            f"the file {taken[0]!r} would replace the one that says where all came from; choose others"
        )
    found = Offer(at, publication, urls, chosen)
    if found.size_bytes > limit_gb * 1e9:
        raise ValueError(
            f"{len(chosen)} files take {shown_bytes(found.size_bytes)}, more than limit_gb={limit_gb:g}; "
            "choose some with file=NAME, or give a greater limit_gb"
        )
    return found


def fetch(offer: Offer, into: str | Path | None = None, *, limit_gb: float = LIMIT_GB) -> list[Path]:
    """Fetch the chosen files into a folder of their own, with licence and citation beside them.

    Files that are there already are not fetched again, and what a broken connection left is completed.

    Parameters
    ----------
    offer : Offer
        From :func:`look_up`.
    into : str or Path, optional
        Where the folder is made; by default :func:`cache_folder`.
    limit_gb : float
        Greatest size of a file whose size the server does not announce, GB; positive.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FetchError
        If the server does not answer, or a file has another checksum or size than announced.
    ValueError
        If a file in the folder is another than that of the record.
    OSError
        If the disk is full, or the folder cannot be written to; the message says what would help.
    """
    parent = Path(into) if into is not None else cache_folder()
    io.require_writable(parent)
    folder = parent / offer.at.folder
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _writing(folder), _alone(folder):
            found = _all(offer, folder, limit_gb)
    except BaseException:
        if not existed:
            _remove_if_empty(folder)
        raise
    return found


def shown_bytes(number: int) -> str:
    """Show a size, as in 12.3 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number} bytes"


def _all(offer: Offer, folder: Path, limit_gb: float) -> list[Path]:
    """Fetch what is missing, then say where it came from."""
    targets = {file.name: names.inside(folder, file.name) for file in offer.chosen}
    missing = [file for file in offer.chosen if not _is_there(file, targets[file.name])]
    io.require_room(folder, sum(file.size_bytes or 0 for file in missing))
    parts = folder / PARTS
    try:
        total = sum(file.size_bytes or 0 for file in missing) or None
        with bar(total, "B", thousands=True) as progress, web.session(offer.at.server) as opened:
            for file in missing:
                if _from_cache(file, offer, targets[file.name]):
                    continue
                parts.mkdir(exist_ok=True)
                download = web.Download(
                    opened, parts, repr(file.name), file.size_bytes, int(limit_gb * 1e9),
                    resumes=bool(file.checksum), arrived=progress.update,
                )  # fmt: skip
                _one(file, offer.urls[file.name], targets[file.name], download)
        shutil.rmtree(parts, ignore_errors=True)
    finally:
        _remove_if_empty(parts)
    _say_origin(offer.publication, folder)
    return list(targets.values())


def _one(file: SharedFile, url: str, target: Path, download: web.Download) -> None:
    """Fetch a file by pooch, which tries again where a connection breaks, and compares the checksum."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    from_server = pooch.create(
        path=download.parts, base_url="", registry={COMPLETE: file.checksum or None}, urls={COMPLETE: url},
        retry_if_failed=RETRIES - 1,
    )  # fmt: skip
    with web.explained(url, repr(file.name)):
        try:
            (download.parts / COMPLETE).unlink(missing_ok=True)
            complete = Path(from_server.fetch(COMPLETE, downloader=download))
        except ValueError as error:
            if "hash" not in str(error):
                raise
            raise web.FetchError(
                f"{file.name!r} came with another checksum than the record says, {RETRIES} times; it is not kept. "
                "Try again later, or tell those who published it"
            ) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    complete.replace(target)


def _is_there(file: SharedFile, target: Path) -> bool:
    """Whether a file was fetched before; refuses another one in its place."""
    if not target.exists():
        return False
    import pooch

    if (
        file.checksum
        and pooch.file_hash(str(target), alg=file.checksum.split(":")[0]) == file.checksum.split(":")[1]
    ):
        return True
    if not file.checksum:
        _log.info("%s is there, and its source states no checksum; delete it to fetch it again", target)
        return True
    raise ValueError(
        f"{target} is there, but is not the file of the record: its checksum differs; "
        "delete it, or choose another place with into=DIR"
    )


def _from_cache(file: SharedFile, offer: Offer, target: Path) -> bool:
    """Copy a file that was fetched into the cache before; False if it is not there."""
    kept = cache_folder() / offer.at.folder / names.safe(file.name)
    if not file.checksum or kept == target or not kept.is_file():
        return False
    with contextlib.suppress(ValueError):
        if _is_there(file, kept):
            target.parent.mkdir(parents=True, exist_ok=True)
            with io.replacing(target) as draft:
                shutil.copyfile(kept, draft)
            return True
    return False


def _say_origin(publication: Publication, folder: Path) -> None:
    """Write what is said of the data beside them."""
    with io.replacing(folder / RECORD) as draft:
        draft.write_text(publication.to_json(), encoding="utf-8")
    if any(file.name.casefold() == CITATION.casefold() for file in publication.files):
        return
    licence = publication.license or "none stated: ask the authors before you use or share them"
    with io.replacing(folder / CITATION) as draft:
        draft.write_text(f"{publication.citation}\n\nLicence: {licence}\n", encoding="utf-8")


def _described(opened: requests.Session, publication: Publication, urls: dict[str, str]) -> Publication:
    """Add what the ``rdf.yaml`` of a record says: its tags, and what the record leaves out."""
    if RDF not in urls:
        return publication
    try:
        rdf = Publication.from_rdf(web.read(opened, urls[RDF], RDF, LARGEST), RDF)
    except (ValueError, web.FetchError) as error:
        _log.warning("the %s of the record is not used: %s", RDF, one_line(error, 200))
        return publication
    tags = tuple(dict.fromkeys([*publication.tags, *rdf.tags]))
    more = {
        name: getattr(rdf, name)
        for name in ("description", "license", "version", "authors")
        if not getattr(publication, name) and getattr(rdf, name)
    }
    return publication.replace({"tags": tags, **more})


def _of_url(opened: requests.Session, at: Address) -> tuple[Publication, dict[str, str]]:
    """A file anywhere, or all that an ``rdf.yaml`` anywhere names."""
    name = unquote(PurePosixPath(urlsplit(at.url).path).name)
    if name == RDF:
        rdf = Publication.from_rdf(web.read(opened, at.url, RDF, LARGEST), at.url)
        files = (SharedFile(name=RDF), *(file for file in rdf.files if file.name != RDF))
        urls = {file.name: urljoin(at.url, file.name) for file in files}
        files = tuple(file.replace({"name": _named(file.name)}) for file in files)
        urls = dict(zip([file.name for file in files], urls.values(), strict=True))
        return rdf.replace({"files": files, "url": at.url}), urls
    if not name:
        raise ValueError(f"{at.url} does not name a file; give the address of a file, or a DOI")
    with web.explained(at.url, repr(name)), opened.get(at.url, stream=True, timeout=web.TIMEOUT_S) as answer:
        web.require_found(answer, repr(name))
        length = "" if "Content-Encoding" in answer.headers else answer.headers.get("Content-Length", "")
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise ValueError(f"{at.url} is a web page; give the address of a file, or the DOI of a record")
    _log.info("%s states neither a licence nor a checksum of %s; only its size is compared", at.server, name)
    file = SharedFile(name=name, size_bytes=int(length) if length.isdecimal() else None)
    return Publication(name=name, url=at.url, publisher=urlsplit(at.url).hostname, files=(file,)), {
        name: at.url
    }


def _named(name: str) -> str:
    """The name for a file that an ``rdf.yaml`` gives by its address."""
    parts = urlsplit(name)
    return unquote(PurePosixPath(parts.path).name) if parts.scheme in ("http", "https") else name


def _chosen(publication: Publication, wanted: Sequence[str]) -> Iterator[SharedFile]:
    """The files of given names or patterns, with those that describe them."""
    known = {file.name: file for file in publication.files}
    if not known:
        raise ValueError(
            f"{publication.name!r} has no files that are open; ask its authors, or give the DOI of another version"
        )
    if not wanted:
        yield from known.values()
        return
    picked: dict[str, None] = {}
    for pattern in wanted:
        found = [name for name in known if name == pattern] or fnmatch.filter(known, pattern)
        if not found:
            near = closest(pattern, known)
            there = ", ".join(list(known)[:10]) + ", ..." * (len(known) > 10)
            hint = f"did you mean file={near!r}?" if near else f"there are: {there}"
            raise ValueError(f"{publication.name!r} has no file {pattern!r}; {hint}")
        picked |= dict.fromkeys(found)
    for name in list(picked):
        for ending, sides in SIDES.items():
            if name.lower().endswith(ending):
                picked |= dict.fromkeys(
                    side for more in sides if (side := name[: -len(ending)] + more) in known
                )
    if RDF in known:
        picked[RDF] = None
    yield from (known[name] for name in picked)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs from fetching into a folder at the same time."""
    try:
        with sole_writer(folder):
            yield
    except BusyError:
        raise web.FetchError(f"another run is fetching into {folder}; wait until it ends") from None


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """If writing fails inside, name the folder and the remedy; what a server did is said already."""
    try:
        yield
    except web.FetchError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"cannot write to {folder}: {io.remedy(error, folder)}") from error


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
