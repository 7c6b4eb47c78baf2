# SPDX-License-Identifier: MIT
"""The members of a record, schema version 1."""

import re

from servers import free_ports, response

RESULTS = ("--results", "results.jsonl")
OUTCOMES = {"ok", "not_modified", "http_error", "error", "aborted"}


def test_record_of_a_success(program, site):
    site.routes["/b"] = response(
        "hello",
        "200 OK",
        "Content-Type: text/plain",
        'ETag: "x1"',
        "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT",
    )
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    run = program("get", "-P", "out", *RESULTS, site.url + "/a")
    (record,) = run.records()
    assert record["v"] == 1
    assert record["n"] == 1
    assert record["url"] == site.url + "/a"
    assert record["final_url"] == site.url + "/b"
    assert record["method"] == "GET"
    assert record["outcome"] == "ok"
    assert record["status"] == 200
    assert record["error"] is None
    assert record["proto"] == "http/1.1"
    assert (record["ip"], record["port"]) == ("127.0.0.1", site.port)
    assert record["conn"] == 1
    assert record["stream"] is None
    assert record["tls"] is None
    assert record["bytes"]["body"] == 5
    assert record["bytes"]["out"] > 0 and record["bytes"]["head"] > 0
    assert record["attempts"] >= 1
    assert record["redirects"] == [
        {"status": 302, "url": site.url + "/a", "to": site.url + "/b"}
    ]
    assert record["content_type"] == "text/plain"
    assert record["content_encoding"] is None
    assert record["etag"] == '"x1"'
    assert record["last_modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    assert record["file"] == "out/a"
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    assert re.fullmatch(when, record["start"])


def test_redirects_of_a_record_hide_secrets(program, site):
    site.routes["/c"] = response("hello")
    site.routes["/b"] = response("", "307 Moved", "Location: /c")
    site.routes["/a"] = response("", "301 Moved", "Location: /b?token=secret")
    urls = [site.url + "/a", site.url + "/c"]
    run = program("get", "--out-null", *RESULTS, *urls)
    first, second = sorted(run.records(), key=lambda record: record["n"])
    assert [hop["status"] for hop in first["redirects"]] == [301, 307]
    assert first["redirects"][0]["to"] == first["redirects"][1]["url"]
    assert first["redirects"][1]["to"] == site.url + "/c"
    assert "secret" not in str(first)
    assert second["redirects"] == []


def test_times_add_up(program, site):
    site.routes["/b"] = response("x" * 100_000)
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    run = program(
        *["get", "--out-null", *RESULTS, *[site.url + "/a"] * 20],
    )
    for record in run.records():
        parts = dict(record["time"])
        total = parts.pop("total")
        assert abs(sum(part or 0 for part in parts.values()) - total) < 1e-6
        assert total > 0


def test_new_and_reused_connections(program, site):
    site.routes["/a"] = response("x")
    run = program(
        *["get", "--out-null", "-j", 1, *RESULTS, *[site.url + "/a"] * 3]
    )
    records = run.by_n()
    assert [records[n]["reused"] for n in (1, 2, 3)] == [False, True, True]
    assert records[1]["time"]["connect"] > 0
    assert records[2]["time"]["connect"] is None
    assert {record["conn"] for record in records.values()} == {1}


def test_record_over_tls(program, nginx, certificate):
    (nginx.docs / "files" / "tls").write_bytes(b"x")
    run = program(
        *["get", "--out-null", *RESULTS, "--cacert", certificate[0]],
        *[nginx.h2 + "/files/tls", nginx.tls + "/files/tls"],
    )
    first, second = run.by_n()[1], run.by_n()[2]
    assert (first["proto"], first["stream"]) == ("h2", 1)
    assert (second["proto"], second["stream"]) == ("http/1.1", None)
    for record in (first, second):
        assert record["tls"]["version"] == "1.3"
        assert record["tls"]["cipher"].startswith("TLS_")
        assert record["tls"]["resumed"] is False
        assert record["time"]["tls"] > 0


def test_record_of_a_refusal(program):
    (port,) = free_ports(1)
    run = program("get", *RESULTS, f"http://127.0.0.1:{port}/")
    (record,) = run.records()
    assert record["outcome"] == "error"
    assert record["error"]["class"] == "connect.refused"
    assert record["error"]["retryable"] is True
    assert "127.0.0.1" in record["error"]["msg"]
    assert (record["status"], record["file"]) == (None, None)
    assert record["time"]["wait"] is None
    assert "proto" not in record


def test_record_of_a_line_that_is_no_url(program):
    run = program(
        *["get", "--out-null", "-i", "-", *RESULTS],
        text=b'http://\xff"\\\xc3\xa4\x07\n',
    )
    (record,) = run.records()
    assert record["url"] == 'http://\ufffd"\\\u00e4\x07'
    assert record["outcome"] == "error"
    assert "time" not in record


def test_unix_socket_has_no_address(program, folder):
    import socket

    from servers import Site

    path = str(folder / "socket")
    with Site(family=socket.AF_UNIX, address=path) as site:
        site.routes["/a"] = response("x")
        run = program(
            *["get", "--out-null", *RESULTS, "--unix-socket", path],
            "http://a.example/a",
        )
    (record,) = run.records()
    assert (record["ip"], record["port"]) == (None, None)


def test_outcomes_are_a_closed_list(program, site):
    site.routes["/ok"] = response("x")
    site.routes["/same"] = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    site.routes["/moved"] = response("", "302 Found", "Location: /ok")
    urls = [site.url + p for p in ("/ok", "/same", "/moved", "/no", "/x y")]
    run = program("get", "--out-null", "--no-follow", *RESULTS, *urls, "http://")
    kinds = [run.by_n()[n]["outcome"] for n in range(1, 7)]
    assert set(kinds) <= OUTCOMES
    assert kinds[:4] == ["ok", "not_modified", "http_error", "http_error"]
    assert kinds[5] == "error"
