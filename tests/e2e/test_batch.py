# SPDX-License-Identifier: MIT
"""Many URLs: a record for each, complete files, one exit code."""

import os
import resource
import threading
import time

import pytest

from conftest import Program
from servers import free_ports, reset, response

RESULTS = ("--results", "results.jsonl")


def files(folder):
    """Everything below a folder, as paths relative to it."""
    return sorted(
        os.path.relpath(os.path.join(where, name), folder)
        for where, _, names in os.walk(folder)
        for name in names
    )


def test_every_url_has_its_file_and_its_record(program, site, folder):
    for i in range(50):
        site.routes[f"/f{i}"] = response(f"body {i}")
    urls = [f"{site.url}/f{i}" for i in range(50)]
    run = program("get", "-P", "out", *RESULTS, *urls)
    assert (run.status, run.out) == (0, b"")
    records = run.by_n()
    assert sorted(records) == list(range(1, 51))
    for n, record in records.items():
        assert record["url"] == urls[n - 1]
        assert record["outcome"] == "ok"
        assert (folder / record["file"]).read_text() == f"body {n - 1}"
    assert len(files(folder / "out")) == 50


def test_one_bad_line_among_thirty(program, site, folder):
    for i in range(30):
        site.routes[f"/f{i}"] = response(f"body {i}")
    lines = [f"{site.url}/f{i}" for i in range(30)]
    lines[17] = "http://[not an address/"
    run = program(
        *["get", "-i", "-", "-P", "out", *RESULTS], text="\n".join(lines)
    )
    assert run.status == 20
    assert len(files(folder / "out")) == 29
    records = run.by_n()
    assert len(records) == 30
    assert records[18]["outcome"] == "error"
    assert records[18]["error"]["class"] == "bad_url"
    assert records[18]["url"] == lines[17]


@pytest.mark.parametrize("jobs", [1, 2, 64])
def test_first_of_five_missing_is_some_failed(program, site, jobs):
    for i in range(4):
        site.routes[f"/f{i}"] = response("x")
    urls = [site.url + "/missing", *(f"{site.url}/f{i}" for i in range(4))]
    run = program("get", "--out-null", "-j", jobs, *urls)
    assert run.status == 20


def test_all_failed_is_told_apart(program, site):
    run = program("get", "--out-null", site.url + "/a", site.url + "/b")
    assert run.status == 21


def test_empty_list_is_a_success(program, folder):
    run = program("get", "-i", "-", *RESULTS, text="\n# nothing\n\n")
    assert (run.status, run.records()) == (0, [])


def test_error_bodies_are_not_saved(program, site, folder):
    site.routes["/ok"] = response("x")
    run = program(
        "get", "-P", "out", *RESULTS, site.url + "/ok", site.url + "/missing"
    )
    assert files(folder / "out") == ["ok"]
    record = run.by_n()[2]
    assert record["outcome"] == "http_error"
    assert (record["status"], record["error"]) == (404, None)
    assert record["file"] is None


def test_failures_are_told_with_url_and_class(program, site):
    (port,) = free_ports(1)
    run = program(
        *["get", "--out-null", site.url + "/a", f"http://127.0.0.1:{port}/b"]
    )
    lines = run.err.splitlines()
    assert any(l.startswith(f"http.404 {site.url}/a") for l in lines)
    refused = f"connect.refused http://127.0.0.1:{port}/b: "
    assert any(l.startswith(refused) for l in lines)


def test_summary_counts_by_class(program, site):
    site.routes["/a"] = response("x" * 1000)
    site.routes["/e"] = response("", "500 No")
    urls = [site.url + path for path in ("/a", "/a", "/m", "/e", "/e")]
    run = program("get", "--out-null", *urls)
    assert "5 URLs  2 ok  3 failed" in run.err
    assert "failed: http.500 2  http.404 1" in run.err
    assert "p50" in run.err and "req/s" in run.err


def test_quiet_drops_the_summary_and_then_failures(program, site):
    urls = [site.url + "/a", site.url + "/b"]
    once = program("get", "--out-null", "-q", *urls)
    assert len(once.err.splitlines()) == 2
    assert program("get", "--out-null", "-qq", *urls).err == ""
    no_summary = program("get", "--out-null", "--no-summary", *urls)
    told = sorted(once.err.splitlines())
    assert sorted(no_summary.err.splitlines()) == told


def cut(body, sent):
    """A route that announces a body and hangs up after some of it."""

    def answer(request, connection):
        connection.sendall(response(body[:sent], length=len(body)))

    return answer


@pytest.mark.parametrize("sent", [0, 1, 99_999])
def test_truncated_body_leaves_nothing(program, site, folder, sent):
    body = os.urandom(100_000)
    site.routes["/cut"] = cut(body, sent)
    site.routes["/ok"] = response(body)
    run = program(
        "get", "-P", "out", *RESULTS, site.url + "/cut", site.url + "/ok"
    )
    assert run.status == 20
    record = run.by_n()[1]
    assert record["outcome"] == "error"
    assert record["error"]["class"] == "truncated"
    assert record["error"]["retryable"] is True
    assert (record["status"], record["file"]) == (200, None)
    assert files(folder / "out") == ["ok"]
    assert (folder / "out" / "ok").read_bytes() == body


