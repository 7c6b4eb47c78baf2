# SPDX-License-Identifier: MIT
"""One URL: its body, its file, its exit code."""

import os
import pathlib
import pty
import socket
import subprocess
import time

import pytest

from servers import NameServer, free_ports, reset, response


def test_body_goes_to_standard_output(program, site):
    site.routes["/a"] = response("hello\n")
    run = program("get", site.url + "/a")
    assert (run.status, run.out, run.err) == (0, b"hello\n", "")


def test_body_arrives_unchanged(program, site):
    body = os.urandom(3_000_000)
    site.routes["/a"] = response(body)
    assert program("get", site.url + "/a").out == body


def test_body_leaves_before_it_is_complete(program, site, folder):
    seen = folder / "seen"

    def answer(request, connection):
        connection.sendall(response(b"first", length=10))
        deadline = time.monotonic() + 20
        while not seen.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return b"later"

    site.routes["/a"] = answer
    process = program.start("get", site.url + "/a")
    assert process.stdout.read(5) == b"first"
    seen.touch()
    assert process.stdout.read() == b"later"
    assert program.finish(process).status == 0


@pytest.mark.parametrize(
    "status, code",
    [("404 Not Found", 4), ("503 Busy", 5), ("429 Slow", 4), ("300 Many", 3)],
)
def test_error_status_decides_the_exit_code(program, site, status, code):
    site.routes["/a"] = response("what went wrong", status)
    run = program("get", site.url + "/a")
    assert (run.status, run.out) == (code, b"what went wrong")
    assert f"http.{status[:3]} {site.url}/a" in run.err


def test_not_modified_is_a_success(program, site):
    site.routes["/a"] = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'
    run = program("get", "-H", 'If-None-Match: "x"', site.url + "/a")
    assert run.status == 0


def test_redirect_is_followed(program, site):
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    site.routes["/b"] = response("there")
    run = program("get", site.url + "/a")
    assert (run.status, run.out) == (0, b"there")


def test_redirect_is_not_followed_when_told_so(program, site):
    site.routes["/a"] = response("", "302 Found", "Location: /b")
    run = program("get", "--no-follow", site.url + "/a")
    assert (run.status, len(site.requests)) == (3, 1)


def test_redirects_end_after_ten(program, site):
    site.routes["/a"] = response("", "302 Found", "Location: /a")
    run = program("get", site.url + "/a")
    assert (run.status, len(site.requests)) == (6, 11)


def test_redirects_end_where_told(program, site):
    site.routes["/a"] = response("", "302 Found", "Location: /a")
    run = program("get", "--max-redirs", 2, site.url + "/a")
    assert (run.status, len(site.requests)) == (6, 3)


def test_refused_connection(program):
    (port,) = free_ports(1)
    run = program("get", f"http://127.0.0.1:{port}/")
    assert run.status == 7
    assert run.err.startswith(f"connect.refused http://127.0.0.1:{port}/: ")


def test_unknown_host(program):
    with NameServer(NameServer.NXDOMAIN) as dns:
        run = program("get", "--dns-servers", dns.address, "http://no.invalid/")
    assert run.status == 9
    assert run.err.startswith("dns.notfound http://no.invalid/: ")


def test_failing_name_server(program):
    with NameServer(NameServer.SERVFAIL) as dns:
        run = program("get", "--dns-servers", dns.address, "http://a.invalid/")
    assert run.status == 9
    assert run.err.startswith("dns.temp ")


def test_untrusted_certificate(program, nginx):
    run = program("get", nginx.tls + "/")
    assert run.status == 8
    assert run.err.startswith("tls.cert ")


def test_no_tls_where_tls_is_wanted(program, peer):
    def talk(connection, number):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    run = program("get", peer(talk).url.replace("http:", "https:"))
    assert run.status == 8
    assert run.err.startswith("tls.handshake ")


def test_truncated_body(program, site):
    def answer(request, connection):
        connection.sendall(response(b"abc", length=10))

    site.routes["/a"] = answer
    run = program("get", site.url + "/a")
    assert (run.status, run.out) == (10, b"abc")
    assert run.err.startswith("truncated ")


def test_garbage_instead_of_http(program, peer):
    server = peer(lambda connection, n: connection.sendall(b"SSH-2.0-x\r\n"))
    run = program("get", server.url)
    assert run.status == 10
    assert run.err.startswith("protocol.h1 ")


def test_reset_connection(program, site):
    site.routes["/a"] = lambda request, connection: reset(connection)
    run = program("get", "-X", "POST", site.url + "/a")
    assert run.status == 10
    assert run.err.startswith("reset ")


def test_scheme_is_http_on_this_machine(program, site):
    site.routes["/a"] = response("hello")
    for url in (f"127.0.0.1:{site.port}/a", f":{site.port}/a"):
        assert program("get", url).out == b"hello"
    assert program("get", f"localhost:{site.port}/a").out == b"hello"


def test_scheme_is_https_elsewhere(program):
    with NameServer(NameServer.NXDOMAIN) as dns:
        run = program(
            *["get", "-v", "--dns-servers", dns.address, "example.invalid/x"]
        )
    assert "> GET https://example.invalid/x" in run.err


