#!/bin/sh
# SPDX-License-Identifier: MIT
# The program and libahttp.so are linked with what every request may need and
# nothing else; the libraries that they load when they need them are in their
# notes for packagers.
set -eu

# Prints the libraries of a dynamic section that are not expected; sanitizers
# bring some of their own.
strangers() {
  sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' |
    grep -vE '^lib(uv|nghttp2|ssl|crypto|cares|z|c|dl)\.so\.' |
    grep -vE '^lib([alt]san|ubsan|gcc_s|m|pthread)\.so\.|^ld-linux' || :
}

sample=' 0x1 (NEEDED)  Shared library: [libz.so.1]
 0x1 (NEEDED)  Shared library: [libzstd.so.1]'
if [ "$(echo "$sample" | strangers)" != libzstd.so.1 ]; then
  echo "a library too many was not noticed"
  exit 1
fi

# Prints what is wrong with the file $1.
check() {
  found=$(readelf -d "$1" | strangers)
  if [ -n "$found" ]; then
    echo "$1 is linked with:"
    echo "$found"
  fi
  # Every soname that configure found has a note, and the notes are well-formed.
  count=0
  for soname in $sonames; do
    count=$((count + 1))
    readelf -p .note.dlopen "$1" |
      grep -qF "[{\"soname\":[\"$soname\"],\"feature\":\"" ||
      echo "$1 has no note about $soname"
  done
  noted=$(readelf -n "$1" 2>&1 | grep -c '^  FDO ' || :)
  if [ "$noted" -ne "$count" ]; then
    echo "$1 has $noted notes about $count libraries"
    readelf -n "$1"
  fi
}

sonames=$(sed -n 's/^#define [A-Z0-9]*_SONAME "\(.*\)"$/\1/p' \
  "$top_builddir/config.h")
wrong=$(check "$top_builddir/ahttp")
if [ -f "$top_builddir/.libs/libahttp.so" ]; then # else it was not asked for
  wrong=$wrong$(check "$top_builddir/.libs/libahttp.so")
fi
if [ -n "$wrong" ]; then
  echo "$wrong"
  exit 1
fi