def test_truncated_chunks_leave_nothing(program, site, folder):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = head + b"5\r\nhello\r\n0\r\n\r\n"
    sites = {}
    for end in range(len(head), len(whole)):
        part = whole[:end]

        def answer(request, connection, part=part):
            connection.sendall(part)

        site.routes[f"/{end}"] = answer
        sites[end] = part
    run = program(
        *["get", "-P", "out", *RESULTS, *(f"{site.url}/{n}" for n in sites)]
    )
    assert run.status == 21
    assert {r["error"]["class"] for r in run.records()} == {"truncated"}
    assert files(folder) == ["results.jsonl"]


def test_death_at_every_byte_of_the_head(program, site, folder):
    whole = response(b"", "200 OK", "X-Field: value")
    for end in range(len(whole)):

        def answer(request, connection, end=end):
            connection.sendall(whole[:end])

        site.routes[f"/{end}"] = answer
    urls = [f"{site.url}/{end}" for end in range(len(whole))]
    run = program("get", "-P", "out", *RESULTS, *urls)
    records = run.by_n()
    assert len(records) == len(whole)
    assert run.status == 21
    assert {r["outcome"] for r in records.values()} == {"error"}
    assert files(folder) == ["results.jsonl"]


def test_hostile_servers_each_get_their_class(program, peer, site, folder):
    huge = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 10_000_000

    def after_request(answer):
        def talk(connection, number):
            connection.recv(65536)
            answer(connection)

        return peer(talk).url + "/x"

    urls = {
        after_request(lambda c: c.sendall(b"\0\1\2 garbage \r\n\r\n")): (
            "protocol.h1"
        ),
        after_request(lambda c: c.sendall(huge)): "too_large",
        after_request(reset): "reset",
        after_request(lambda c: None): "reset",
        after_request(
            lambda c: c.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"
                b"Content-Length: 4\r\n\r\nabcd"
            )
        ): "protocol.h1",
        after_request(
            lambda c: c.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
            )
        ): "protocol.h1",
    }
    run = program("get", "-P", "out", "-X", "POST", *RESULTS, *urls)
    found = {r["url"]: r["error"]["class"] for r in run.records()}
    assert found == urls
    assert files(folder) == ["results.jsonl"]


def test_hosts_fan_out_at_once_on_http1(program, site):
    together = threading.Barrier(6)

    def answer(request, connection):
        together.wait(20)
        return response("x")

    for i in range(6):
        site.routes[f"/{i}"] = answer
    urls = [f"{site.url}/{i}" for i in range(6)]
    assert program("get", "--out-null", *urls).status == 0


def test_small_file_is_not_delayed_by_a_big_one(program, site):
    small_done = threading.Event()

    def big(request, connection):
        connection.sendall(response(b"x", length=2))
        assert small_done.wait(20)
        return b"y"

    def small(request, connection):
        small_done.set()
        return response("small")

    site.routes["/big"] = big
    site.routes["/small"] = small
    run = program("get", "--out-null", site.url + "/big", site.url + "/small")
    assert run.status == 0


@pytest.mark.parametrize("options, most", [([], 6), (["--per-host", 2], 2)])
def test_connections_to_one_host_are_limited(program, site, options, most):
    site.routes["/a"] = response("x")
    lines = "\n".join([site.url + "/a"] * 300)
    run = program("get", "--out-null", "-i", "-", *options, text=lines)
    assert run.status == 0
    assert site.open_most <= most
    assert site.accepted <= most


def test_jobs_limit_what_runs_at_once(program, site):
    lock = threading.Lock()
    running = [0, 0]

    def answer(request, connection):
        with lock:
            running[0] += 1
            running[1] = max(running)
        time.sleep(0.005)
        with lock:
            running[0] -= 1
        return response("x")

    site.routes["/a"] = answer
    lines = "\n".join([site.url + "/a"] * 60)
    run = program(
        *["get", "--out-null", "-i", "-", "-j", 3, "--per-host", 50],
        text=lines,
    )
    assert run.status == 0
    assert running[1] <= 3


def test_bodies_of_all_sizes_are_written_whole(program, site, folder):
    sizes = [0, 1, 16383, 16384, 16385, 65535, 65536, 65537, 1_000_000]
    bodies = {size: os.urandom(size) for size in sizes}
    for size, body in bodies.items():
        site.routes[f"/{size}"] = response(body)
        chunks = b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + 7000]), body[at : at + 7000])
            for at in range(0, size, 7000)
        )
        site.routes[f"/c{size}"] = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunks
            + b"0\r\n\r\n"
        )
    urls = [f"{site.url}/{kind}{size}" for size in sizes for kind in ("", "c")]
    run = program("get", "-P", "out", *urls)
    assert run.status == 0
    for size, body in bodies.items():
        assert (folder / "out" / str(size)).read_bytes() == body
        assert (folder / "out" / f"c{size}").read_bytes() == body


