# SPDX-License-Identifier: MIT
"""What --trace writes."""

import json

import pytest

from servers import free_ports, response


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_trace_of_a_redirect(program, site):
    site.routes["/b"] = response("hello")
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    run = program(
        *["get", "--out-null", "--trace", "t.jsonl", site.url + "/a"]
    )
    assert run.status == 0
    told = events((run.folder / "t.jsonl").read_text())
    names = [event["event"] for event in told]
    assert names[0] == "call.started"
    assert names.index("connection.made") < names.index("redirect")
    assert names.index("redirect") < names.index("call.complete")
    assert names[-1] == "connection.closed"
    assert {event["origin"] for event in told} == {site.url}
    times = [event["t"] for event in told]
    assert times == sorted(times) and times[-1] < 60
    by_name = {event["event"]: event for event in told}
    assert by_name["redirect"]["text"] == site.url + "/b"
    assert by_name["call.complete"]["number"] == 200
    assert by_name["call.complete"]["n"] == 1
    assert "n" not in by_name["connection.closed"]


def test_trace_of_several_inputs_to_standard_output(program, site):
    site.routes["/a"] = response("x")
    run = program("get", "--out-null", "--trace", "-", *[site.url + "/a"] * 3)
    told = events(run.out.decode())
    done = [event["n"] for event in told if event["event"] == "call.complete"]
    assert sorted(done) == [1, 2, 3]


def test_trace_of_a_failure(program):
    (port,) = free_ports(1)
    run = program("get", "--trace", "t", f"http://me:s3cret@127.0.0.1:{port}/")
    text = (run.folder / "t").read_text()
    (failed,) = [
        event for event in events(text) if event["event"] == "call.failed"
    ]
    assert failed["error"] == "EREFUSED"
    assert f"127.0.0.1:{port}" in failed["msg"]
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "words", [["--trace", "-"], ["--trace", ""], ["--trace", "-", "-o", "-"]]
)
def test_trace_that_has_nowhere_to_go(program, words):
    run = program("get", *words, "http://127.0.0.1:1/")
    assert run.status == 64
    assert "--trace" in run.err


def test_trace_that_cannot_be_written(program):
    run = program("get", "--trace", "no/such/folder", "http://127.0.0.1:1/")
    assert run.status == 11
    assert "no/such/folder" in run.err
