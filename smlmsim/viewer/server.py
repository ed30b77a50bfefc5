"""A server for the page of the viewer that only programs on this computer can reach."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from smlmsim.viewer.page import page_of
from smlmsim.viewer.scene import Scene

LOOPBACK = "127.0.0.1"
_log = logging.getLogger(__name__)


class Server(ThreadingHTTPServer):
    """Serves one scene below a secret path, on the loopback interface.

    Parameters
    ----------
    scene : Scene
    port : int
        Port; by default any that is free.

    Raises
    ------
    OSError
        If the port is taken.
    """

    daemon_threads = True

    def __init__(self, scene: Scene, port: int = 0) -> None:
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise OSError(
                f"port={port} of {LOOPBACK} cannot be used: {error.strerror}; port=0 takes a free one"
            ) from error
        self.scene, self.secret = scene, secrets.token_urlsafe(12)
        self.page = page_of(scene).encode()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.secret}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong with a request, such as a browser that was closed."""
        _log.debug("a request was not answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page and its parts, to those who know the path and came by the loopback address."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        known = {f"{name}:{self.server.server_port}" for name in (LOOPBACK, "localhost")}
        if self.headers.get("Host") not in known:
            self._answer(HTTPStatus.FORBIDDEN)
            return
        secret, _, name = self.path.lstrip("/").partition("/")
        if not secrets.compare_digest(secret.encode(), self.server.secret.encode()):
            self._answer(HTTPStatus.NOT_FOUND)
        elif not name:
            self._answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        else:
            self._part(name)

    def _part(self, name: str) -> None:
        try:
            self._answer(HTTPStatus.OK, self.server.scene.part(name), "application/octet-stream")
        except KeyError:
            self._answer(HTTPStatus.NOT_FOUND)

    def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests as details."""
        _log.debug(format, *args)
