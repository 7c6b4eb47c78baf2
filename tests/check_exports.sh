#!/bin/sh
# SPDX-License-Identifier: MIT
# The library exports what the public headers declare AHTTP_EXTERN, and nothing
# else; a static library has no global name without our prefixes.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat "$top_srcdir"/include/ahttp/*.h | tr '\n' ' ' |
  grep -o 'AHTTP_EXTERN[^;(]*(' |
  sed -n 's/.*[ *]\(ahttp_[a-z0-9_]*\) *($/\1/p' | sort >"$scratch/declared"
if ! [ -s "$scratch/declared" ]; then
  echo "no AHTTP_EXTERN found in the headers"
  exit 1
fi

library=$top_builddir/.libs/libahttp.so
if [ -f "$library" ]; then
  $NM -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
    sed 's/@.*//' | sort >"$scratch/exported"
  diff "$scratch/declared" "$scratch/exported" || {
    echo "< declared in include/ahttp, > exported by libahttp.so"
    exit 1
  }
else
  $NM -g --defined-only "$top_builddir/.libs/libahttp.a" |
    awk 'NF == 3 { print $3 }' | sort >"$scratch/exported"
  if grep -vE '^(ah|ahttp)_' "$scratch/exported" | grep -v '^__'; then
    echo "global names without our prefix in libahttp.a"
    exit 1
  fi
  comm -23 "$scratch/declared" "$scratch/exported" >"$scratch/missing"
  if [ -s "$scratch/missing" ]; then
    echo "declared in include/ahttp and missing in libahttp.a:"
    cat "$scratch/missing"
    exit 1
  fi
fi
