# SPDX-License-Identifier: MIT
"""HTTP/1.1, TLS and HTTP/2 from nginx and nghttpd."""

import hashlib
import random

import pytest

RESULTS = ("--results", "results.jsonl")
COUNT = 1000
MANY = 10000  # for each of the three main ways


@pytest.fixture(scope="module")
def bodies(nginx, nghttpd):
    """Files of mixed sizes at /files/0 and so on, and their hashes."""
    source = random.Random(1)
    sizes = [0, 1, 65536, *(source.randrange(65536) for _ in range(97))]
    hashes = []
    (nghttpd.docs / "files").mkdir(exist_ok=True)
    for i, size in enumerate(sizes):
        body = source.randbytes(size)
        for docs in (nginx.docs, nghttpd.docs):
            (docs / "files" / str(i)).write_bytes(body)
        hashes.append(hashlib.sha256(body).hexdigest())
    return hashes


def fetch_all(program, base, bodies, *options, count=COUNT):
    """Fetches `count` distinct URLs and compares every body."""
    text = "".join(
        f"{base}/files/{i % len(bodies)}?{i}\n" for i in range(count)
    )
    run = program(
        *["get", "-i", "-", "-P", "out", "-o", "{n}", *RESULTS, *options],
        text=text,
    )
    assert run.status == 0, run.err
    records = run.by_n()
    assert len(records) == count
    for n, record in records.items():
        data = (program.folder / record["file"]).read_bytes()
        want = bodies[(n - 1) % len(bodies)]
        assert hashlib.sha256(data).hexdigest() == want
        assert record["bytes"]["body"] == len(data)
    return list(records.values())


def protos(records):
    return {record["proto"] for record in records}


def test_plain_http1(program, nginx, bodies):
    before = nginx.connections(nginx.plain)
    records = fetch_all(program, nginx.plain, bodies, count=MANY)
    assert protos(records) == {"http/1.1"}
    assert len(nginx.connections(nginx.plain) - before) <= 6


def test_tls_http1(program, nginx, bodies, certificate):
    before = nginx.connections(nginx.tls)
    records = fetch_all(
        program, nginx.tls, bodies, "--cacert", certificate[0], count=MANY
    )
    assert protos(records) == {"http/1.1"}
    assert len(nginx.connections(nginx.tls) - before) <= 6
    assert {r["tls"]["version"] for r in records} == {"1.3"}


def test_tls_http2(program, nginx, bodies, certificate):
    before = nginx.connections(nginx.h2)
    records = fetch_all(
        program, nginx.h2, bodies, "--cacert", certificate[0], count=MANY
    )
    assert protos(records) == {"h2"}
    assert len(nginx.connections(nginx.h2) - before) <= 2
    assert sum(not record["reused"] for record in records) <= 32


def test_connections_that_end_after_fifty_requests(program, nginx, bodies):
    assert protos(fetch_all(program, nginx.short_plain, bodies)) == {"http/1.1"}


def test_goaway_after_fifty_requests(program, nginx, bodies):
    records = fetch_all(program, nginx.short_h2, bodies, "-k")
    assert protos(records) == {"h2"}
    assert len(nginx.connections(nginx.short_h2)) >= COUNT // 50


def test_http1_of_a_server_that_has_both(program, nginx, certificate):
    options = ["--http1.1", "--cacert", certificate[0], *RESULTS, "--out-null"]
    run = program("get", *options, nginx.h2 + "/files/1")
    assert protos(run.records()) == {"http/1.1"}


def test_http2_or_nothing(program, nginx, certificate):
    options = ["--http2", "--cacert", certificate[0], "--out-null"]
    assert program("get", *options, nginx.h2 + "/files/1").status == 0
    assert program("get", *options, nginx.tls + "/files/1").status == 8


def test_cleartext_http2(program, nghttpd, bodies):
    records = fetch_all(
        program, nghttpd.plain, bodies, "--http2-prior-knowledge"
    )
    assert protos(records) == {"h2"}


def test_http2_of_nghttpd(program, nghttpd, bodies):
    assert protos(fetch_all(program, nghttpd.tls, bodies, "-k")) == {"h2"}


def test_any_certificate_when_told_so(program, nginx, bodies):
    assert program("get", "-k", "--out-null", nginx.tls + "/files/1").status == 0


def test_wrong_host_name(program, nginx, certificate):
    port = nginx.ports[1]
    run = program(
        *["get", "--cacert", certificate[0]],
        *["--resolve", f"wrong.example:{port}:127.0.0.1"],
        f"https://wrong.example:{port}/files/1",
    )
    assert run.status == 8
    assert run.err.startswith("tls.cert ")


def test_redirect_of_a_real_server(program, nginx, bodies):
    run = program("get", *RESULTS, "--out-null", nginx.plain + "/moved")
    (record,) = run.records()
    assert record["status"] == 200
    assert record["final_url"].endswith("/files/1")


def test_server_that_hangs_up(program, nginx):
    run = program("get", "-X", "POST", nginx.plain + "/hang-up")
    assert run.status == 10
    assert run.err.startswith("reset ")


def test_mixed_protocols_in_one_run(program, nginx, nghttpd, bodies):
    bases = [nginx.plain, nginx.tls, nginx.h2, nghttpd.tls]
    urls = [f"{base}/files/{i}" for i in range(25) for base in bases]
    run = program("get", "-k", "--out-null", *RESULTS, *urls)
    assert run.status == 0, run.err
    assert protos(run.records()) == {"http/1.1", "h2"}
    assert "h2 50 %" in run.err
