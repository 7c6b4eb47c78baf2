#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Our own part of the benchmark: what can be counted instead of timed.

  own.py BUILD_DIR [RESULT_DIR]

BUILD_DIR has ahttp, bench/* and tests/support/demo_server; plots go to
RESULT_DIR.  Counts are differences between two lengths of the same run, so what
starting and ending cost is left out.  Valgrind's counts hardly change from run
to run: they show a change of 1 %.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

import plot

FEW, MANY = 1000, 5000
SIZES = (10, 100, 1000, 10000)
CURVE_REQUESTS = 60000
CURVE_RUNS = 3


class Build:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()

    def program(self, name):
        return str(self.folder / name)


class Server:
    """The demonstration's server, with small responses."""

    def __init__(self, build, folder):
        self.ca_file = str(folder / "ca.pem")
        ports = folder / "ports"
        self.process = subprocess.Popen(
            [
                build.program("tests/support/demo_server"),
                "--port-file",
                str(ports),
                "--ca-file",
                self.ca_file,
            ],
            stdin=subprocess.PIPE,
        )
        while not (ports.exists() and "https=" in ports.read_text()):
            if self.process.poll() is not None:
                sys.exit("own.py: demo_server does not start")
            time.sleep(0.05)
        text = ports.read_text()
        self.http = int(re.search(r"http=(\d+)", text)[1])
        self.https = int(re.search(r"https=(\d+)", text)[1])

    def url(self, secure):
        scheme, port = ("https", self.https) if secure else ("http", self.http)
        return f"{scheme}://localhost:{port}/b/1024/1"

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def scenarios(build, server):
    """Name and the command for so many requests."""
    callback = build.program("bench/callback")
    blocking = build.program("bench/blocking")
    http, https = server.url(False), server.url(True)
    ca = ["-C", server.ca_file]

    def of(*words):
        return lambda count: [*words, "-n", str(count)]

    return {
        "h1": of(callback, "-u", http, "-c", "10", "-p", "h1"),
        "h1 over TLS": of(callback, "-u", https, "-c", "10", "-p", "h1", *ca),
        "h2 over TLS, 1x100": of(
            callback, "-u", https, "-c", "100", "-M", "100", "-p", "h2", *ca
        ),
        "h1, new connections": of(callback, "-u", http, "-c", "1", "-N", "-p", "h1"),
        "h1, blocking": of(blocking, "-u", http, "-p", "h1"),
    }


def per_request(measure, command):
    return (measure(command(MANY)) - measure(command(FEW))) / (MANY - FEW)


def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True)


def instructions(command):
    said = run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    )
    return int(re.search(r"Collected : (\d+)", said.stderr)[1])


def system_calls(command):
    with tempfile.NamedTemporaryFile("r") as table:
        run(["strace", "-f", "-c", "-o", table.name, *command])
        total = re.search(r"^100\.00.*total$", table.read(), re.MULTILINE)[0]
    return int(total.split()[3 if len(total.split()) > 4 else 2])


def allocations(command):
    return int(re.search(r"allocations=(\d+)", run([*command, "-A"]).stdout)[1])


def print_counts(build, server):
    print("| per request | instructions | system calls | allocations |")
    print("|---|---|---|---|")
    for name, command in scenarios(build, server).items():
        has_count = "callback" in command(1)[0]
        print(
            f"| {name} | {per_request(instructions, command):,.0f}"
            f" | {per_request(system_calls, command):.2f}"
            f" | {per_request(allocations, command):.1f} |"
            if has_count
            else f"| {name} | {per_request(instructions, command):,.0f}"
            f" | {per_request(system_calls, command):.2f} | |"
        )


def scale(build, *words):
    said = run([build.program("bench/scale"), *map(str, words)]).stdout.split()
    return dict(zip(said[2::2], map(float, said[3::2])))


def curve(build, mode):
    """The best of some runs for each size: others are somebody else's noise."""
    points = []
    for size in SIZES:
        runs = [scale(build, mode, size, CURVE_REQUESTS) for _ in range(CURVE_RUNS)]
        points.append((size, min(each["cpu_us"] for each in runs)))
    return points


def print_curves(build, results):
    curves = {mode: curve(build, mode) for mode in ("conns", "origins")}
    print("\n| CPU µs a request at | " + " | ".join(map(str, SIZES)) + " | last/first |")
    print("|---" * (len(SIZES) + 2) + "|")
    for mode, points in curves.items():
        cells = " | ".join(f"{y:.2f}" for _, y in points)
        print(f"| {mode} | {cells} | {points[-1][1] / points[0][1]:.2f} |")
    svg = plot.chart(
        "Cost of a request by their number", "connections, origins", "CPU µs", curves
    )
    (results / "scale.svg").write_text(svg, encoding="utf-8")


def print_memory(build, server):
    print("\n| 1000 connections, after a request on each | KiB each |")
    print("|---|---|")
    for secure in (False, True):
        name = "TLS" if secure else "h1"
        got = scale(build, "idle", 1000, server.url(secure), server.ca_file)
        print(f"| {name} | {got['kib_each']:.1f} |")
    storm = scale(build, "cancel", 10000)
    print(f"\n10,000 calls canceled: {storm['cpu_us']:.1f} µs each")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = Build(sys.argv[1])
    results = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(build, pathlib.Path(folder))
        try:
            print_counts(build, server)
            print_memory(build, server)
            print_curves(build, results)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
