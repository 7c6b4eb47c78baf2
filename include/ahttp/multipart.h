/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_MULTIPART_H
#define AHTTP_MULTIPART_H

#include <ahttp/fields.h>
#include <ahttp/request.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Content of several parts, multipart/form-data (RFC 7578), as browsers send
 * forms that have files.  Parts are read while they are sent, so their size
 * does not matter; when the length of every one is known the length of the
 * content is, and when every one can be read again the content can be.
 *
 * From the first request it is given to on it cannot be changed.
 */
typedef struct ahttp_multipart ahttp_multipart;

/* Makes one without parts.  Free with ahttp_multipart_free().  Returns AHTTP_OK
 * and sets |*out|, or sets it to NULL and returns AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_multipart_new(ahttp_multipart **out);

/* Drops the caller's reference; requests keep their own.  NULL is allowed. */
AHTTP_EXTERN void ahttp_multipart_free(ahttp_multipart *multipart);

/*
 * Sets what separates the parts, instead of 32 random hexadecimal digits.  It
 * must not occur in any part, which is not checked.  Returns AHTTP_OK,
 * AHTTP_EINVAL unless |boundary| is 1 to 70 letters, digits, blanks and
 * "'()+_,-./:=?" and does not end in a blank (RFC 2046, section 5.1.1), or
 * AHTTP_ESTATE.
 */
AHTTP_EXTERN int ahttp_multipart_set_boundary(ahttp_multipart *multipart,
                                              const char *boundary);

/*
 * What a part is called.  Everything is copied.  In names '"', CR, LF and
 * other control characters are sent as %XX, everything else as it is: UTF-8 by
 * custom (HTML standard, "multipart/form-data encoding algorithm").
 */
typedef struct ahttp_part {
  size_t size;    /* set by AHTTP_PART_INIT */
  ahttp_str name; /* of the form's field */
  /* Sent as it is.  |ptr| NULL: the last part of a file's path, for other
   * content none; |len| 0 with another |ptr|: none. */
  ahttp_str filename;
  /* The Content-Type.  |ptr| NULL: by the extension of the filename, else
   * application/octet-stream, and none without a filename; |len| 0 with another
   * |ptr|: none. */
  ahttp_str type;
  const ahttp_field *fields; /* |field_count| further ones, or NULL; their
                                Content-Type replaces |type| */
  size_t field_count;
} ahttp_part;

#define AHTTP_PART_INIT AHTTP_SIZED(ahttp_part)

/* Adds a field of the form, |name| and |value|, both copied; no conversion of
 * line ends.  Returns AHTTP_OK, AHTTP_ESTATE or AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_multipart_add_text(ahttp_multipart *multipart,
                                          const char *name, const char *value);

/* The same with views. */
AHTTP_EXTERN int ahttp_multipart_add_text_str(ahttp_multipart *multipart,
                                              ahttp_str name, ahttp_str value);

/*
 * Adds a part whose content is a copy of |len| bytes at |data|.
 *
 * Returns AHTTP_OK, or adds nothing and returns:
 *   AHTTP_EINVAL   |part| is from a newer header
 *   AHTTP_EFIELD   the type or one of the fields cannot be sent, or is
 *                  Content-Disposition
 *   AHTTP_ESTATE   a request has it already
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_multipart_add_bytes(ahttp_multipart *multipart,
                                           const ahttp_part *part,
                                           const void *data, size_t len);

/*
 * Adds the file at |path|, opened now, read while sending.  A regular file has
 * the length it has at this moment; if it has another one when it is sent, the
 * call fails with AHTTP_EBODY.  Anything else, a pipe say, is read once and
 * makes the length unknown.
 *
 * Returns as ahttp_multipart_add_bytes(), and AHTTP_EBODY if it cannot be
 * opened (errno says why).
 */
AHTTP_EXTERN int ahttp_multipart_add_file(ahttp_multipart *multipart,
                                          const ahttp_part *part,
                                          const char *path);

/*
 * Adds a part with what |source| gives; the struct is copied.  Content of
 * unknown length that can be rewound has the same length again.
 *
 * Returns as ahttp_multipart_add_bytes(), and AHTTP_EINVAL as
 * ahttp_request_set_content_source().  On failure |source->free| is not called.
 */
AHTTP_EXTERN int ahttp_multipart_add_source(ahttp_multipart *multipart,
                                            const ahttp_part *part,
                                            const ahttp_content_source *source);

/*
 * Sets the content of |request| to |multipart|, of which a reference is held.
 * Content-Type is "multipart/form-data; boundary=..." unless the request, or
 * the client that sends it, has one.  If the request has a multipart type
 * already its boundary is used, and added to it if it has none.
 *
 * Returns AHTTP_OK, or changes nothing and returns:
 *   AHTTP_EINVAL   the parts come to more than 2^63 bytes
 *   AHTTP_EFIELD   the boundary of the request's Content-Type cannot be one, or
 *                  is not that of |multipart|
 *   AHTTP_ESTATE   the request was sent before, or there is no randomness
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_request_set_multipart(ahttp_request *request,
                                             ahttp_multipart *multipart);

#ifdef __cplusplus
}
#endif

#endif
