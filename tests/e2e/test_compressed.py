# SPDX-License-Identifier: MIT
"""Compressed content: what is asked for, and what is written."""

import gzip
import os
import pty
import zlib

import pytest

from servers import response

TEXT = b"what there is to say, and to say again, and again\n" * 20


@pytest.fixture
def packed(site):
    site.routes["/gzip"] = response(
        gzip.compress(TEXT), "200 OK", "Content-Encoding: gzip"
    )
    site.routes["/deflate"] = response(
        zlib.compress(TEXT), "200 OK", "Content-Encoding: deflate"
    )
    site.routes["/cut"] = response(
        gzip.compress(TEXT)[:-3], "200 OK", "Content-Encoding: gzip"
    )
    return site


def test_files_get_what_is_sent(program, packed, folder):
    run = program("get", "-q", "-O", packed.url + "/gzip")
    assert (run.status, run.err) == (0, "")
    assert gzip.decompress((folder / "gzip").read_bytes()) == TEXT
    assert packed.requests[0].get("Accept-Encoding") is None


@pytest.mark.parametrize("path", ["gzip", "deflate"])
def test_compressed_writes_decoded_files(program, packed, folder, path):
    run = program(
        "get", "-q", "--compressed", "-O", "--results", "r",
        f"{packed.url}/{path}",
    )
    assert (run.status, run.err) == (0, "")
    assert (folder / path).read_bytes() == TEXT
    assert "gzip, deflate" in packed.requests[0].get("Accept-Encoding")
    (record,) = run.records("r")
    assert record["content_encoding"] == path
    assert record["bytes"]["body"] < len(TEXT)


def test_own_accept_encoding_stays(program, packed):
    program("get", "--compressed", "-H", "Accept-Encoding: gzip;q=0.5", "-o",
            "x", packed.url + "/gzip")
    assert packed.requests[0].get("Accept-Encoding") == "gzip;q=0.5"


def test_pipe_gets_what_is_sent(program, packed):
    run = program("get", packed.url + "/gzip")
    assert gzip.decompress(run.out) == TEXT
    run = program("get", "--compressed", packed.url + "/gzip")
    assert run.out == TEXT


def test_cut_content_leaves_no_file(program, packed, folder):
    run = program("get", "--compressed", "-O", packed.url + "/cut")
    assert run.status == 10
    assert "cut short" in run.err
    assert list(folder.iterdir()) == []


def test_terminal_gets_text(program, packed):
    ours, theirs = pty.openpty()
    run = program("get", packed.url + "/gzip", stdout=theirs)
    os.close(theirs)
    assert run.status == 0
    text = b""
    while len(text) < len(TEXT):
        text += os.read(ours, 65536)
    os.close(ours)
    assert text.replace(b"\r\n", b"\n") == TEXT


def test_nginx_gzip(program, nginx, folder):
    (nginx.docs / "packed").mkdir()
    (nginx.docs / "packed" / "text").write_bytes(TEXT)
    run = program(
        "get", "--compressed", "-v", "-O", nginx.plain + "/packed/text"
    )
    assert run.status == 0, run.err
    assert "content-encoding: gzip" in run.err.lower()
    assert (folder / "text").read_bytes() == TEXT
