#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sums the peer harness's records up: how far we are from the floor, and how
far the others are.

  table.py RECORDS.jsonl   the tables, in Markdown
  table.py --cells         a pattern of the cells they are made of

Ratios are taken by round, and of these the median.  The floor is a minimal
client that sends the same bytes: "raw", for HTTP/2 to a server that writes
responses one by one the same on nghttp2.
"""

import collections
import json
import statistics
import sys

RAW, NGHTTP2 = "raw", "nghttp2-floor"
CURL, MULTI = "curl", "curlmulti-good"
GENERAL = (MULTI, CURL, "aria2c", "wget2")
OTHERS = ("wrk", "h2load", *GENERAL)
CALLBACK, BLOCKING, PROGRAM = "ahttp-callback", "ahttp-blocking", "ahttp"

Row = collections.namedtuple("Row", "label cell ours floor must best")

ROWS = [
    Row("a1 h1, 10", "a-h1-nginx-c10", CALLBACK, RAW, 1.4, 1.2),
    Row("a1 h1, 100", "a-h1-nginx-c100", CALLBACK, RAW, 1.4, 1.2),
    Row("a1 h1, 1000", "a-h1-nginx-c1000", CALLBACK, RAW, 1.4, 1.2),
    Row("a2 TLS, 10", "a-h1s-nginx-c10", CALLBACK, RAW, 1.3, 1.08),
    Row("a2 TLS, 100", "a-h1s-nginx-c100", CALLBACK, RAW, 1.3, 1.08),
    Row("a2 TLS, 1000", "a-h1s-nginx-c1000", CALLBACK, RAW, 1.3, 1.08),
    Row("a3 h2, 1x100", "a-h2-nginx-1x100", CALLBACK, NGHTTP2, 1.5, 1.15),
    Row("a3 h2, 10x10", "a-h2-nginx-10x10", CALLBACK, NGHTTP2, 1.5, 1.15),
    Row("a3 h2, 10x100", "a-h2-nginx-10x100", CALLBACK, NGHTTP2, 1.5, 1.15),
    Row("a4 h2, h2o", "a-h2-h2o-1x100", CALLBACK, NGHTTP2, 3.6, 1.8),
    Row("a4 h2c, nghttpd", "a-h2c-nghttpd-1x100", CALLBACK, NGHTTP2, 3.6, 1.8),
    Row("a5 16 KB, h1", "a-h1-nginx-16k-c100", CALLBACK, RAW, 1.4, 1.15),
    Row("a5 16 KB, h2", "a-h2-nginx-16k-1x100", CALLBACK, NGHTTP2, 1.4, 1.15),
    Row("b1 new, 1", "b-new-h1-nginx-c1", CALLBACK, RAW, 1.3, 1.1),
    Row("b1 new, 100", "b-new-h1-nginx-c100", CALLBACK, RAW, 1.3, 1.1),
    Row("b2 new TLS, 1", "b-new-h1s-nginx-c1", CALLBACK, RAW, 1.1, 1.02),
    Row("b2 new TLS, 100", "b-new-h1s-nginx-c100", CALLBACK, RAW, 1.1, 1.02),
    Row("b3 resumed, 1", "b-new-h1s-resume-nginx-c1", CALLBACK, RAW, 1.3, 1.08),
    Row("b3 resumed, 100", "b-new-h1s-resume-nginx-c100", CALLBACK, RAW, 1.3, 1.08),
    Row("c 1 GB, h1", "c-bulk-h1", PROGRAM, RAW, 1.1, 1.05),
    Row("c 1 GB, TLS", "c-bulk-h1s", PROGRAM, RAW, 1.1, 1.03),
    Row("c 1 GB, h2", "c-bulk-h2", PROGRAM, RAW, 1.1, 1.03),
    Row("d1 list, h1", "d-list10k-h1-null-c50", PROGRAM, RAW, 1.75, 1.4),
    Row("d1 list, TLS", "d-list10k-h1s-null-c50", PROGRAM, RAW, 1.75, 1.4),
    Row("d1 list, h2", "d-list10k-h2-null-c50", PROGRAM, RAW, 1.75, 1.4),
    Row("d1 list, h2o", "d-list10k-h2o-null-c100", PROGRAM, NGHTTP2, 4.0, 2.06),
    Row("d2 files, h1", "d-list10k-h1-files-c50", PROGRAM, RAW, 1.3, 1.15),
    Row("d2 files, TLS", "d-list10k-h1s-files-c50", PROGRAM, RAW, 1.3, 1.15),
    Row("f 1 GB up, h1", "f-upload-h1-nginx", CALLBACK, RAW, 1.3, 1.1),
    Row("f 1 GB up, TLS", "f-upload-h1s", CALLBACK, RAW, 1.15, 1.05),
    Row("f 1 GB up, h2", "f-upload-h2", CALLBACK, NGHTTP2, 1.15, 1.05),
    Row("g one GET", "g-one-h1", PROGRAM, RAW, 1.53, 1.24),
    Row("g one GET, TLS", "g-one-h1s", PROGRAM, RAW, 1.45, 1.26),
    Row("h blocking, h1", "h-seq-h1-nginx", BLOCKING, RAW, 1.17, 1.08),
    Row("h blocking, TLS", "h-seq-h1s-nginx", BLOCKING, RAW, 1.17, 1.08),
]


def read_runs(path):
    """The records by cell, client, round and kind ("full", "base")."""
    runs = collections.defaultdict(lambda: collections.defaultdict(dict))
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if record["ok"]:
                rounds = runs[record["cell"]][record["client"]]
                rounds.setdefault(record["round"], {})[record["kind"]] = record
    return runs


def each(kinds, key):
    """What one request cost of |key|, start-up subtracted where that was run."""
    full, base = kinds["full"], kinds.get("base")
    if base is not None and base["n"] < full["n"]:
        return (full[key] - base[key]) / (full["n"] - base["n"])
    return full[key] / full["n"]


def peak(kinds, key):
    return kinds["full"][key]


def values(cell, client, measure, key):
    """By round."""
    rounds = cell.get(client, {})
    return {i: measure(kinds, key) for i, kinds in rounds.items() if "full" in kinds}


def ratio(ours, theirs):
    pairs = [ours[i] / theirs[i] for i in ours if theirs.get(i, 0) > 0]
    return statistics.median(pairs) if pairs else None


def cost_ratio(cell, client, floor):
    return ratio(values(cell, client, each, "cpu"), values(cell, floor, each, "cpu"))


def shown(value):
    return "" if value is None else f"{value:.2f}"


def verdict(row, value):
    if value is None:
        return "not measured"
    if value <= row.best:
        return "best"
    return "must" if value <= row.must else "missed"


def print_costs(runs):
    print("CPU time of a request (of all of a run in c, d, f and g), as a ratio to "
          "the floor's:\n")
    print("| scenario | µs, ours | ours | must | best | reached | "
          + " | ".join(OTHERS) + " |")
    print("|---" * (6 + len(OTHERS)) + "|")
    for row in ROWS:
        cell = runs.get(row.cell, {})
        ours = values(cell, row.ours, each, "cpu")
        value = cost_ratio(cell, row.ours, row.floor)
        median = f"{statistics.median(ours.values()) * 1e6:,.1f}" if ours else ""
        others = " | ".join(
            shown(cost_ratio(cell, name, row.floor)) for name in OTHERS)
        print(f"| {row.label} | {median} | {shown(value)} | {row.must:g} "
              f"| {row.best:g} | {verdict(row, value)} | {others} |")


def print_against(runs):
    """CPU time, wall time and peak memory against each general client."""
    print("\nOurs as a ratio to theirs, CPU time / wall time / peak memory; below 1 "
          "we are ahead:\n")
    print("| scenario | " + " | ".join(GENERAL) + " |")
    print("|---" * (1 + len(GENERAL)) + "|")
    for row in ROWS:
        cell = runs.get(row.cell, {})
        found = []
        for name in GENERAL:
            ratios = [
                ratio(values(cell, row.ours, measure, key),
                      values(cell, name, measure, key))
                for measure, key in ((each, "cpu"), (each, "wall"), (peak, "rss_kb"))
            ]
            found.append("" if None in ratios else " / ".join(map(shown, ratios)))
        print(f"| {row.label} | " + " | ".join(found) + " |")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--cells":
        print("|".join(f"^{row.cell}$" for row in ROWS))
    else:
        runs = read_runs(sys.argv[1])
        print_costs(runs)
        print_against(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
