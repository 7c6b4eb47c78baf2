# SPDX-License-Identifier: MIT
"""Interrupts: what was read is accounted for, and nothing is half done."""

import os
import signal
import threading

import pytest

from servers import response

RESULTS = ("--results", "results.jsonl")


class Slow:
    """Answers /fast at once; /slow when told to."""

    def __init__(self, site):
        self.waiting = threading.Semaphore(0)
        self.go_on = threading.Event()
        site.routes["/fast"] = response("fast")
        site.routes["/slow"] = self.answer

    def answer(self, request, connection):
        connection.sendall(response(b"half ", length=10))
        self.waiting.release()
        if not self.go_on.wait(30):
            return None
        return b"whole"

    def wait(self, count):
        for _ in range(count):
            assert self.waiting.acquire(timeout=20)


def interrupt(process):
    """Sends SIGINT and waits until it has been seen."""
    process.send_signal(signal.SIGINT)
    assert b"interrupted; waiting" in process.stderr.readline()


@pytest.mark.parametrize(
    "number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_every_line_read_has_its_record(program, site, folder, number, code):
    slow = Slow(site)
    paths = ["fast", "slow", "slow", "fast", "slow"] + ["slow"] * 95
    text = "".join(f"{site.url}/{path}\n" for path in paths)
    (folder / "list").write_text(text)
    process = program.start(
        *["get", "-i", "list", "-P", "out", "-j", 5, *RESULTS, "--grace", "0.2"]
    )
    slow.wait(5)
    process.send_signal(number)
    run = program.finish(process, 20)
    assert run.status == code
    records = run.by_n()
    assert len(records) == 100
    kinds = [records[n]["outcome"] for n in sorted(records)]
    assert kinds == ["ok", "aborted", "aborted", "ok"] + ["aborted"] * 96
    assert {
        r["error"]["class"] for r in records.values() if r["error"]
    } == {"signal"}
    assert sorted(os.listdir(folder / "out")) == ["fast", "fast.1"]
    assert "98 aborted" in run.err


def test_running_transfers_may_finish(program, site, folder):
    slow = Slow(site)
    process = program.start(
        *["get", "-P", "out", "-j", 2, *RESULTS, *[site.url + "/slow"] * 4]
    )
    slow.wait(2)
    interrupt(process)
    slow.go_on.set()
    run = program.finish(process, 20)
    assert run.status == 130
    kinds = [run.by_n()[n]["outcome"] for n in range(1, 5)]
    assert kinds == ["ok", "ok", "aborted", "aborted"]
    assert sorted(os.listdir(folder / "out")) == ["slow", "slow.1"]
    assert len(site.requests) == 2


def test_second_interrupt_ends_it_at_once(program, site, folder):
    slow = Slow(site)
    process = program.start(
        *["get", "-P", "out", *RESULTS, "--grace", "1h"],
        *[site.url + "/slow"] * 3,
    )
    slow.wait(3)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    run = program.finish(process, 20)
    assert run.status == 130
    assert [r["outcome"] for r in run.records()] == ["aborted"] * 3
    assert not (folder / "out").exists()


def test_signals_that_come_together_all_count(program, site, folder):
    slow = Slow(site)
    process = program.start(
        *["get", "-P", "out", *RESULTS, "--grace", "1h"],
        *[site.url + "/slow"] * 3,
    )
    slow.wait(3)
    for number in [signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT]:
        process.send_signal(number)
    run = program.finish(process, 20)
    assert run.status == 130  # the system delivers the lower number first
    assert [r["outcome"] for r in run.records()] == ["aborted"] * 3


def test_interrupt_while_waiting_for_input(program, site, folder):
    site.routes["/a"] = response("x")
    process = program.start(
        *["get", "--out-null", "-i", "-", "--results", "-"], stdin=-1
    )
    process.stdin.write(f"{site.url}/a\n".encode())
    process.stdin.flush()
    assert b'"ok"' in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stdout.read() == b""
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


def test_interrupt_while_connections_are_made(program, peer, folder):
    arrived = threading.Semaphore(0)
    hold = threading.Event()

    def talk(connection, number):
        arrived.release()
        hold.wait(30)  # TLS never begins

    server = peer(talk)
    urls = [f"https://127.0.0.1:{server.port}/{i}" for i in range(10)]
    process = program.start(
        *["get", "-P", "out", *RESULTS, "--grace", "0.1", *urls]
    )
    assert arrived.acquire(timeout=20)
    process.send_signal(signal.SIGINT)
    run = program.finish(process, 20)
    hold.set()
    assert run.status == 130
    assert [r["outcome"] for r in run.records()] == ["aborted"] * 10


def test_grace_is_five_seconds_by_default(program):
    assert "[5s]" in program("get", "--help").out.decode()


def test_killed_run_leaves_no_final_names(program, site, folder):
    slow = Slow(site)

    def big(request, connection):
        connection.sendall(response(bytes(200_000), length=400_000))
        return slow.answer(request, connection)

    site.routes["/big"] = big
    process = program.start("get", "-P", "out", site.url + "/big", "-i", "-", stdin=-1)
    slow.wait(1)
    parts = []
    while parts != ["big.part"]:
        parts = os.listdir(folder / "out") if (folder / "out").exists() else []
    process.kill()
    process.communicate()
    assert os.listdir(folder / "out") == ["big.part"]
