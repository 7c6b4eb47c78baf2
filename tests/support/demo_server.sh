# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# To be sourced: start_demo_server FOLDER starts tests/support/demo_server with
# its files in FOLDER and sets http_port, https_port and ca_file.  The server
# ends when the shell does, however that ends: its standard input closes.

start_demo_server() {
  ca_file=$1/ca.pem
  mkfifo "$1/stdin"
  exec 9<>"$1/stdin"
  "$top_builddir/tests/support/demo_server" --port-file "$1/ports" \
    --ca-file "$ca_file" <"$1/stdin" 9<&- &
  demo_server_pid=$!
  tries=0
  until grep -q 'https=' "$1/ports" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$demo_server_pid" 2>/dev/null; then
      echo "demo_server did not start" >&2
      return 1
    fi
    sleep 0.1
  done
  http_port=$(sed -n 's/.*http=\([0-9]*\).*/\1/p' "$1/ports")
  https_port=$(sed -n 's/.*https=\([0-9]*\).*/\1/p' "$1/ports")
}

stop_demo_server() {
  exec 9>&-
  wait "$demo_server_pid"
}
