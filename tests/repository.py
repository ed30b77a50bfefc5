"""A repository on this machine that answers as the API of Zenodo does, and can be made to fail."""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest


class Repository:
    """Records by their numbers; ``asked`` are the requests so far, ``faults`` what goes wrong, once each.

    A fault is a path and what happens there: ``("cut", bytes)``, ``("status", number)``, ``("redirect", address)``,
    ``("more", bytes)`` or ``("other", content)``.
    """

    def __init__(self):
        self.records, self.contents, self.asked, self.faults = {}, {}, [], []
        self.ranges = True

    def add(self, number, files, **metadata):
        """Publish files, a mapping of names to bytes."""
        said = {
            "title": "Microtubules & friends",
            "description": "<p>Fixed <b>cells</b></p>",
            "publication_date": "2021-05-31",
            "creators": [{"name": "Doe, Jane", "affiliation": "Here"}, {"name": "Roe, Rick"}],
            "license": {"id": "cc-by-4.0"},
            "keywords": ["structure:microtubules", "modality:dSTORM"],
        } | metadata
        entries = []
        for name, content in files.items():
            path = f"/api/records/{number}/files/{name}/content"
            self.contents[path] = content
            entries.append(
                {
                    "key": name,
                    "size": len(content),
                    "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                    "links": {"self": f"{self.url}{path}"},
                }
            )
        self.records[str(number)] = {
            "id": number, "doi": f"10.5281/zenodo.{number}", "metadata": said, "files": entries,
        }  # fmt: skip
        return f"10.5281/zenodo.{number}"

    def paths(self):
        """The paths that were asked for, without those of records."""
        return [path for path, _ in self.asked if path.endswith("/content")]


@contextlib.contextmanager
def running():
    """A repository that answers until the end of the block."""
    repository = Repository()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path, asked = unquote(self.path.partition("?")[0]), self.headers.get("Range", "")
            repository.asked.append((path, asked))
            fault = next((found for found in repository.faults if found[0] == path), None)
            if fault:
                repository.faults.remove(fault)
            self.answer(path, asked, *(fault[1:] if fault else ("", None)))

        def answer(self, path, asked, fault, how):
            if fault == "status":
                self.send(how, b"")
            elif fault == "redirect":
                self.send(302, b"", Location=how)
            elif path.removeprefix("/api/records/") in repository.records:
                record = repository.records[path.removeprefix("/api/records/")]
                self.send(200, json.dumps(record).encode(), **{"Content-Type": "application/json"})
            elif path in repository.contents:
                self.give(how if fault == "other" else repository.contents[path], asked, fault, how)
            else:
                self.send(404, b'{"status": 404, "message": "PID does not exist."}')

        def give(self, content, asked, fault, how):
            begin = int(asked.removeprefix("bytes=").rstrip("-") or 0) if repository.ranges else 0
            if fault == "more":
                content += b"x" * how
            headers = {"Content-Type": "application/octet-stream"}
            if begin:
                headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.send(206 if begin else 200, content[begin:], most=how if fault == "cut" else None, **headers)

        def send(self, status, content, most=None, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:most])
            if most is not None:
                self.wfile.flush()
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """A client that hangs up early is no fault, and its traceback would be read as the command's words."""

    with Server(("127.0.0.1", 0), Answer) as server:
        repository.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield repository
        finally:
            server.shutdown()


@pytest.fixture
def repository(monkeypatch, tmp_path):
    """A repository with the address that commands take by default; nothing that is asked of it leaves this machine."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch.core.time, "sleep", lambda _: None)
    monkeypatch.setenv("SMLMSIM_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with running() as found:
        monkeypatch.setenv("SMLMSIM_SERVER", found.url)
        yield found
