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

"$examples/futures" "$url/100/1" >"$scratch/lines"
[ "$(cat "$scratch/lines")" = '100 responses, 10000 bytes' ]

# Many windows, so that credit is what moves them; and the disk may fail.
"$examples/download" "$url/20000000/1" "$scratch/file"
"$examples/get" "$url/20000000/1" 2>/dev/null | cmp - "$scratch/file"
if "$examples/download" "$url/20000000/1" /dev/full 2>"$scratch/status"; then
  echo "download wrote to a full disk"
  exit 1
fi
grep -q 'canceled' "$scratch/status"

"$examples/upload" "http://127.0.0.1:$http_port/echo" <"$scratch/file" \
  >"$scratch/lines"
[ "$(cat "$scratch/lines")" = 'status 200, 20000000 bytes' ]

"$top_builddir/libtool" --silent --tag=CC --mode=link "$CXX" -std=c++11 \
  -Wall -Wextra -Wpedantic -Werror -I"$top_srcdir/include" \
  "$top_srcdir/examples/modern.cc" -o "$scratch/modern" \
  "$top_builddir/libahttp.la" $TEST_LDFLAGS
"$scratch/modern" "$url/0/1" "$url/70000/2" >"$scratch/lines"
printf '200 0 bytes\n200 70000 bytes\n' | diff - "$scratch/lines"
if "$scratch/modern" nonsense 2>"$scratch/status"; then
  echo "modern fetched nonsense"
  exit 1
fi
grep -q nonsense "$scratch/status"

"$examples/mock" >"$scratch/lines"
diff - "$scratch/lines" <<END
busy: ok
done: ok
away: ok
PUT https://api.example/users/1: Ada
END

"$examples/custom_auth" >"$scratch/lines"
diff - "$scratch/lines" <<END
200 welcome, 2 requests so far
200 welcome, 3 requests so far
END

stop_demo_server
