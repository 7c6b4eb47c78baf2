# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: the program, and servers on loopback."""

import json
import os
import pathlib
import subprocess
import threading

import pytest

import servers


# Address space that only a sanitizer reserves; its memory is not the program's.
SANITIZER_KIB = 1 << 30


class Run:
    """A finished run of the program."""

    def __init__(self, args, status, out, err, rss_kib, folder):
        self.args = args
        self.status = status
        self.out = out
        self.err = err.decode()
        self.rss_kib = rss_kib
        self.folder = folder

    def records(self, name="results.jsonl"):
        """The records it wrote, in the order they were written."""
        text = (self.folder / name).read_text()
        assert text == "" or text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    def by_n(self, name="results.jsonl"):
        records = self.records(name)
        by_n = {record["n"]: record for record in records}
        assert len(by_n) == len(records), "two records for one input"
        return by_n


class Program:
    """Runs the program in a folder of the test."""

    def __init__(self, path, folder):
        self.path = path
        self.folder = folder

    def environment(self, more):
        env = {
            key: value
            for key, value in os.environ.items()
            if not key.lower().endswith("_proxy") and key != "NO_COLOR"
        }
        env.update(LC_ALL="C.UTF-8", TERM="xterm")
        env.update(more or {})
        return env

    def start(self, *args, stdin=subprocess.DEVNULL, env=None, **more):
        return subprocess.Popen(
            [self.path, *[str(arg) for arg in args]],
            stdin=stdin,
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            cwd=self.folder,
            env=self.environment(env),
            **more,
        )

    def __call__(self, *args, text=None, env=None, seconds=60, **more):
        """Runs it to its end; `text` is its standard input."""
        stdin = subprocess.PIPE if text is not None else subprocess.DEVNULL
        process = self.start(*args, stdin=stdin, env=env, **more)
        data = text.encode() if isinstance(text, str) else text
        try:
            out, err = process.communicate(data, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"still running after {seconds} s: {err.decode()}")
        return Run(args, process.returncode, out, err or b"", 0, self.folder)

    def finish(self, process, seconds=60):
        """Waits for a started run."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"still running after {seconds} s: {err.decode()}")
        return Run([], process.returncode, out, err or b"", 0, self.folder)

    def measured(self, *args, lines):
        """Runs it with a list of so many lines; knows its peak memory.

        That is read when all records are there and the list has not ended yet:
        what the kernel tells of an ended process includes its parent's."""
        process = self.start(
            *args, "--results", "-", "-i", "-", stdin=subprocess.PIPE
        )
        feeder = threading.Thread(
            target=lambda: [process.stdin.write(line) for line in lines]
            + [process.stdin.flush()]
        )
        feeder.start()
        for _ in lines:
            assert process.stdout.readline(), "it ended early"
        feeder.join()
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        sizes = dict(line.split(":\t", 1) for line in status.splitlines())
        run = self.finish(process)
        run.rss_kib = int(sizes["VmHWM"].split()[0])
        if int(sizes["VmPeak"].split()[0]) > SANITIZER_KIB:
            run.rss_kib = 0
        return run


@pytest.fixture
def program(tmp_path):
    path = os.environ.get("AHTTP")
    assert path, "AHTTP must name the program"
    folder = tmp_path / "run"
    folder.mkdir()
    return Program(str(pathlib.Path(path).resolve()), folder)


@pytest.fixture
def folder(program):
    return program.folder


@pytest.fixture
def site():
    """A scripted HTTP/1.1 server; see servers.Site."""
    with servers.Site() as site:
        yield site


@pytest.fixture
def peer():
    """Starts raw peers: peer(function), with a connection to itself each."""
    peers = []

    def start(talk):
        peers.append(servers.Peer(talk))
        return peers[-1]

    yield start
    for one in peers:
        one.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost and 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    return servers.make_certificate(folder)


@pytest.fixture(scope="session")
def nginx(tmp_path_factory, certificate):
    """nginx with plain, TLS HTTP/1.1 and TLS HTTP/2 ports."""
    folder = tmp_path_factory.mktemp("nginx")
    with servers.Nginx(folder, certificate) as nginx:
        yield nginx


@pytest.fixture(scope="session")
def nghttpd(tmp_path_factory, certificate):
    """nghttpd with a cleartext and a TLS port."""
    folder = tmp_path_factory.mktemp("nghttpd")
    with servers.Nghttpd(folder, certificate) as nghttpd:
        yield nghttpd
