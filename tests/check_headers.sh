#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C99, C11 and C++11, without a warning.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for header in "$top_srcdir"/include/ahttp/*.h; do
  name=$(basename "$header")
  printf '#include <ahttp/%s>\nint main(void) { return 0; }\n' "$name" \
    >"$scratch/consumer.c"
  cp "$scratch/consumer.c" "$scratch/consumer.cc"
  for std in c99 c11; do
    $CC -std=$std -pedantic -Wall -Wextra -Werror -fsyntax-only \
      -I"$top_srcdir/include" "$scratch/consumer.c" ||
      { echo "$name as $std"; exit 1; }
  done
  $CXX -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only \
    -I"$top_srcdir/include" "$scratch/consumer.cc" ||
    { echo "$name as C++11"; exit 1; }
done

# The options structs start from their macros in both languages.
cat >"$scratch/options.c" <<'END'
#include <ahttp/ahttp.h>
int main(void)
{
  ahttp_client_opts client_opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_send_opts send_opts = AHTTP_SEND_OPTS_INIT;
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  return client_opts.size && send_opts.size && handlers.size ? 0 : 1;
}
END
cp "$scratch/options.c" "$scratch/options.cc"
$CC -std=c99 -pedantic -Wall -Werror -fsyntax-only -I"$top_srcdir/include" \
  "$scratch/options.c"
$CXX -std=c++11 -pedantic -Wall -Werror -fsyntax-only \
  -I"$top_srcdir/include" "$scratch/options.cc"
