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

# A peer that echoes what follows its 101, and ends with its standard input.
mkfifo "$scratch/hold"
exec 8<>"$scratch/hold"
"$PYTHON" -c '
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def serve():
    while True:
        conn, _ = server.accept()
        data = b""
        while b"\r\n\r\n" not in data:
            data += conn.recv(4096)
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\n"
                     b"Connection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while data := conn.recv(4096):
            conn.sendall(data)
        conn.close()
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
' <"$scratch/hold" 8<&- >"$scratch/port" &
echo_pid=$!
until [ -s "$scratch/port" ]; do
  kill -0 "$echo_pid"
  sleep 0.1
done
"$examples/upgrade" "http://127.0.0.1:$(cat "$scratch/port")/" echo one 'two 2' \
  >"$scratch/lines"
printf 'one\ntwo 2\n' | diff - "$scratch/lines"
exec 8>&-
wait "$echo_pid"
if "$examples/upgrade" "$url/1/1" echo one 2>"$scratch/status"; then
  echo "upgrade succeeded with a server that does not"
  exit 1
fi
grep -q '^no upgrade' "$scratch/status"

stop_demo_server
