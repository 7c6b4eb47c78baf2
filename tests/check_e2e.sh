#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the end-to-end tests of the program with pytest.  Nothing is written to
# the source tree.
set -eu

export PYTHONDONTWRITEBYTECODE=1
export AHTTP="$top_builddir/ahttp"
export DEMO_SERVER="$top_builddir/tests/support/demo_server"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
"$PYTHON" -m pytest -p no:cacheprovider -rA --color=no --tb=short \
  --basetemp="$scratch/tmp" --rootdir="$top_srcdir/tests/e2e" \
  "$top_srcdir/tests/e2e"
