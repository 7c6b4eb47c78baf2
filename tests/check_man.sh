#!/bin/sh
# SPDX-License-Identifier: MIT
# The man pages are clean, every public function has its place in one, and
# ahttp.1 has every option, outcome and class of errors of the program.
set -eu
man=$top_srcdir/man

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

for page in "$man"/*.[13]; do
  # Stub pages (.so) have nothing to check but that what they name is there.
  if grep -q '^\.so ' "$page"; then
    target=$(sed -n 's/^\.so man3\///p' "$page")
    [ -f "$man/$target" ] || { echo "$page: no $target"; failures=1; }
    continue
  fi
  mandoc -Tlint -Wwarning "$page" || failures=1
done

cat "$top_srcdir"/include/ahttp/*.h | tr '\n' ' ' |
  grep -o 'AHTTP_EXTERN[^;(]*(' |
  sed -n 's/.*[ *]\(ahttp_[a-z0-9_]*\) *($/\1/p' | sort >"$scratch/functions"
grep -hoE '^\.Fo ahttp_[a-z0-9_]+' "$man"/*.3 |
  sed 's/^....//' | sort -u >"$scratch/described"
if ! diff "$scratch/functions" "$scratch/described"; then
  echo "< public functions, > functions in the synopses of man/*.3"
  failures=1
fi

{
  "$top_builddir/ahttp" --help
  "$top_builddir/ahttp" get --help
} | grep -oE -e '(^|[ ,/])--?[A-Za-z0-9][A-Za-z0-9.-]*' |
  sed 's/^[ ,/]*//' | sort -u >"$scratch/options"
[ -s "$scratch/options" ]
mandoc -Tascii "$man/ahttp.1" | sed "s/.$(printf '\b')//g" >"$scratch/ahttp.txt"
while read -r option; do
  if ! grep -qE -e "(^|[ ,/|])$option([ ,:;=|.)]|\$)" "$scratch/ahttp.txt"; then
    echo "ahttp.1 does not tell of $option"
    failures=1
  fi
done <"$scratch/options"

# The words that scripts may rely on.
sed -n 's/^  X([A-Z0-9_]*, "\([a-z0-9._]*\)".*/\1/p' "$top_srcdir/cli/classes.h" \
  >"$scratch/words"
[ -s "$scratch/words" ]
while read -r word; do
  if ! grep -qF "$word" "$scratch/ahttp.txt" && [ "$word" != none ]; then
    echo "ahttp.1 does not tell of the outcome or class $word"
    failures=1
  fi
done <"$scratch/words"

exit $failures
