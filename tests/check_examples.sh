#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples do what they say, against the demo server.
set -eux # the log shows where it stopped

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$top_srcdir/tests/support/demo_server.sh"
start_demo_server "$scratch"
examples=$top_builddir/examples
url=http://127.0.0.1:$http_port/b

"$examples/get" "$url/5000/1" >"$scratch/body" 2>"$scratch/status"
[ "$(wc -c <"$scratch/body")" -eq 5000 ]
[ "$(cat "$scratch/status")" = 'status 200' ]
if "$examples/get" "http://127.0.0.1:1/" 2>"$scratch/status"; then
  echo "get succeeded without a server"
  exit 1
fi
grep -q '^EREFUSED: ' "$scratch/status"

"$examples/callback" "$url/0/1" "$url/70000/2" "$url/1/3" | sort \
  >"$scratch/lines"
cat >"$scratch/expected" <<END
200 0 bytes $url/0/1
200 1 bytes $url/1/3
200 70000 bytes $url/70000/2
END
sort "$scratch/expected" | diff - "$scratch/lines"
if "$examples/callback" "$url/1/1" "nonsense" >"$scratch/lines"; then
  echo "callback succeeded with a bad URL"
  exit 1
fi
grep -q '^EURL: nonsense$' "$scratch/lines"

stop_demo_server
