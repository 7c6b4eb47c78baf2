#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install puts down is enough to build a program outside the tree:
# through pkg-config, as C99 and as C++11, and README's first program runs.
set -eux # the log shows where it stopped

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

unset MAKEFLAGS MFLAGS # of the make that runs the checks
"$MAKE" -C "$top_builddir" install DESTDIR="$scratch/root" \
  >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }

pc=$(find "$scratch/root" -name libahttp.pc)
prefix=$scratch/root$(sed -n 's/^prefix=//p' "$pc")
mode=--static
if [ -n "$(find "$scratch/root" -name 'libahttp.so')" ]; then
  mode=--shared
fi
flags() {
  "$PKG_CONFIG" --define-variable=prefix="$prefix" $mode "$@" "$pc"
}
libdir=$("$PKG_CONFIG" --define-variable=prefix="$prefix" --variable=libdir "$pc")

for header in ahttp call client error request response types url version; do
  if ! [ -f "$prefix/include/ahttp/$header.h" ]; then
    echo "ahttp/$header.h is not installed"
    exit 1
  fi
done

mkdir "$scratch/outside"
cd "$scratch/outside"
cp "$top_srcdir/examples/get.c" get.c
# shellcheck disable=SC2046,SC2086
$CC $TEST_LDFLAGS -std=c99 -pedantic -Wall -Wextra -Werror $(flags --cflags) \
  get.c -o get $(flags --libs)
cp get.c get.cc
# shellcheck disable=SC2046,SC2086
$CXX $TEST_LDFLAGS -std=c++11 -pedantic -Wall -Wextra -Werror \
  $(flags --cflags) get.cc -o get_cc $(flags --libs)

. "$top_srcdir/tests/support/demo_server.sh"
start_demo_server "$scratch"
for program in ./get ./get_cc; do
  LD_LIBRARY_PATH=$libdir $program "http://127.0.0.1:$http_port/b/1234/5" \
    2>/dev/null >body
  [ "$(wc -c <body)" -eq 1234 ]
done
stop_demo_server

# The installed program needs no build folder.
LD_LIBRARY_PATH=$libdir "$prefix/bin/ahttp" --version
for page in man1/ahttp.1 man3/libahttp.3; do
  if ! [ -f "$prefix/share/man/$page" ]; then
    echo "$page is not installed"
    exit 1
  fi
done
