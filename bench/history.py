#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints a line for history.md about the run whose results are in a folder.

  history.py RESULT_DIR

The folder has own.json, and peers.jsonl if the peer harness was there.
"""

import datetime
import json
import pathlib
import platform
import re
import subprocess
import sys

import table

# The columns of history.md: scenarios of own.py, then rows of table.py.
COUNTED = ("h1", "h1 over TLS", "h2 over TLS, 1x100", "ahttp get, to null")
RATIOS = (
    "a1 h1, 100",
    "a2 TLS, 100",
    "a3 h2, 1x100",
    "d1 list, h1",
    "d2 files, h1",
    "g one GET",
    "h blocking, h1",
)


def said(*command):
    done = subprocess.run(
        command,
        cwd=pathlib.Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def commit():
    """"+" behind it: the tree had changes."""
    changed = said("git", "status", "--porcelain", "--untracked-files=no") != ""
    return (said("git", "rev-parse", "--short", "HEAD") or "?") + "+" * changed


def machine():
    found = re.search(
        r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M
    )
    name = found[1] if found else platform.machine()
    return f"{name}, Linux {platform.release().split('-')[0]}"


def ratios(records):
    if not records.exists():
        return [""] * len(RATIOS)
    runs = table.read_runs(records)
    rows = {row.label: row for row in table.ROWS}
    return [
        table.shown(
            table.cost_ratio(
                runs.get(rows[name].cell, {}), rows[name].ours, rows[name].floor
            )
        )
        for name in RATIOS
    ]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    results = pathlib.Path(sys.argv[1])
    counts = json.loads((results / "own.json").read_text())["counts"]
    cells = [
        datetime.date.today().isoformat(),
        commit(),
        machine(),
        *(f"{counts[name]['instructions']:,}" for name in COUNTED),
        *ratios(results / "peers.jsonl"),
    ]
    print("| " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
