#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file of the tree is in the lists of Makefile.am, and the check notices
# when one is not.
set -eu

tool=$top_srcdir/tools/sources.py
export PYTHONDONTWRITEBYTECODE=1
"$PYTHON" "$tool" --check "$top_srcdir"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lib/base"
cp "$top_srcdir/Makefile.am" "$scratch/"
: >"$scratch/lib/base/unlisted.c"
if "$PYTHON" "$tool" --check "$scratch" >"$scratch/out"; then
  echo "an unlisted file was not noticed"
  exit 1
fi
grep -q 'lib/base/unlisted.c is not listed' "$scratch/out"
