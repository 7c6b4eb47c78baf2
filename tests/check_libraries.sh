#!/bin/sh
# SPDX-License-Identifier: MIT
# libahttp.so is linked with what every request may need and nothing else; the
# libraries that it loads when it needs them are in its notes for packagers.
set -eu

library=$top_builddir/.libs/libahttp.so
if ! [ -f "$library" ]; then
  echo "there is no shared library"
  exit 77
fi

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

found=$(readelf -d "$library" | strangers)
if [ -n "$found" ]; then
  echo "libahttp.so is linked with:"
  echo "$found"
  exit 1
fi

# Every soname that configure found has a note, and the notes are well-formed.
sonames=$(sed -n 's/^#define [A-Z0-9]*_SONAME "\(.*\)"$/\1/p' \
  "$top_builddir/config.h")
count=0
for soname in $sonames; do
  count=$((count + 1))
  readelf -p .note.dlopen "$library" |
    grep -qF "[{\"soname\":[\"$soname\"],\"feature\":\"" || {
    echo "libahttp.so has no note about $soname"
    exit 1
  }
done
noted=$(readelf -n "$library" 2>&1 | grep -c '^  FDO ' || :)
if [ "$noted" -ne "$count" ]; then
  echo "libahttp.so has $noted notes about $count libraries"
  readelf -n "$library"
  exit 1
fi
