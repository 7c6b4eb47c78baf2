#!/bin/sh
# SPDX-License-Identifier: MIT
# Counts what make check ran in the build folders given: the cases of the cmocka
# programs and of pytest, and one for each script.  Ends with the line
# "N passed, N failed"; exit status 1 if a test failed or was skipped.
set -eu

find "$@" -path '*/libahttp-[0-9]*' -prune -o -name '*.trs' -print |
  LC_ALL=C sort | while read -r trs; do
  log=${trs%.trs}.log
  result=$(sed -n 's/^:test-result: *//p' "$trs" | head -n 1)
  awk -v result="$result" -v name="${log#"$1"/}" '
    /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
    /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
    /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
    /^=+ .* in [0-9.]+s.* =+$/ {
      for (i = 2; i < NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^(failed|error|errors),?$/) failed += $(i - 1)
        if ($i ~ /^(skipped|xfailed|xpassed)/) skipped += $(i - 1)
      }
    }
    END {
      if (result == "SKIP" || result == "") skipped++
      else if (result != "PASS" && failed == 0) failed = 1
      else if (passed + failed == 0) passed = 1
      print passed + 0, failed + 0, skipped + 0, name
    }' "$log"
done | awk '
  { passed += $1; failed += $2; skipped += $3; programs++ }
  $2 > 0 { print "failed: " $4 }
  $3 > 0 { print "skipped: " $4 }
  END {
    print programs + 0 " test programs, " skipped + 0 " skipped tests"
    print passed + 0 " passed, " failed + 0 " failed"
    exit failed > 0 || skipped > 0 || programs == 0
  }'
