# SPDX-License-Identifier: MIT
"""Standard error: a progress line on a terminal, plain lines elsewhere."""

import fcntl
import os
import pty
import select
import struct
import termios
import threading
import time

from servers import response


class Terminal:
    """A terminal of so many columns, and what was written to it."""

    def __init__(self, columns):
        self.ours, self.theirs = pty.openpty()
        size = struct.pack("HHHH", 25, columns, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        self.text = b""

    def read_until(self, mark, seconds=20):
        deadline = time.monotonic() + seconds
        while mark not in self.text:
            assert time.monotonic() < deadline, self.text
            self.read()

    def read(self):
        ready, _, _ = select.select([self.ours], [], [], 0.1)
        if not ready:
            return False
        try:
            self.text += os.read(self.ours, 65536)
        except OSError:  # the other end is closed
            return False
        return True

    def close(self):
        os.close(self.theirs)
        while self.read():
            pass
        os.close(self.ours)
        return self.text.replace(b"\r\n", b"\n").decode()


def run_on_terminal(program, site, columns=80, env=None, options=()):
    """A run with a failure and a slow URL, its progress seen once."""
    go_on = threading.Event()

    def slow(request, connection):
        go_on.wait(20)
        return response("x")

    site.routes["/slow"] = slow
    terminal = Terminal(columns)
    process = program.start(
        *["get", "--out-null", *options, site.url + "/slow", site.url + "/no"],
        stderr=terminal.theirs,
        env=env,
    )
    terminal.read_until(b"404")
    terminal.read_until(b"jobs" if columns >= 80 else b"1/")
    go_on.set()
    assert process.wait(20) == 20
    process.stdout.close()
    return terminal.close()


def test_progress_line_is_cleared_before_anything_else(program, site):
    text = run_on_terminal(program, site)
    assert "\r\x1b[K" in text
    assert "1/2  ok 0  fail 1" in text
    shown = [line.split("\r\x1b[K")[-1] for line in text.split("\n")]
    assert any("http.404" in line for line in shown)
    assert not any("jobs" in line for line in shown), text
    assert any(line.startswith("2 URLs  1 ok  1 failed") for line in shown)


def test_progress_line_fits_the_window(program, site):
    text = run_on_terminal(program, site, columns=20)
    for line in text.split("\n"):
        for shown in line.split("\r\x1b[K"):
            if shown.startswith(("0/", "1/")):
                assert len(shown) <= 19


def test_failures_are_coloured_on_a_terminal_only(program, site):
    assert "\x1b[1;31mhttp.404\x1b[0m" in run_on_terminal(program, site)
    plain = run_on_terminal(program, site, env={"NO_COLOR": "1"})
    assert "\x1b[1;31m" not in plain
    never = run_on_terminal(program, site, options=["--color", "never"])
    assert "\x1b[1;31m" not in never
    run = program("get", "--color", "always", site.url + "/no")
    assert "\x1b[1;31m" in run.err


def test_dumb_terminal_gets_plain_lines(program, site):
    terminal = Terminal(80)
    process = program.start(
        *["get", "--out-null", site.url + "/no"],
        stderr=terminal.theirs,
        env={"TERM": "dumb"},
    )
    assert process.wait(20) == 4
    process.stdout.close()
    text = terminal.close()
    assert "http.404" in text and "\x1b" not in text and "\r" not in text


def test_no_progress_and_no_control_codes_in_a_file(program, site):
    def slow(request, connection):
        time.sleep(0.4)  # longer than four periods of the line
        return response("x")

    site.routes["/slow"] = slow
    for options in ([], ["--progress", "bar"]):
        run = program(
            *["get", "--out-null", *options, site.url + "/slow"],
            site.url + "/no",
        )
        assert run.status == 20
        assert "\r" not in run.err and "\x1b" not in run.err
        assert "jobs" not in run.err


def test_terminal_codes_of_servers_are_made_visible(program, site):
    site.routes["/a"] = response("", "404 \u202eevil", "X: \u009b2J")
    run = program("get", "-v", site.url + "/a")
    assert run.status == 4
    assert "\u202e" not in run.err and "\u009b" not in run.err
    assert "\\xe2\\x80\\xaeevil" in run.err


def test_verbose_tags_every_line(program, site):
    site.routes["/a"] = response("x", "200 OK", "X-Seen: yes")
    run = program("get", "-v", "--out-null", *[site.url + "/a"] * 2)
    lines = run.err.splitlines()
    for n in (1, 2):
        assert f"[{n}] > GET {site.url}/a" in lines
        assert f"[{n}] < HTTP/1.1 200 OK" in lines
        assert f"[{n}] < X-Seen: yes" in lines
        assert any(l.startswith(f"[{n}] * connection ") for l in lines)