def test_explicit_file_is_overwritten(program, site, folder):
    site.routes["/a"] = response("new")
    (folder / "file").write_text("old")
    run = program("get", "-o", "file", "--no-summary", site.url + "/a")
    assert (run.status, run.out, run.err) == (0, b"", "")
    assert (folder / "file").read_text() == "new"
    assert os.listdir(folder) == ["file"]


def test_explicit_file_survives_a_failure(program, site, folder):
    (folder / "file").write_text("old")
    run = program("get", "-o", "file", site.url + "/missing")
    assert run.status == 4
    assert (folder / "file").read_text() == "old"
    assert os.listdir(folder) == ["file"]


def test_link_is_followed_to_the_file(program, site, folder):
    site.routes["/a"] = response("new")
    (folder / "file").write_text("old")
    (folder / "link").symlink_to("file")
    assert program("get", "-o", "link", site.url + "/a").status == 0
    assert (folder / "link").is_symlink()
    assert (folder / "file").read_text() == "new"


def test_device_is_written_to_and_not_replaced(program, site):
    site.routes["/a"] = response("x")
    assert program("get", "-o", "/dev/null", site.url + "/a").status == 0
    assert pathlib.Path("/dev/null").is_char_device()


def test_folder_is_refused(program, site, folder):
    (folder / "d").mkdir()
    run = program("get", "-o", "d", site.url + "/a")
    assert run.status == 64
    assert "-P d" in run.err


def test_remote_name(program, site, folder):
    site.routes["/x/a.txt"] = response("hello")
    assert program("get", "-O", site.url + "/x/a.txt?q=1").status == 0
    assert (folder / "a.txt").read_text() == "hello"


def test_empty_body_makes_an_empty_file(program, site, folder):
    site.routes["/a"] = response("")
    assert program("get", "-O", site.url + "/a").status == 0
    assert (folder / "a").read_bytes() == b""


def test_closed_reader_ends_it(program, site):
    def answer(request, connection):
        connection.sendall(response(b"", length=1 << 40))
        while True:
            connection.sendall(bytes(65536))

    site.routes["/a"] = answer
    process = program.start("get", site.url + "/a")
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(20) == 141
    process.stderr.close()


def test_slow_reader_gets_everything(program, site):
    body = os.urandom(2_000_000)
    site.routes["/a"] = response(body)
    process = program.start("get", site.url + "/a")
    got = b""
    while len(got) < len(body):
        part = process.stdout.read1(4096)
        assert part, "it ended early"
        got += part
        if len(got) % 65536 < 4096:
            time.sleep(0.002)
    assert got == body
    assert program.finish(process).status == 0


def test_full_device_is_an_output_error(program, site):
    site.routes["/a"] = response("x" * 100)
    with open("/dev/full", "wb") as full:
        run = program("get", site.url + "/a", stdout=full)
    assert run.status == 11
    assert run.err.startswith("io.write ")
    assert "No space left" in run.err


@pytest.mark.parametrize("closed, code", [(0, 0), (1, 11), (2, 4)])
def test_closed_standard_descriptor(program, site, closed, code):
    site.routes["/a"] = response("hello")
    url = site.url + ("/missing" if closed == 2 else "/a")
    run = program("get", url, preexec_fn=lambda: os.close(closed))
    assert run.status == code
    if closed == 0:
        assert run.out == b"hello"


def test_closed_standard_input_is_no_list(program):
    run = program("get", "-i", "-", preexec_fn=lambda: os.close(0))
    assert run.status == 11
    assert "cannot read -: Bad file descriptor" in run.err


def test_binary_is_not_sent_to_a_terminal(program, site):
    site.routes["/a"] = response(b"\x7fELF\0\x1b[2J")
    ours, theirs = pty.openpty()
    run = program("get", site.url + "/a", stdout=theirs)
    os.close(theirs)
    os.close(ours)
    assert run.status == 11
    assert "-o FILE" in run.err


def test_single_url_has_its_record(program, site, folder):
    site.routes["/a"] = response("hello")
    run = program("get", "--results", "results.jsonl", site.url + "/a")
    (record,) = run.records()
    assert (record["outcome"], record["file"]) == ("ok", None)


def test_malformed_url_is_a_usage_error(program):
    run = program("get", "--results", "results.jsonl", "http://a b/")
    assert run.status == 64
    (record,) = run.records()
    assert record["error"]["class"] == "bad_url"


def test_interrupt_ends_a_single_download_at_once(program, site, folder):
    def answer(request, connection):
        connection.sendall(response(b"abc", length=10))
        connection.recv(1)

    site.routes["/a"] = answer
    process = program.start("get", "-o", "file", "-v", site.url + "/a")
    line = b""
    while b"< HTTP/1.1 200" not in line:
        line = process.stderr.readline()
    process.send_signal(subprocess.signal.SIGINT)
    assert program.finish(process, 4).status == 130
    assert os.listdir(folder) == []


def test_unix_socket(program, folder):
    from servers import Site

    path = str(folder / "socket")
    with Site(family=socket.AF_UNIX, address=path) as site:
        site.routes["/a"] = response("hello")
        run = program("get", "--unix-socket", path, "http://any.example/a")
        assert (run.status, run.out) == (0, b"hello")
        assert site.requests[0].get("Host") == "any.example"
