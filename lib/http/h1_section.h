/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_SECTION_H
#define AH_HTTP_H1_SECTION_H

#include "base/buf.h"
#include "http/fields.h"

/*
 * Reads the lines of an HTTP/1.1 message, in whatever pieces they come: start
 * lines, header sections, trailer sections.
 *
 * Lines are found with one forward search for LF.  A line that is whole in the
 * input is read in place; one that is not is put aside, and each further byte
 * is looked at once when it comes, so input that drips in byte by byte costs no
 * more than its length.
 */

/* What may be in a section; over it is AHTTP_ELIMIT. */
enum {
  /* Header section bytes of one response, its interim responses included:
   * servers' own limits for requests are 8 to 64 KiB; curl takes 300 KiB,
   * undici 16. */
  AH_H1_HEADER_BYTES_MAX = 64 * 1024,
  AH_H1_HEADER_FIELDS_MAX = 256,       /* hyper and h2o: 100 */
  AH_H1_TRAILER_BYTES_MAX = 16 * 1024, /* hyper: the same */
  AH_H1_TRAILER_FIELDS_MAX = 64,
  AH_H1_LINE_BYTES_MAX = 32 * 1024 /* a cookie has 4 KiB, a CSP some 10 */
};

/* The input of one call. */
typedef struct ah_h1_input {
  const char *data;
  size_t len;
  size_t used; /* used <= len */
} ah_h1_input;

typedef struct ah_h1_section {
  bool is_trailer; /* its limits hold, and lines end with CRLF only */
  bool folding;    /* the value of the last field is in |fold| */
  size_t bytes;    /* received since it was begun; within the limit */
  ah_buf line;     /* the beginning of a line whose end is to come */
  ah_buf fold;     /* a value that is continued on further lines */
  const char *why; /* after a failure: the reason, static */
} ah_h1_section;

/* Cannot fail and allocates nothing. */
void ah_h1_section_init(ah_h1_section *section);
void ah_h1_section_clear(ah_h1_section *section);

/* Counts from 0 again, for a header section with what stands before it, or for
 * a trailer section. */
void ah_h1_section_begin(ah_h1_section *section, bool is_trailer);

/*
 * The next line, without its end: a view into the input or of the section's
 * own, good until the next call.
 *
 *   AHTTP_OK
 *   AH_MORE        all input was used, and kept if it has no line end
 *   AHTTP_EPROTO, AHTTP_ELIMIT, AHTTP_ENOMEM   and |section->why|
 */
int ah_h1_section_read_line(ah_h1_section *section, ah_h1_input *in,
                            ahttp_str *line);

/* What was kept of an unfinished line. */
ahttp_str ah_h1_section_partial(const ah_h1_section *section);

/*
 * Reads field lines, appending them to |fields| (copied, name and value each
 * followed by a NUL), up to the empty line.  The same results; AHTTP_OK: the
 * empty line was read, |fields| is complete.
 */
int ah_h1_section_read_fields(ah_h1_section *section, ah_h1_input *in,
                              ahttp_fields *fields);

#endif
