#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Our own part of the benchmark: what can be counted instead of timed.

  own.py BUILD_DIR RESULT_DIR

BUILD_DIR has bench/* and tests/support/demo_server.  Prints tables in Markdown;
RESULT_DIR gets the plots and own.json.  What is said "per request" is the
difference between two lengths of the same run, so what starting and ending
cost is left out.  Valgrind's counts hardly change from run to run: they show a
change of 1 %.
"""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import plot

FEW, MANY = 1000, 3000
SIZES = (10, 100, 1000, 10000)
CURVE_REQUESTS = 60000
# Under valgrind: on top of the first request of each connection.
CURVE_COUNTED = 20000
CURVE_RUNS = 5
START_RUNS = 21
DESCRIPTORS = SIZES[-1] + 1000


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

    def url(self, secure, seed=1):
        scheme, port = ("https", self.https) if secure else ("http", self.http)
        return f"{scheme}://localhost:{port}/b/1024/{seed}"

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


# --- Counting. ---------------------------------------------------------------


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"own.py: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done


def instructions(command):
    """In user space."""
    said = run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    )
    return int(re.search(r"Collected : (\d+)", said.stderr)[1])


def system_calls(command):
    with tempfile.NamedTemporaryFile("r") as table:
        run(["strace", "-f", "-c", "-o", table.name, *command])
        # The number before the one of errors, which may be missing, and "total".
        total = re.search(r"^100\.00 .*total$", table.read(), re.MULTILINE)[0]
    return int(total.split()[3])


def allocations(command):
    """By the library, as its settable allocator sees them."""
    return int(re.search(r"allocations=(\d+)", run([*command, "-A"]).stdout)[1])


def per_request(measure, command):
    return (measure(command(MANY)) - measure(command(FEW))) / (MANY - FEW)


def library_scenarios(build, server):
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


def program_scenarios(build, server, folder):
    """The program with lists of so many URLs; each run has files of its own."""
    runs = iter(range(sys.maxsize))

    def of(*words):
        def command(count):
            urls = folder / f"urls-{count}"
            urls.write_text(
                "".join(server.url(False, seed) + "\n" for seed in range(count))
            )
            out = [str(folder / f"out-{next(runs)}") if w == "OUT" else w for w in words]
            return [
                *(build.program("bench/ahttp"), "get", "-q", "--progress", "none"),
                *("--http1.1", "-j", "50", "--per-host", "50", "-i", str(urls)),
                *out,
            ]

        return command

    return {
        "ahttp get, to null": of("--out-null"),
        "ahttp get, to files": of("-P", "OUT", "-o", "{n:06}"),
    }


def count(build, server, folder):
    scenarios = {
        **library_scenarios(build, server),
        **program_scenarios(build, server, folder),
    }
    counts = {}
    for name, command in scenarios.items():
        counts[name] = {
            "instructions": round(per_request(instructions, command)),
            "system_calls": round(per_request(system_calls, command), 2),
        }
        if "callback" in command(1)[0]:
            counts[name]["allocations"] = round(per_request(allocations, command), 2)
    return counts


def print_counts(counts):
    print("| per request | instructions | system calls | allocations |")
    print("|---|---|---|---|")
    for name, got in counts.items():
        print(
            f"| {name} | {got['instructions']:,} | {got['system_calls']:.2f}"
            f" | {got.get('allocations', '')} |"
        )


# --- Cost by number. ---------------------------------------------------------


def scale(build, *words):
    said = run([build.program("bench/scale"), *map(str, words)]).stdout.split()
    return dict(zip(said[2::2], map(float, said[3::2])))


def cpu_times(build, modes):
    """Medians of some runs, in turn: a machine is not always as fast."""
    runs = {(mode, size): [] for mode in modes for size in SIZES}
    for _ in range(CURVE_RUNS):
        for (mode, size), times in runs.items():
            words = [mode, size] if mode == "cancel" else [mode, size, CURVE_REQUESTS]
            times.append(scale(build, *words)["cpu_us"])
    return {
        mode: [(size, statistics.median(runs[mode, size])) for size in SIZES]
        for mode in modes
    }


def counted(build, mode, size):
    def command(requests):
        return [build.program("bench/scale"), mode, str(size), str(requests)]

    more = instructions(command(2 * CURVE_COUNTED))
    return (more - instructions(command(CURVE_COUNTED))) / CURVE_COUNTED


def curves(build):
    modes = ("conns", "origins")
    return {
        "cpu_us": cpu_times(build, (*modes, "floor", "cancel")),
        "instructions": {
            mode: [(size, counted(build, mode, size)) for size in SIZES]
            for mode in modes
        },
    }


TITLES = {
    "conns": "a request, by connections",
    "origins": "a request, by origins",
    "floor": "the floor, by connections",
    "cancel": "a call canceled, by calls",
}


LABELS = {
    "conns": "connections",
    "origins": "origins",
    "floor": "the floor",
    "cancel": "cancels",
}


def print_curves(got, results):
    for unit, label in (("cpu_us", "CPU µs"), ("instructions", "instructions")):
        print(f"\n| {label} of | " + " | ".join(f"{s:,}" for s in SIZES) + " | last/first |")
        print("|---" * (len(SIZES) + 2) + "|")
        for mode, points in got[unit].items():
            cells = " | ".join(f"{y:,.2f}" if y < 100 else f"{y:,.0f}" for _, y in points)
            print(f"| {TITLES[mode]} | {cells} | {points[-1][1] / points[0][1]:.2f} |")
        named = {LABELS[mode]: points for mode, points in got[unit].items()}
        svg = plot.chart(f"Cost by number: {label}", "how many", label, named)
        name = f"scale-{unit.removesuffix('_us')}.svg"
        (results / name).write_text(svg, encoding="utf-8")


# --- Memory and start-up. ----------------------------------------------------


def memory(build, server):
    held = scale(build, "held", 1000)
    tls = scale(build, "idle", 1000, server.url(True), server.ca_file)
    h1 = scale(build, "idle", 1000, server.url(False))
    return {
        "h1, idle": h1["kib_each"],
        "h1, waiting for a response": held["kib_each"],
        "TLS, idle": tls["kib_each"],
    }


def print_memory(got):
    print("\n| of 1000 connections, each | KiB |")
    print("|---|---|")
    for name, kib in got.items():
        print(f"| {name} | {kib:.1f} |")


def cpu_ms_of_one(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    )


def start_up(build, server):
    got = {}
    for name, secure in (("http", False), ("https", True)):
        command = [
            *(build.program("bench/ahttp"), "get", "-q", "--out-null"),
            *(("--cacert", server.ca_file) if secure else ()),
            server.url(secure),
        ]
        got[name] = {
            "cpu_ms": statistics.median(
                cpu_ms_of_one(command) for _ in range(START_RUNS)
            ),
            "instructions": instructions(command),
            "system_calls": system_calls(command),
        }
    return got


def print_start_up(got):
    print("\n| one GET as a process | CPU ms | instructions | system calls |")
    print("|---|---|---|---|")
    for name, cost in got.items():
        print(
            f"| {name} | {cost['cpu_ms']:.1f} | {cost['instructions']:,}"
            f" | {cost['system_calls']} |"
        )


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < DESCRIPTORS and hard != resource.RLIM_INFINITY:
        sys.exit(f"own.py: {DESCRIPTORS} descriptors are needed, {hard} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure(build, results, folder):
    server = Server(build, folder)
    try:
        own = {"counts": count(build, server, folder)}
        print_counts(own["counts"])
        own["memory"] = memory(build, server)
        print_memory(own["memory"])
        own["start_up"] = start_up(build, server)
        print_start_up(own["start_up"])
        own["curves"] = curves(build)
        print_curves(own["curves"], results)
    finally:
        server.stop()
    (results / "own.json").write_text(json.dumps(own, indent=1) + "\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    raise_descriptor_limit()
    os.environ["LC_ALL"] = "C"
    # Files in memory where that is possible: a disk has a noise of its own.
    memory_folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory_folder) as folder:
        measure(Build(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
