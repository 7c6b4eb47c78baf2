#!/bin/sh
# SPDX-License-Identifier: MIT
# Includes point down only: cli -> client -> transport -> net, http -> base.
# Tries itself first on a tree with forbidden includes.
set -eu

# Prints the quoted folders that a folder's files may include.
rooms_below() {
  case $1 in
  lib/base) echo 'base' ;;
  lib/http) echo 'base|http' ;;
  lib/net) echo 'base|net' ;;
  lib/transport) echo 'base|http|net|transport' ;;
  lib/client) echo 'base|http|net|transport|client' ;;
  cli) echo 'cli' ;;
  include/ahttp) echo 'none' ;;
  esac
}

# Prints the foreign headers that a file must not include, as a pattern.
foreign_headers() {
  case $1 in
  lib/http/h2_session.c) echo 'uv\.|ares|openssl/' ;;
  lib/http/digest.c) echo 'uv\.|ares|nghttp2/' ;;
  lib/base/* | lib/http/*) echo 'uv\.|ares|openssl/|nghttp2/' ;;
  lib/client/version.c) echo 'none' ;; # names the version of each
  lib/net/* | lib/transport/* | lib/client/*) echo 'nghttp2/' ;;
  cli/*) echo 'ares|nghttp2/' ;;
  include/ahttp/*) echo 'uv\.|ares|openssl/|nghttp2/' ;;
  esac
}

# lib/base and lib/http do no input and output.
socket_headers='sys/socket|netdb|netinet|arpa/|poll\.h|sys/epoll'

# Prints every forbidden include of the tree $1.
violations() (
  cd "$1"
  for folder in include/ahttp lib/base lib/http lib/net lib/transport \
    lib/client cli; do
    for file in "$folder"/*.[ch]; do
      [ -f "$file" ] || continue
      grep -HnE '^ *# *include "' "$file" |
        grep -vE "include \"(($(rooms_below "$folder"))/[a-z0-9_]+|config)\.h\"" || :
      grep -HnE "^ *# *include <($(foreign_headers "$file"))" "$file" || :
      case $folder in
      lib/base | lib/http)
        grep -HnE "^ *# *include <($socket_headers)" "$file" || :
        ;;
      esac
    done
  done
)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# expect_violation FILE INCLUDE
expect_violation() {
  rm -rf "$scratch/tree"
  mkdir -p "$scratch/tree/$(dirname "$1")"
  printf '#include "config.h"\n#include %s\n' "$2" >"$scratch/tree/$1"
  if [ -z "$(violations "$scratch/tree")" ]; then
    echo "$2 in $1 was not noticed"
    exit 1
  fi
}
expect_violation lib/base/buf.c '"http/url.h"'
expect_violation lib/base/buf.c '<uv.h>'
expect_violation lib/http/url.c '"net/loop.h"'
expect_violation lib/http/url.c '<ares.h>'
expect_violation lib/http/url.c '<sys/socket.h>'
expect_violation lib/http/h1_reader.c '<nghttp2/nghttp2.h>'
expect_violation lib/net/loop.c '"http/url.h"'
expect_violation lib/transport/pool.c '"client/call.h"'
expect_violation lib/transport/h2_connection.c '<nghttp2/nghttp2.h>'
expect_violation cli/main.c '"base/buf.h"'
expect_violation include/ahttp/client.h '<uv.h>'

found=$(violations "$top_srcdir")
if [ -n "$found" ]; then
  echo "includes that point up or out:"
  echo "$found"
  exit 1
fi
