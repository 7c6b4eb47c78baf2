#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs that README.md shows are the files of examples/, which make
# check builds and runs.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Prints the code block that follows the comment <!-- FILE -->.
shown() {
  awk -v marker="<!-- $1 -->" '
    $0 == marker { wanted = 1 }
    wanted && /^```/ { if (inside) exit; inside = 1; next }
    inside { print }' "$top_srcdir/README.md"
}

for example in examples/get.c examples/callback.c; do
  sed 1d "$top_srcdir/$example" >"$scratch/file" # but for the licence
  shown "$example" >"$scratch/shown"
  if ! diff "$scratch/file" "$scratch/shown"; then
    echo "README.md shows another $example"
    exit 1
  fi
done
