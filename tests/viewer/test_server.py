"""The server answers only on the loopback interface, to those who know the address."""

import http.client
import threading
from urllib.parse import urlsplit

import pytest

from smlmsim.viewer import Server


@pytest.fixture(scope="module")
def server(scene):
    with Server(scene) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """A function that gives the status and the body of an answer."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)

    def ask(path, **headers):
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read()

    yield ask
    link.close()


def test_the_page_and_every_part_have_an_address(server, ask, scene, unpacked):
    path = urlsplit(server.url).path
    status, body = ask(path)
    assert (status, body) == (200, server.page)
    count = 0
    for number in range(scene.cloud.edge.size):
        status, body = ask(f"{path}tile-{number}")
        count += unpacked(scene.about(), number, body)["x"].size
    assert count == 5000
    assert ask(f"{path}frame-0-1") == (200, scene.part("frame-0-1"))


def test_others_learn_nothing(server, ask):
    path = urlsplit(server.url).path
    assert server.server_address[0] == "127.0.0.1"
    for wrong in (
        "/",
        "/tile-0",
        "/wrong/tile-0",
        f"{path}tile-999999",
        f"{path}../../etc/passwd",
        f"{path}frame-0-9",
    ):
        assert ask(wrong) == (404, b"")
    assert ask(path, Host="example.org") == (403, b"")


def test_a_port_that_is_taken_is_named(server, scene):
    with pytest.raises(OSError, match=f"port={server.server_port} of 127.0.0.1 cannot be used.*port=0"):
        Server(scene, server.server_port)
