#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches 1,000 URLs of mixed size over each protocol from the demo server and
# verifies every body.  Wants $top_srcdir and $top_builddir.
set -eu

url_count=1000
. "$top_srcdir/tests/support/demo_server.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
start_demo_server "$scratch"

# Sizes from 0 to 64 KiB, every tenth body empty; the seed is the line's number
# and names the file.
make_list() {
  awk -v base="$1" -v count="$url_count" 'BEGIN {
    for (i = 1; i <= count; i++) {
      size = i % 10 == 0 ? 0 : (i * i * 7919) % 65537
      print base "/b/" size "/" i
    }
  }'
}

# fetch NAME URL-BASE OPTION...
fetch() {
  name=$1
  base=$2
  shift 2
  folder=$scratch/$name
  mkdir "$folder"
  printf '\n== %s: %d URLs from %s\n' "$name" "$url_count" "$base"
  make_list "$base" >"$folder.list"
  status=0
  "$top_builddir/ahttp" get -i "$folder.list" -j 64 -P "$folder" \
    --results "$folder.jsonl" "$@" || status=$?
  verify "$folder"
  if [ "$status" -ne 0 ]; then
    echo "ahttp ended with status $status" >&2
    failures=$((failures + 1))
  fi
}

# The records and files of the run in folder $1 are all there and right.
verify() {
  records=$(wc -l <"$1.jsonl")
  "$top_builddir/tests/support/demo_server" --print-digests "$1.list" |
    sed 's|  .*/|  |' >"$1.sha256"
  right=$( (cd "$1" && sha256sum -c "$1.sha256" 2>/dev/null || :) |
    grep -c ': OK$' || :)
  printf '%d records, %d of %d bodies verified by SHA-256\n' "$records" \
    "$right" "$url_count"
  if [ "$records" -ne "$url_count" ] || [ "$right" -ne "$url_count" ]; then
    failures=$((failures + 1))
  fi
}

failures=0
fetch http1.1 "http://127.0.0.1:$http_port" --http1.1
fetch tls-http1.1 "https://localhost:$https_port" --http1.1 --cacert "$ca_file"
fetch tls-http2 "https://localhost:$https_port" --http2 --cacert "$ca_file"
stop_demo_server

if [ "$failures" -ne 0 ]; then
  echo "demo: failed" >&2
  exit 1
fi
printf '\ndemo: every body of 3 x %d URLs arrived\n' "$url_count"
