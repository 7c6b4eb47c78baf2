#!/bin/sh
# SPDX-License-Identifier: MIT
# make bench: counts what can be counted (own.py), then measures us against
# other clients with the peer harness, if that is beside the sources or BENCH
# names its folder.  Words on the command line go to the harness.
#   ROUNDS=N         rounds of the harness (3)
#   PEERS=A,B,...    its clients
#   CELLS=REGEX      its cells
set -eu

bench=$(cd "$(dirname "$0")" && pwd)
build=${top_builddir:-.}
results=$build/bench/results
mkdir -p "$results"

"${PYTHON:-python3}" "$bench/own.py" "$build" "$results" | tee "$results/own.md"

BENCH=${BENCH:-$bench/../../shared/bench}
if [ ! -x "$BENCH/run.sh" ]; then
  echo "bench: no peer harness in $BENCH; other clients were not measured"
  exit 0
fi

# The harness splits commands at blanks: a folder without any.
AHTTP_BIN=$(mktemp -d)
trap 'rm -rf "$AHTTP_BIN"' EXIT
for name in ahttp blocking callback; do
  ln -s "$(realpath "$build/bench/$name")" "$AHTTP_BIN/"
done
${CC:-cc} -shared -fPIC -o "$AHTTP_BIN/no_resumption.so" \
  "$bench/no_resumption.c"

export BENCH AHTTP_BIN CLIENTS="$bench/clients"
"$BENCH/run.sh" --rounds "${ROUNDS:-3}" --out "$results/peers.jsonl" \
  --cells "${CELLS:-$("${PYTHON:-python3}" "$bench/table.py" --cells)}" \
  --clients "${PEERS:-raw,libuv-floor,nghttp2-floor,wrk,h2load,curlmulti-good,curl,aria2c,wget2,ahttp,ahttp-callback,ahttp-blocking}" \
  "$@"
"$BENCH/report.py" "$results/peers.jsonl" >"$results/peers.md"
"${PYTHON:-python3}" "$bench/table.py" "$results/peers.jsonl" |
  tee "$results/table.md"
