#!/bin/sh
# SPDX-License-Identifier: MIT
# make bench: counts what can be counted (own.py), then measures us against
# other clients with the peer harness, if that is beside the sources or BENCH
# names its folder.  Words on the command line go to the harness.
#   ROUNDS=N         rounds of the harness (5)
#   PEERS=A,B,...    its clients
#   CELLS=REGEX      its cells
#   OWN=no           leaves our own part out, for a look at a cell
set -eu

bench=$(cd "$(dirname "$0")" && pwd)
build=${top_builddir:-.}
results=$build/bench/results
python=${PYTHON:-python3}
mkdir -p "$results"
rm -f "$results/peers.jsonl" # the harness appends
export PYTHONDONTWRITEBYTECODE=1

if [ "${OWN:-yes}" = yes ]; then
  for tool in valgrind strace; do
    command -v "$tool" >/dev/null || {
      echo "bench: $tool is needed (Debian: apt install $tool)" >&2
      exit 1
    }
  done
  "$python" "$bench/own.py" "$build" "$results" >"$results/own.md"
  cat "$results/own.md"
fi

BENCH=${BENCH:-$bench/../../shared/bench}
if [ ! -x "$BENCH/run.sh" ]; then
  echo "bench: no peer harness in $BENCH; other clients were not measured"
else
  # The harness splits commands at blanks: a folder without any.
  AHTTP_BIN=$(mktemp -d)
  trap 'rm -rf "$AHTTP_BIN"' EXIT
  for name in ahttp blocking callback; do
    ln -s "$(realpath "$build/bench/$name")" "$AHTTP_BIN/"
  done
  ${CC:-cc} -shared -fPIC -o "$AHTTP_BIN/no_resumption.so" \
    "$bench/no_resumption.c"

  export BENCH AHTTP_BIN CLIENTS="$bench/clients"
  "$BENCH/run.sh" --rounds "${ROUNDS:-5}" --out "$results/peers.jsonl" \
    --cells "${CELLS:-$("$python" "$bench/table.py" --cells)}" \
    --clients "${PEERS:-raw,libuv-floor,nghttp2-floor,wrk,h2load,curlmulti-good,curl,aria2c,wget2,ahttp,ahttp-callback,ahttp-blocking}" \
    "$@"
  "$BENCH/report.py" "$results/peers.jsonl" >"$results/peers.md"
  "$python" "$bench/table.py" "$results/peers.jsonl" >"$results/table.md"
  cat "$results/table.md"
fi

if [ -f "$results/own.json" ]; then
  printf '\nFor history.md:\n'
  "$python" "$bench/history.py" "$results"
fi
