# SPDX-License-Identifier: MIT
"""Where connections come from, and how often they are tried."""

import socket

import pytest

from servers import Peer, Reader, response


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_v6 = pytest.mark.skipif(not has_v6(), reason="there is no IPv6 here")


def tell_peer(connection, number):
    """Answers with the address that the request came from."""
    Reader(connection).request()
    name = connection.getpeername()[0]
    connection.sendall(response(name.encode()))


@pytest.mark.parametrize(
    "options",
    [
        ("--interface", "127.0.0.2"),
        ("--interface", "host!127.0.0.2"),
        ("--local-address", "127.0.0.2"),
        ("--local-address", "127.0.0.2,::1"),
    ],
)
def test_local_address(program, peer, options):
    run = program("get", *options, peer(tell_peer).url)
    assert (run.status, run.out) == (0, b"127.0.0.2")


def test_interface_that_is_not_there(program, peer):
    run = program("get", "--interface", "nosuch0", peer(tell_peer).url)
    assert run.status != 0
    assert "interface_name nosuch0" in run.err


def test_families(program, peer):
    url = f"http://localhost:{peer(tell_peer).port}/"
    assert program("get", "-4", url).out == b"127.0.0.1"
    run = program("get", "--ipv6", url)
    assert run.status != 0
    assert "127.0.0.1" not in run.err


@needs_v6
def test_v6_only(program):
    peer = Peer(tell_peer, socket.AF_INET6, ("::1", 0))
    try:
        url = f"http://localhost:{peer.port}/"
        assert program("get", "-6", url).out == b"::1"
        assert program("get", "-6", "--interface", "::1", url).out == b"::1"
    finally:
        peer.close()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--local-address", "eth0"), "wants a numeric address"),
        (("--local-address", "127.0.0.1,127.0.0.2"), "wants a numeric address"),
        (("--interface", ""), "wants the name of a network interface"),
        (("--keepalive-time", "0"), "from 1 to 32767"),
        (("-4", "--interface", "::1"), "exclude each other"),
        (("-6", "--local-address", "127.0.0.1"), "exclude each other"),
    ],
)
def test_options_that_make_no_sense(program, options, sentence):
    run = program("get", *options, "http://127.0.0.1:9/")
    assert run.status == 64
    assert sentence in run.err


def test_connect_is_tried_again(program):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        assert "attempt" not in program("get", url).err
        run = program("get", "--connect-retries", 1, url)
        assert run.status != 0
        assert "(attempt 2 of 2)" in run.err


def test_keepalive_time(program, peer):
    run = program("get", "--keepalive-time", 30, peer(tell_peer).url)
    assert (run.status, run.out) == (0, b"127.0.0.1")
