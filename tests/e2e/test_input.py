# SPDX-License-Identifier: MIT
"""Lists: pulled, never loaded; every line that is an input has its record."""

import os
import threading
import time

import pytest

from servers import response

RESULTS = ("--results", "results.jsonl")


def test_first_request_leaves_before_the_second_line_exists(program, site):
    seen = threading.Event()

    def answer(request, connection):
        seen.set()
        return response("x")

    site.routes["/a"] = answer
    process = program.start("get", "--out-null", "-i", "-", stdin=-1)
    process.stdin.write(f"{site.url}/a\n".encode())
    process.stdin.flush()
    assert seen.wait(20)
    process.stdin.write(f"{site.url}/a\n".encode())
    process.stdin.close()
    process.stdin = None
    run = program.finish(process)
    assert run.status == 0
    assert len(site.requests) == 2


def test_line_may_come_in_pieces(program, site):
    site.routes["/abc"] = response("x")
    process = program.start("get", "--out-null", "-i", "-", stdin=-1)
    for byte in f"{site.url}/abc\r\n{site.url}/ab":
        process.stdin.write(byte.encode())
        process.stdin.flush()
    process.stdin.write(b"c")  # and the last line has no newline
    process.stdin.close()
    process.stdin = None
    assert program.finish(process).status == 0
    assert [r.path for r in site.requests] == ["/abc", "/abc"]


def test_input_is_not_read_ahead_of_the_jobs(program, site):
    """A pipe of many megabytes is left with its writer."""
    go_on = threading.Event()

    def answer(request, connection):
        go_on.wait(30)
        return response("x")

    site.routes["/a"] = answer
    process = program.start("get", "--out-null", "-i", "-", stdin=-1)
    written = [0]

    def feed():
        line = f"{site.url}/a?{'q' * 1000}\n".encode()
        for _ in range(400):
            process.stdin.write(line)
            written[0] += len(line)
        process.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    before = -1
    while before != written[0]:
        before = written[0]
        time.sleep(0.2)
    assert written[0] < 64 * 1100 + 65536 + 65536 + 8192
    go_on.set()
    feeder.join()
    process.stdin = None
    assert program.finish(process).status == 0


def test_lists_and_urls_keep_their_order(program, site, folder):
    (folder / "one").write_text(f"{site.url}/2\n\n# x\n{site.url}/3\n")
    (folder / "two").write_bytes(
        b"\xef\xbb\xbf" + f"{site.url}/5\r\n  {site.url}/6  ".encode()
    )
    run = program(
        "get",
        *["--out-null", *RESULTS, site.url + "/1", "-i", "one"],
        *[site.url + "/4", "-i", "two", site.url + "/7"],
    )
    urls = {n: record["url"] for n, record in run.by_n().items()}
    assert urls == {n: f"{site.url}/{n}" for n in range(1, 8)}


BAD_LINES = [
    (b"http://", "bad_url"),
    (b"http://a b/", "bad_url"),
    (b"ftp://example.org/", "bad_url"),
    (b"ht!tp://example.org/", "bad_url"),
    (b"http://[::1", "bad_url"),
    (b"http://example.org:99999/", "bad_url"),
    (b"/only/a/path", "bad_url"),
    (b"::::", "bad_url"),
    (b"a\tb", "bad_input"),
    (b"http://exa\x00mple.org/", "bad_input"),
    (b"http://\x1b[31m.org/", "bad_input"),
    (b"http://\xff\xfe/", "bad_url"),
    (b"http://" + b"a" * 70_000, "bad_input"),
    (b"x" * 200_000, "bad_input"),
]


def test_bad_lines_have_records_and_do_no_harm(program, site, folder):
    site.routes["/good"] = response("x")
    good = f"{site.url}/good".encode()
    lines = [line for bad, _ in BAD_LINES for line in (bad, good)]
    run = program(
        *["get", "--out-null", "-i", "-", *RESULTS], text=b"\n".join(lines)
    )
    records = run.by_n()
    assert len(records) == len(lines)
    for i, (_, kind) in enumerate(BAD_LINES):
        record = records[2 * i + 1]
        assert record["outcome"] == "error", record
        assert record["error"]["class"] == kind, record
        assert records[2 * i + 2]["outcome"] == "ok"
    assert run.status == 20
    assert "\x1b" not in run.err and "\x00" not in run.err


def test_a_list_of_nothing_but_mistakes(program):
    count = 50_000
    run = program(
        *["get", "--out-null", "-qq", "-i", "-", *RESULTS], text="http://\n" * count
    )
    assert run.status == 21
    assert len(run.by_n()) == count


def test_long_comment_is_no_input(program):
    text = "#" + "c" * 200_000 + "\n"
    run = program("get", "--out-null", "-i", "-", *RESULTS, text=text)
    assert (run.status, run.records()) == (0, [])


def test_list_from_a_named_pipe(program, site, folder):
    site.routes["/a"] = response("x")
    os.mkfifo(folder / "pipe")
    process = program.start("get", "--out-null", "-i", "pipe")
    with open(folder / "pipe", "w") as pipe:
        pipe.write(f"{site.url}/a\n")
    assert program.finish(process).status == 0
    assert len(site.requests) == 1


def test_list_from_a_device(program):
    assert program("get", "--out-null", "-i", "/dev/null").status == 0


def test_terminal_flags_of_standard_input_stay(program, site):
    """A shared pipe must not become non-blocking for its other readers."""
    site.routes["/a"] = response("x")
    ours, theirs = os.pipe()
    process = program.start(
        *["get", "--out-null", "-i", "-", "--results", "-"], stdin=ours
    )
    os.write(theirs, f"{site.url}/a\n".encode())
    process.stdout.readline()
    assert os.get_blocking(ours)
    os.close(theirs)
    assert program.finish(process).status == 0
    os.close(ours)


@pytest.mark.parametrize("name", ["missing", "folder"])
def test_list_that_cannot_be_read_ends_before_anything(program, site, folder, name):
    (folder / "folder").mkdir()
    run = program("get", "--out-null", site.url + "/a", "-i", name)
    assert run.status == 64
    assert f"cannot read {name}: " in run.err
    assert site.requests == []


def test_memory_does_not_grow_with_the_list(program):
    line = b"http://\n"
    arguments = ["get", "--out-null", "-qq"]
    small = program.measured(*arguments, lines=[line] * 1000)
    large = program.measured(*arguments, lines=[line] * 200_000)
    assert small.status == large.status == 21
    assert large.rss_kib < small.rss_kib + 1024
    assert large.rss_kib < 32 * 1024


def test_memory_with_twenty_thousand_requests(program, nginx):
    (nginx.docs / "files" / "small").write_bytes(b"x" * 100)
    line = f"{nginx.plain}/files/small?%d\n"
    lines = [(line % i).encode() for i in range(20_000)]
    run = program.measured("get", "--out-null", "-j", 256, lines=lines)
    assert run.status == 0
    assert "20000 URLs  20000 ok  0 failed" in run.err
    assert run.rss_kib < 32 * 1024
