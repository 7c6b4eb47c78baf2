/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_COOKIE_FILE_H
#define AH_HTTP_COOKIE_FILE_H

#include <ahttp/cookies.h>

#include "base/buf.h"

/*
 * The Netscape cookies.txt format, as curl reads and writes it: one cookie a
 * line, seven fields separated by tabs.
 *
 *   domain  include-subdomains  path  secure  expires  name  value
 *
 * A domain cookie's domain has a leading dot.  "#HttpOnly_" before the domain
 * marks an HttpOnly cookie; any other line that begins with '#' is a comment.
 * Expires is 0 for a session cookie.
 */

/* What a line was. */
typedef enum ah_cookie_line {
  AH_COOKIE_LINE_EMPTY, /* blank, or a comment */
  AH_COOKIE_LINE_GOOD,
  AH_COOKIE_LINE_BAD
} ah_cookie_line;

/*
 * Reads one line, without its end, into |*out|: views of |line|, the domain as
 * it stands there but for its dot.  A missing value is empty, as it is in
 * curl.  |*why| says what is wrong with a bad one (static text).
 */
ah_cookie_line ah_cookie_line_parse(ahttp_cookie *out, ahttp_str line,
                                    const char **why);

/* Appends what stands at the beginning of a file.  AHTTP_OK, AHTTP_ELIMIT or
 * AHTTP_ENOMEM. */
int ah_cookie_file_begin(ah_buf *buf);

/* Appends |cookie|'s line, or nothing if the format cannot tell it: a tab in
 * its name or path.  AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM. */
int ah_cookie_file_append(ah_buf *buf, const ahttp_cookie *cookie);

#endif
