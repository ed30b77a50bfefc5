"""Connections to servers: encrypted, bounded in size, resumed where they broke; every failure is one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smlmsim import __version__
from smlmsim.share.address import is_loopback, require_allowed
from smlmsim.spec import one_line

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 30.0
"""Longest silence of a server."""
TRIES = 3
"""How often a connection is tried before it counts as failed."""
PIECE = 2**16
"""Bytes that are written at a time."""
AGAIN = "run the same command again: what has come so far is kept of files with a checksum"


class FetchError(OSError):
    """Data cannot be fetched; the message says why and what would help."""


class PassingError(FetchError):
    """Data cannot be fetched now; what has come so far is kept."""


def require_pooch() -> None:
    """Refuse to go on without pooch.

    Raises
    ------
    ValueError
        If it is not installed.
    """
    if importlib.util.find_spec("pooch") is None:
        raise ValueError("pooch is not installed; pip install 'smlmsim[share]' adds it")


@contextlib.contextmanager
def session(server: str) -> Iterator[requests.Session]:
    """Open connections for a server, which lead to encrypted addresses only, or stay on this machine as it does."""
    require_pooch()
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    loopback = is_loopback(urlsplit(server).hostname or "")
    again = Retry(
        total=TRIES - 1, backoff_factor=0.2, status_forcelist=(429, 502, 503, 504), raise_on_status=False,
        respect_retry_after_header=False,
    )  # fmt: skip
    with requests.Session() as opened:
        opened.trust_env = not loopback  # a proxy does not lead to this machine
        opened.headers.update({"User-Agent": f"smlmsim/{__version__}", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            guarded: Any = _Guarded(HTTPAdapter(max_retries=again), loopback=loopback)
            opened.mount(scheme, guarded)
        yield opened


class _Guarded:
    """Connections whose address is checked, after every redirection too."""

    def __init__(self, adapter: Any, *, loopback: bool) -> None:
        self.adapter, self.loopback = adapter, loopback

    def send(self, request: Any, **named: Any) -> Any:
        try:
            require_allowed(request.url, loopback=self.loopback)
        except ValueError as error:
            raise FetchError(str(error)) from None
        return self.adapter.send(request, **named)

    def close(self) -> None:
        self.adapter.close()


def read(opened: requests.Session, url: str, what: str, most_bytes: int, accept: str = "*/*") -> bytes:
    """Read a short answer.

    Parameters
    ----------
    opened : requests.Session
    url : str
    what : str
        Name of what is asked for, for messages.
    most_bytes : int
        Greatest length.
    accept : str
        Media type that is asked for.

    Raises
    ------
    FetchError
        If there is no answer, it is an error, or it is longer.
    """
    with (
        explained(url, what),
        opened.get(url, stream=True, timeout=TIMEOUT_S, headers={"Accept": accept}) as answer,
    ):
        require_found(answer, what)
        content = b""
        for piece in answer.iter_content(PIECE):
            content += piece
            if len(content) > most_bytes:
                raise FetchError(f"{what} is longer than {most_bytes} bytes; it is not what it should be")
        return content


@contextlib.contextmanager
def explained(url: str, what: str) -> Iterator[None]:
    """If a connection fails inside, say which and what would help."""
    import requests

    host = urlsplit(url).hostname
    try:
        yield
    except requests.exceptions.SSLError:
        raise FetchError(
            f"{host} does not prove that it is {host}; check the date of this machine, and its proxy"
        ) from None
    except requests.Timeout:
        raise FetchError(f"{host} does not answer; check the network, or {AGAIN}") from None
    except requests.TooManyRedirects:
        raise FetchError(f"{host} leads in circles; {what} cannot be fetched") from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise FetchError(f"no connection to {host}, or it broke; check the network, and {AGAIN}") from None
    except requests.RequestException as error:
        raise FetchError(f"{what} cannot be fetched from {host}: {one_line(error, 200)}") from None


def require_found(answer: requests.Response, what: str) -> None:
    """Refuse an answer that is an error.

    Raises
    ------
    FetchError
        Saying what the number of the error means.
    """
    status, host = answer.status_code, urlsplit(answer.url).hostname
    if status < 400:
        return
    if status == 404:
        raise FetchError(f"{host} has no {what}; check the DOI or the address")
    if status == 410:
        raise FetchError(f"{what} was withdrawn from {host}")
    if status in (401, 403):
        raise FetchError(f"{what} at {host} is not open to everyone; ask its authors")
    if status == 429:
        raise PassingError(f"{host} gets too many requests; wait a minute, and {AGAIN}")
    if status >= 500:
        raise PassingError(f"{host} has a fault (status {status}); wait a while, and {AGAIN}")
    raise FetchError(f"{host} does not give {what} (status {status})")


class Download:
    """A downloader for pooch, which goes on where an earlier attempt stopped.

    Parameters
    ----------
    opened : requests.Session
    parts : Path
        Folder of files that are not complete yet.
    what : str
        Name of the file, for messages.
    size_bytes : int, optional
        Its size; a server that sends more is not listened to any longer.
    most_bytes : int
        Greatest size, if it is not known.
    resumes : bool
        Whether what an earlier attempt left is used: a checksum shows whether the parts fit.
    arrived : callable
        Told how many bytes came.
    """

    def __init__(
        self,
        opened: requests.Session,
        parts: Path,
        what: str,
        size_bytes: int | None,
        most_bytes: int,
        *,
        resumes: bool,
        arrived: Callable[[int], object],
    ) -> None:
        self.opened, self.parts, self.what = opened, parts, what
        self.size_bytes, self.most_bytes = size_bytes, most_bytes
        self.resumes, self.arrived = resumes, arrived

    def part(self, url: str) -> Path:
        """The file of what has come."""
        return self.parts / f"{hashlib.sha256(f'{url} {self.size_bytes}'.encode()).hexdigest()[:32]}.part"

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Download a file, completely or not at all.

        Raises
        ------
        FetchError
            If the server does not have the file, or sends more than it announced.
        requests.RequestException
            If the connection broke; the next attempt goes on from there.
        OSError
            If there is no space.
        """
        part = self.part(url)
        if not self.resumes or (part.exists() and part.stat().st_size > self._most):
            part.unlink(missing_ok=True)
        try:
            if not part.exists() or part.stat().st_size != self.size_bytes:
                self._receive(url, part)
        except OSError as error:
            lasting = isinstance(error, FetchError) and not isinstance(error, PassingError)
            if error.errno or lasting or not self.resumes:  # as a full disk, unlike a broken connection
                part.unlink(missing_ok=True)
            raise
        mode = part.stat().st_mode  # that of new files, which pooch's draft does not have
        part.replace(output_file)
        Path(output_file).chmod(mode & 0o777)

    @property
    def _most(self) -> int:
        return self.most_bytes if self.size_bytes is None else self.size_bytes

    def _receive(self, url: str, part: Path) -> None:
        begin = part.stat().st_size if part.exists() else 0
        asked = {"Range": f"bytes={begin}-"} if begin else {}
        with self.opened.get(url, stream=True, timeout=TIMEOUT_S, headers=asked) as answer:
            if answer.status_code == 416:
                part.unlink()
                raise _broken("the server has no more of it")
            require_found(answer, self.what)
            where = answer.headers.get("Content-Range", "")
            goes_on = answer.status_code == 206 and where.startswith(f"bytes {begin}-")
            if begin and goes_on:
                self.arrived(begin)
            come = begin if goes_on else 0
            with part.open("ab" if goes_on else "wb") as file:
                for piece in answer.iter_content(PIECE):
                    come += len(piece)
                    self._require_expected(come)
                    file.write(piece)
                    self.arrived(len(piece))
        if self.size_bytes is not None and come < self.size_bytes:
            raise _broken(f"{come} of {self.size_bytes} bytes came")

    def _require_expected(self, come: int) -> None:
        if self.size_bytes is not None and come > self.size_bytes:
            raise FetchError(
                f"the server sends more of {self.what} than the {self.size_bytes} bytes it announced"
            )
        if come > self.most_bytes:
            raise FetchError(
                f"{self.what} is larger than limit_gb={self.most_bytes / 1e9:g}; a greater limit_gb allows it"
            )


def _broken(reason: str) -> Exception:
    """Make the error of a broken connection, after which pooch tries again."""
    import requests

    error: Exception = requests.ConnectionError(reason)
    return error
