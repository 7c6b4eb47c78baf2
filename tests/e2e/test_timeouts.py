# SPDX-License-Identifier: MIT
"""Every wait has its limit and its class."""

import socket
import threading
import time

import pytest

from servers import response

RESULTS = ("--results", "results.jsonl")


@pytest.fixture
def hold():
    """Held by servers that never answer; released at the end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def deaf():
    """A port whose queue of connections is full: connecting hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        fillers.append(filler)
    yield port
    for one in [*fillers, listener]:
        one.close()


def test_connecting(program, deaf):
    began = time.monotonic()
    run = program(
        *["get", "--connect-timeout", "0.3", f"http://127.0.0.1:{deaf}/"]
    )
    assert run.status == 2
    assert run.err.startswith("connect.timeout ")
    assert time.monotonic() - began < 5


def test_tls_handshake(program, peer, hold):
    server = peer(lambda connection, number: hold.wait(30))
    run = program(
        *["get", "--connect-timeout", "0.3", f"https://127.0.0.1:{server.port}/"]
    )
    assert run.status == 2
    assert run.err.startswith("connect.timeout ")


def test_first_byte(program, site, hold):
    site.routes["/a"] = lambda request, connection: hold.wait(30) and None
    run = program("get", "--ttfb-timeout", "200ms", site.url + "/a")
    assert run.status == 2
    assert run.err.startswith("timeout.ttfb ")


def stall(hold):
    def answer(request, connection):
        connection.sendall(response(b"abc", length=10))
        hold.wait(30)

    return answer


def test_stalled_body(program, site, hold, folder):
    site.routes["/a"] = stall(hold)
    run = program("get", "--idle-timeout", "0.2", "-O", site.url + "/a")
    assert run.status == 2
    assert run.err.startswith("timeout.idle ")
    assert list(folder.iterdir()) == []


def test_equal_times_are_told_apart(program, site, hold):
    site.routes["/a"] = stall(hold)
    site.routes["/b"] = lambda request, connection: hold.wait(30) and None
    run = program(
        *["get", "--idle-timeout", "0.3", "--ttfb-timeout", "0.3", *RESULTS],
        *["--out-null", site.url + "/a", site.url + "/b"],
    )
    classes = [run.by_n()[n]["error"]["class"] for n in (1, 2)]
    assert classes == ["timeout.idle", "timeout.ttfb"]


def test_slow_start_is_no_stall(program, site):
    def answer(request, connection):
        time.sleep(0.6)
        return response("x")

    site.routes["/a"] = answer
    run = program("get", "--idle-timeout", "0.2", site.url + "/a")
    assert (run.status, run.out) == (0, b"x")


def drip(hold):
    def answer(request, connection):
        connection.sendall(response(b"", length=1000))
        while not hold.wait(0.05):
            connection.sendall(b"x")

    return answer


def test_total_time_of_one_url(program, site, hold):
    site.routes["/a"] = drip(hold)
    run = program("get", "-m", "0.4", site.url + "/a")
    assert run.status == 2
    assert run.err.startswith("timeout.total ")


def test_total_time_of_many_urls(program, site, hold):
    site.routes["/a"] = drip(hold)
    site.routes["/b"] = response("x")
    run = program(
        *["get", "-m", "0.4", "--out-null", *RESULTS],
        *[site.url + "/a", site.url + "/b"],
    )
    assert run.status == 20
    assert run.by_n()[1]["error"]["class"] == "timeout.total"


def test_waiting_for_a_connection_is_not_counted(program, site):
    def answer(request, connection):
        time.sleep(0.3)
        return response("x")

    site.routes["/a"] = answer
    run = program(
        *["get", "-m", "1.2", "--per-host", 1, "--out-null"],
        *[site.url + "/a"] * 8,
    )
    assert run.status == 0, run.err


def test_zero_is_no_limit(program, site):
    site.routes["/a"] = response("x")
    options = ["-m", "--connect-timeout", "--ttfb-timeout", "--idle-timeout"]
    words = [word for option in options for word in (option, "0")]
    assert program("get", *words, site.url + "/a").status == 0
