#!/bin/sh
# SPDX-License-Identifier: MIT
# The rules of the house that a pattern can find.  Tries itself first on a file
# that breaks them.
set -eu

# Prints what it reads under the heading $1, if there is anything.
complain() {
  sed "s|^|$1: |"
}

# The C files below the given folders.
sources() {
  find "$@" -name '*.[ch]' 2>/dev/null | LC_ALL=C sort
}

# Prints the code of the files named on standard input, without comments and
# strings, as FILE:LINE:CODE.
code() {
  while read -r file; do
    awk -v file="$file" '
      {
        line = $0
        gsub(/\\./, "", line)
        gsub(/"[^"]*"/, "\"\"", line)
        if (in_comment) {
          if (!sub(/^.*\*\//, "", line)) next
          in_comment = 0
        }
        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
        if (sub(/\/\*.*$/, "", line)) in_comment = 1
        print file ":" FNR ":" line
      }' "$file"
  done
}

first_lines() {
  sources include lib cli tests examples bench | while read -r file; do
    head -n 1 "$file" | grep -q '^/\* SPDX-License-Identifier: MIT \*/$' ||
      echo "$file"
  done | complain 'no SPDX line first'

  sources lib cli tests | grep '\.c$' | while read -r file; do
    grep -m 1 '^#include' "$file" | grep -q '"config.h"' || echo "$file"
  done | complain 'config.h is not the first include'

  sources include lib cli tests | grep '\.h$' | while read -r file; do
    grep -qE '^#ifndef [A-Z0-9_]+_H$' "$file" || echo "$file"
  done | complain 'no include guard'
}

banned_calls() {
  sources lib | grep -v '^lib/base/alloc\.' | code |
    grep -E '[^a-z0-9_>.](malloc|calloc|realloc|free|strdup|strndup|asprintf) *\(' |
    complain 'memory that does not come from ah_malloc'

  sources lib | grep -v '^lib/base/assert\.' | code | grep -v '__attribute__' |
    grep -E '[^A-Za-z0-9_](printf|fprintf|vfprintf|puts|fputs|putchar|perror|fopen|fwrite|stderr|stdout|FILE)([^a-z0-9_]|$)' |
    complain 'standard input and output in the library'

  sources lib | grep -v '^lib/base/assert\.' | code |
    grep -E '[^a-z0-9_](exit|abort|signal|sigaction|setlocale|srand|rand|gethostbyname|getaddrinfo|strtok|sprintf|strcpy|strcat) *\(' |
    complain 'a function that a library must not call'
}

wording() {
  sources include lib cli tests examples bench | code |
    grep -E '[^a-z0-9_]ah(ttp)?_[a-z0-9_]*_(destroy|delete|cleanup|dispose)[^a-z0-9_]' |
    complain 'a verb that is not ours'

  sources lib cli | code | grep -E '[^a-z_]goto ' |
    grep -vE 'goto (fail|done);' |
    complain 'goto to something else than fail or done'

  sources include lib cli tests examples bench | code | grep -E '(^|[^:])//' |
    complain 'a // comment'

  sources include lib cli tests examples bench | tr '\n' '\0' |
    xargs -0 grep -nE '(^|[^A-Z])(TODO|FIXME|XXX|HACK)([^A-Z]|$)' |
    complain 'unfinished work'
}

file_names() {
  sources lib | grep '\.c$' | sed 's|.*/||' | LC_ALL=C sort | uniq -d |
    complain 'two files of one name'

  sources lib cli include tests |
    grep -E '(util|common|misc|helper)[a-z_]*\.[ch]$' |
    complain 'a file name that is no noun'
}

# Prints every broken rule of the tree $1.
violations() (
  cd "$1"
  first_lines
  banned_calls
  wording
  file_names
)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lib/base"
cat >"$scratch/lib/base/utils.c" <<'END'
#include <stdio.h>
/* TODO */
void ah_thing_destroy(char *thing)
{
  char *copy = strdup(thing); // why
  printf("%s", copy);
  goto out;
out:
  exit(1);
}
END
violations "$scratch" >"$scratch/found"
for rule in 'no SPDX' 'config.h' 'memory' 'standard input' 'must not call' \
  'verb' 'goto' '// comment' 'unfinished' 'no noun'; do
  if ! grep -q "$rule" "$scratch/found"; then
    echo "a broken rule was not noticed: $rule"
    exit 1
  fi
done

violations "$top_srcdir" >"$scratch/found"
cat "$scratch/found"
[ ! -s "$scratch/found" ]
