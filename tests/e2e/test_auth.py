# SPDX-License-Identifier: MIT
"""Credentials: of the command line, a terminal, or a netrc file."""

import base64
import fcntl
import hashlib
import os
import pty
import re
import signal
import select
import termios
import time

import pytest

from servers import response

USAGE = 64


def basic(user, password):
    pair = f"{user}:{password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def ask_digest(request, connection):
    """Wants ann's password, which is "secret"."""
    sent = request.get("Authorization") or ""
    got = dict(re.findall(r'(\w+)="?([^",]*)', sent))
    if got.get("nonce") == "n1":
        answer = md5(
            *[md5("ann", "r", "secret"), "n1", got["nc"], got["cnonce"]],
            *["auth", md5("GET", got["uri"])],
        )
        if got["response"] == answer and got["username"] == "ann":
            return response("in")
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth"'
    return response("", "401 Unauthorized", challenge)


def ask_basic(request, connection):
    if request.get("Authorization") == basic("ann", "secret"):
        return response("in")
    challenge = 'WWW-Authenticate: Basic realm="r"'
    return response("", "401 Unauthorized", challenge)


@pytest.fixture
def vault(site):
    site.routes["/basic"] = ask_basic
    site.routes["/digest"] = ask_digest
    site.routes["/open"] = response("x")
    site.routes["/away"] = lambda request, connection: response(
        "", "302 Found", f"Location: http://localhost:{site.port}/open"
    )
    return site


def sent(site):
    return [request.get("Authorization") for request in site.requests]


@pytest.mark.parametrize(
    "options, path, requests",
    [
        (["-u", "ann:secret"], "/basic", 1),
        (["--user", "ann:secret", "--basic"], "/basic", 1),
        (["-u", "ann:secret", "--anyauth"], "/basic", 2),
        (["-u", "ann:secret", "--digest"], "/digest", 2),
        (["-u", "ann:secret", "--anyauth"], "/digest", 2),
    ],
)
def test_credentials_open_the_vault(program, vault, options, path, requests):
    run = program("get", *options, vault.url + path)
    assert (run.status, run.out) == (0, b"in")
    assert len(vault.requests) == requests


@pytest.mark.parametrize("path", ["/basic", "/digest"])
def test_wrong_credentials_are_tried_once(program, vault, path):
    run = program("get", "-u", "ann:wrong", "--anyauth", vault.url + path)
    assert run.status == 4
    assert len(vault.requests) == 2


def test_urls_of_a_run_share_a_challenge(program, vault):
    urls = [vault.url + "/digest"] * 3
    options = ["-j", 1, "--digest", "-u", "ann:secret", "--out-null"]
    assert program("get", *options, *urls).status == 0
    assert len(vault.requests) == 4


def test_a_token_is_sent(program, vault):
    for option in ["--bearer", "--oauth2-bearer"]:
        assert program("get", option, "abc", vault.url + "/open").status == 0
    assert sent(vault) == ["Bearer abc"] * 2


def test_credentials_stay_with_their_origin(program, vault):
    for options in [["-u", "ann:secret"], ["--bearer", "abc"]]:
        assert program("get", *options, vault.url + "/away").status == 0
    assert sent(vault) == [basic("ann", "secret"), None, "Bearer abc", None]


def test_the_nearest_credentials_are_used(program, vault, folder):
    netrc = folder / "netrc"
    netrc.write_text("machine 127.0.0.1 login n password n\n")
    netrc.chmod(0o600)
    options = ["--netrc-file", netrc]
    url = vault.url + "/open"
    with_user = url.replace("//", "//u:u@")
    program("get", *options, url)
    program("get", *options, with_user)
    program("get", *options, "-u", "o:o", with_user)
    program("get", *options, "-u", "o:o", "-H", "Authorization: x", with_user)
    assert sent(vault) == [basic(c, c) for c in "nuo"] + ["x"]


@pytest.mark.parametrize(
    "options, told",
    [
        (["-u", "a:b", "--bearer", "c"], "exclude each other"),
        (["--digest"], "--user"),
        (["--bearer", "a b"], "--bearer wants a token"),
        (["-u", "a\n:b"], "control character"),
        (["--netrc-file", ""], "--netrc-file wants"),
        (["--netrc-file", "missing"], "missing"),
    ],
)
def test_impossible_credentials(program, vault, options, told):
    run = program("get", *options, vault.url + "/open")
    assert run.status == USAGE
    assert told in run.err
    assert vault.requests == []


# Files.


