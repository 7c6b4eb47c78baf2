#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sums the peer harness's records up: how far we are from the floor, and how
far the others are.

  table.py RECORDS.jsonl   the table, in Markdown
  table.py --cells         a pattern of the cells it is made of

Ratios are those of the client's CPU time, by round, and of these the median.
The floor is a minimal client that sends the same bytes: "raw", for HTTP/2 to a
server that writes responses one by one the same on nghttp2.
"""

import collections
import json
import statistics
import sys

RAW, NGHTTP2 = "raw", "nghttp2-floor"
CURL, MULTI = "curl", "curlmulti-good"
OTHERS = ("wrk", "h2load", MULTI, CURL, "aria2c", "wget2")
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


def read_costs(path):
    """CPU seconds a request, by cell, client and round."""
    runs = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            key = record["cell"], record["client"], record["round"]
            if record["ok"]:
                runs[key][record["kind"]] = record
    costs = collections.defaultdict(lambda: collections.defaultdict(dict))
    for (cell, client, round_), kinds in runs.items():
        full, base = kinds.get("full"), kinds.get("base")
        if full is None:
            continue
        cpu, count = full["cpu"], full["n"]
        if base is not None and base["n"] < count:
            cpu, count = cpu - base["cpu"], count - base["n"]
        costs[cell][client][round_] = cpu / count
    return costs


def ratio(costs, client, floor):
    pairs = [
        costs[client][i] / costs[floor][i]
        for i in costs.get(client, {})
        if costs.get(floor, {}).get(i, 0) > 0
    ]
    return statistics.median(pairs) if pairs else None


def shown(value):
    return "" if value is None else f"{value:.2f}"


def verdict(row, value):
    if value is None:
        return "not measured"
    if value <= row.best:
        return "best"
    return "must" if value <= row.must else "missed"


def print_table(costs):
    print("| scenario | µs, ours | ratio to floor | must | best | reached | "
          + " | ".join(OTHERS) + " |")
    print("|---" * (6 + len(OTHERS)) + "|")
    for row in ROWS:
        cell = costs.get(row.cell, {})
        ours = cell.get(row.ours, {})
        value = ratio(cell, row.ours, row.floor)
        mean = f"{statistics.median(ours.values()) * 1e6:,.1f}" if ours else ""
        others = " | ".join(shown(ratio(cell, name, row.floor)) for name in OTHERS)
        print(f"| {row.label} | {mean} | {shown(value)} | {row.must:g} "
              f"| {row.best:g} | {verdict(row, value)} | {others} |")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--cells":
        print("|".join(f"^{row.cell}$" for row in ROWS))
    else:
        print_table(read_costs(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
