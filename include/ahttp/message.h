/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_MESSAGE_H
#define AHTTP_MESSAGE_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Readers of field values.  They allocate nothing; views point into what was
 * read.
 */

/* --- Parameters: ; name=value ; name="value". ----------------------------- */

/* One parameter (RFC 9110, section 5.6.6). */
typedef struct ahttp_field_param {
  ahttp_str name;
  ahttp_str value; /* without its quotes, but with the backslashes in them */
  bool is_quoted;
} ahttp_field_param;

/*
 * Cuts the next parameter, and the ";" before it, off |*rest|.  Returns false
 * at the end, or at what is no parameter.
 */
AHTTP_EXTERN bool ahttp_field_params_next(ahttp_str *rest,
                                          ahttp_field_param *out);

/*
 * Finds the first parameter |name| (any case) in |params| and copies its value,
 * without quotes and backslashes and with a NUL, to |dst|, which has room for
 * |cap| bytes; |*len| (may be NULL) is its length without the NUL.
 *
 * Returns AHTTP_OK, or makes |dst| empty and returns:
 *   AHTTP_EINVAL   there is none
 *   AHTTP_ELIMIT   there is no room for it
 */
AHTTP_EXTERN int ahttp_field_params_get(ahttp_str params, const char *name,
                                        char *dst, size_t cap, size_t *len);

/* --- Media types: Content-Type. --------------------------------------------
 */

/* A media type (RFC 9110, section 8.3.1); compare without case. */
typedef struct ahttp_media_type {
  ahttp_str type;    /* "text" */
  ahttp_str subtype; /* "html" */
  ahttp_str params;  /* "; charset=utf-8", for ahttp_field_params_get() */
} ahttp_media_type;

/* Reads |value|.  AHTTP_OK, or AHTTP_EINVAL and |*out| is empty. */
AHTTP_EXTERN int ahttp_media_type_parse(ahttp_media_type *out, ahttp_str value);

/* --- Dates: Date, Last-Modified, Expires. ----------------------------------
 */

enum {
  AHTTP_DATE_BYTES = 30 /* room for a date and its NUL */
};

/*
 * Reads a date in any of the three forms of RFC 9110, section 5.6.7, as seconds
 * since 1970.  A year of two digits that would be more than 50 years after
 * |now_s| is in the past.  AHTTP_OK or AHTTP_EINVAL.
 */
AHTTP_EXTERN int ahttp_date_parse(ahttp_str value, int64_t now_s, int64_t *out);

/*
 * Writes |seconds| since 1970 to |dst| as "Sun, 06 Nov 1994 08:49:37 GMT" and a
 * NUL.  AHTTP_OK, or AHTTP_EINVAL if the year has not four digits.
 */
AHTTP_EXTERN int ahttp_date_format(char dst[AHTTP_DATE_BYTES], int64_t seconds);

/*
 * Reads Retry-After (RFC 9110, section 10.2.3), seconds or a date, as the
 * milliseconds from |now_s| on: |max_ms| at most, 0 if it is over.  AHTTP_OK
 * or AHTTP_EINVAL.
 */
AHTTP_EXTERN int ahttp_retry_after_parse(ahttp_str value, int64_t now_s,
                                         uint32_t max_ms, uint32_t *out);

/* --- Links: Link. ------------------------------------------------------------
 */

/* One link (RFC 8288, section 3). */
typedef struct ahttp_link {
  ahttp_str target; /* a reference, relative to the response's URL */
  ahttp_str params; /* "; rel=next", for ahttp_field_params_get() */
} ahttp_link;

/* Cuts the next link off |*rest|; what is none is skipped up to the next
 * comma.  Returns false at the end. */
AHTTP_EXTERN bool ahttp_links_next(ahttp_str *rest, ahttp_link *out);

/* True if |rel| (any case) is one of the link's relations. */
AHTTP_EXTERN bool ahttp_link_has_rel(const ahttp_link *link, const char *rel);

/* --- File names: Content-Disposition. ----------------------------------------
 */

/*
 * Reads the file name of a Content-Disposition (RFC 6266): filename* (RFC 8187)
 * if it can be read, else filename.  Writes it as UTF-8 with a NUL to |dst|,
 * which has room for |cap| bytes; |*len| (may be NULL) is its length.  It is
 * what the server says: ahttp_filename_clean() makes it a name.
 *
 * Returns AHTTP_OK, or makes |dst| empty and returns:
 *   AHTTP_EINVAL   there is none
 *   AHTTP_ELIMIT   there is no room for it
 */
AHTTP_EXTERN int ahttp_disposition_filename(ahttp_str value, char *dst,
                                            size_t cap, size_t *len);

/*
 * Makes |name|, a C string, a name for a new file in a folder, in place: what
 * stands before the last "/" or "\" is dropped, control characters become "_",
 * and so does a dot in the first place, so that it is neither hidden nor "..".
 * Returns its length; 0 if nothing is left, and then the caller needs another.
 */
AHTTP_EXTERN size_t ahttp_filename_clean(char *name);

/* --- Lines.
 * -------------------------------------------------------------------
 */

/*
 * Cuts the next line off |*rest|, without its end, which is LF or CRLF (a lone
 * CR is part of the line), as ahttp_response_read_line() has it.  Returns false
 * when |*rest| is empty.
 */
AHTTP_EXTERN bool ahttp_lines_next(ahttp_str *rest, ahttp_str *line);

#ifdef __cplusplus
}
#endif

#endif