def test_netrc_is_found_at_home(program, vault, folder):
    netrc = folder / ".netrc"
    netrc.write_text('machine 127.0.0.1 login ann password "secret" # his\n')
    netrc.chmod(0o600)
    env = {"HOME": str(folder), "NETRC": ""}
    for option in ["-n", "--netrc", "--netrc-optional"]:
        run = program("get", option, vault.url + "/basic", env=env)
        assert run.status == 0
    run = program("get", vault.url + "/basic", env=env)
    assert run.status == 4, "nobody has asked for it"
    env = {"HOME": "/", "NETRC": str(netrc)}
    assert program("get", "-n", vault.url + "/basic", env=env).status == 0


def test_netrc_may_be_missing_if_it_is_optional(program, vault, folder):
    env = {"HOME": str(folder), "NETRC": ""}
    run = program("get", "--netrc-optional", vault.url + "/open", env=env)
    assert run.status == 0
    run = program("get", "--netrc", vault.url + "/open", env=env)
    assert (run.status, len(run.err.splitlines())) == (USAGE, 1)
    assert ".netrc" in run.err


@pytest.mark.parametrize("option", ["--netrc", "--netrc-optional"])
def test_netrc_must_be_ones_own(program, vault, folder, option):
    netrc = folder / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    netrc.chmod(0o644)
    env = {"HOME": str(folder), "NETRC": ""}
    run = program("get", option, vault.url + "/basic", env=env)
    assert run.status == USAGE
    assert "chmod 600" in run.err
    assert vault.requests == []


def test_netrc_is_read_for_each_host(program, vault, folder):
    netrc = folder / "netrc"
    netrc.write_text("machine localhost login l password l\n"
                     "default login d password d\n")
    netrc.chmod(0o600)
    run = program("get", "--netrc-file", netrc, vault.url + "/away")
    assert run.status == 0
    assert sent(vault) == [basic("d", "d"), basic("l", "l")]


# Secrets.


def test_credentials_are_not_shown(program, vault, folder):
    for options in [["-u", "ann:secret"], ["--digest", "-u", "ann:secret"],
                    ["--bearer", "secret"]]:
        run = program(
            *["get", "-v", *options, "--results", "results.jsonl"],
            *["--trace", "trace", "--out-null"],
            *[vault.url + "/basic", vault.url + "/digest"],
        )
        text = run.err + (folder / "results.jsonl").read_text()
        text += (folder / "trace").read_text()
        assert "secret" not in text
        assert basic("ann", "secret")[6:] not in text


# The terminal.


class Prompt:
    """The program on a terminal of its own."""

    def __init__(self, program, *args):
        self.ours, theirs = pty.openpty()

        def take_terminal():
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        self.text = b""
        self.theirs = theirs
        self.process = program.start(*args, preexec_fn=take_terminal)

    def read_until(self, mark):
        deadline = time.monotonic() + 20
        while mark not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self.ours], [], [], 0.1)[0]:
                self.text += os.read(self.ours, 4096)

    def shows(self):
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.ours, text)

    def end(self):
        out, err = self.process.communicate(timeout=60)
        os.close(self.theirs)
        os.close(self.ours)
        return self.process.returncode, out, err.decode()


def test_a_missing_password_is_asked_for(program, vault):
    prompt = Prompt(program, "get", "-u", "ann", vault.url + "/basic")
    prompt.read_until(b"Password for ann: ")
    assert not prompt.shows()
    prompt.type(b"secret\n")
    prompt.read_until(b": \r\n")
    status, out, err = prompt.end()
    assert (status, out, err) == (0, b"in", "")
    assert b"secret" not in prompt.text


def test_an_interrupt_ends_the_question(program, vault):
    prompt = Prompt(program, "get", "-u", "ann", vault.url + "/basic")
    prompt.read_until(b"Password for ann: ")
    assert not prompt.shows()
    prompt.type(b"sec\x03")
    assert prompt.process.wait(20) == -signal.SIGINT
    assert prompt.shows()
    prompt.end()
    assert vault.requests == []


def test_the_end_of_input_is_no_password(program, vault):
    prompt = Prompt(program, "get", "-u", "ann", vault.url + "/basic")
    prompt.read_until(b"Password for ann: ")
    assert not prompt.shows()
    prompt.type(b"\x04")
    status, _, err = prompt.end()
    assert status == USAGE
    assert "no password" in err


def test_without_a_terminal_there_is_nobody_to_ask(program, vault):
    process = program.start(
        "get", "-u", "ann", vault.url + "/basic", start_new_session=True
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == USAGE
    assert b"no terminal" in err
    assert vault.requests == []


def test_an_empty_password_is_a_password(program, vault):
    assert program("get", "-u", "ann:", vault.url + "/open").status == 0
    assert sent(vault) == [basic("ann", "")]