def test_full_disk_ends_the_run(program, site, folder):
    for i in range(20):
        site.routes[f"/{i}"] = response(os.urandom(100_000))
    (folder / "small").mkdir()
    urls = [f"{site.url}/{i}" for i in range(20)]
    # A mount that only the program sees.
    namespace = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    script = (
        "mount -t tmpfs -o size=256k none small && "
        'exec "$0" get -P small --results results.jsonl "$@"'
    )
    shell = Program("unshare", folder)
    run = shell(
        *["--mount", *namespace, "sh", "-c", script, program.path, *urls]
    )
    assert run.status == 11, run.err
    records = run.by_n()
    assert len(records) == 20
    kinds = {r["outcome"] for r in records.values()}
    assert "error" in kinds and kinds <= {"ok", "error", "aborted"}
    errors = [r for r in records.values() if r["outcome"] == "error"]
    assert {r["error"]["class"] for r in errors} == {"io.write"}


def test_file_size_limit_costs_one_file(program, site, folder):
    site.routes["/big"] = response(bytes(300_000))
    site.routes["/small"] = response(bytes(1000))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    run = program(
        *["get", *RESULTS, site.url + "/big", site.url + "/small"],
        preexec_fn=limit,
    )
    assert run.status == 11
    assert run.by_n()[1]["error"]["class"] == "io.write"
    assert files(folder) == ["results.jsonl", "small"]


def test_unwritable_folder_costs_its_files(program, site, folder):
    site.routes["/a/x"] = response("x")
    site.routes["/b/x"] = response("x")
    (folder / "a").write_text("a file where a folder should be")
    run = program(
        *["get", "-o", "{path}", *RESULTS],
        *[site.url + "/a/x", site.url + "/b/x"],
    )
    assert run.status == 11
    assert run.by_n()[1]["error"]["class"] == "io.write"
    assert files(folder) == ["a", "b/x", "results.jsonl"]


def test_unwritable_results_end_before_anything(program, site):
    run = program("get", "--results", "no/such/folder/r", site.url + "/a")
    assert run.status == 11
    assert site.requests == []


def test_full_results_end_the_run(program, site, folder):
    site.routes["/a"] = response("x")
    lines = "\n".join([site.url + "/a"] * 3000)
    run = program(
        *["get", "--out-null", "-i", "-", "--results", "/dev/full"], text=lines
    )
    assert run.status == 11
    assert "cannot write results: No space left on device" in run.err


def test_records_on_standard_output(program, site, folder):
    site.routes["/a"] = response("x")
    run = program("get", "--results", "-", *[site.url + "/a"] * 3)
    (folder / "r").write_bytes(run.out)
    assert [r["outcome"] for r in run.records("r")] == ["ok"] * 3
    assert files(folder) == ["a", "a.1", "a.2", "r"]


def test_records_come_while_it_runs(program, site):
    site.routes["/a"] = response("x")
    process = program.start(
        *["get", "--out-null", "-i", "-", "--results", "-"], stdin=-1
    )
    for _ in range(3):
        process.stdin.write(f"{site.url}/a\n".encode())
        process.stdin.flush()
        assert b'"outcome":"ok"' in process.stdout.readline()
    process.stdin.close()
    process.stdin = None
    assert program.finish(process).status == 0


def test_slow_reader_of_records_slows_the_run(program, site):
    site.routes["/a"] = response("x")
    count = 8000
    lines = f"{site.url}/a?{'q' * 200}\n" * count
    process = program.start(
        *["get", "--out-null", "-i", "-", "--results", "-"], stdin=-1
    )
    feeder = threading.Thread(target=feed, args=(process, lines.encode()))
    feeder.start()
    first = process.stdout.readline()
    last = -1
    while last != len(site.requests):  # until it waits for us
        last = len(site.requests)
        time.sleep(0.3)
    assert last < count
    rest = process.stdout.read()
    feeder.join()
    assert (first + rest).count(b'"outcome":"ok"') == count
    process.stdin = None
    assert program.finish(process).status == 0


def feed(process, data):
    try:
        process.stdin.write(data)
        process.stdin.close()
    except BrokenPipeError:
        pass


def test_closed_reader_of_records_ends_the_run(program, site):
    site.routes["/a"] = response("x")
    process = program.start(
        *["get", "--out-null", "-i", "-", "--results", "-"], stdin=-1
    )
    lines = f"{site.url}/a\n" * 20000
    feeder = threading.Thread(target=feed, args=(process, lines.encode()))
    feeder.start()
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    feeder.join()
    assert len(site.requests) < 20000
    process.stderr.close()


