/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_REQUEST_H
#define AHTTP_REQUEST_H

#include <ahttp/fields.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A request says what to send.  It is filled in, then sent any number of
 * times; from the first send on it cannot be changed (AHTTP_ESTATE).  How it
 * is sent (timeouts, redirects) is in ahttp_send_opts.  References are counted
 * atomically; a call keeps its own.
 */

/*
 * Makes a request with |method| (a token, RFC 9110 section 9; case matters)
 * for |url|, both copied.  Free with ahttp_request_free().
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EINVAL   |method| is not a token
 *   AHTTP_EURL     |url| cannot be parsed or has no host
 *   AHTTP_ESCHEME  |url| is neither http nor https
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_request_new(ahttp_request **out, const char *method,
                                   const char *url);

/* The same with views, whose bytes need no NUL. */
AHTTP_EXTERN int ahttp_request_new_str(ahttp_request **out, ahttp_str method,
                                       ahttp_str url);

/*
 * Makes a request on behalf of |client|, if that is not NULL:
 * - |url| without a scheme is a path below the client's base URL: below
 *   "https://h/api/v1", both "users" and "/users" are
 *   "https://h/api/v1/users", and "../x" is "https://h/api/x".  Whatever it
 *   begins with, it stays on that host;
 * - parameters of the client's that the query does not have are put before it,
 *   and those of the base URL's query, if |url| has no scheme.
 * It need not be sent with |client|.  Otherwise as ahttp_request_new().
 */
AHTTP_EXTERN int ahttp_client_request(const ahttp_client *client,
                                      ahttp_request **out, const char *method,
                                      const char *url);

/* The same with views. */
AHTTP_EXTERN int ahttp_client_request_str(const ahttp_client *client,
                                          ahttp_request **out, ahttp_str method,
                                          ahttp_str url);

/*
 * Makes a CONNECT request (RFC 9110, section 9.3.6) that asks the server of
 * |url|, a proxy, for a tunnel to |authority|, "host:port"; the path of |url|
 * is not used.  A 2xx response is followed by a raw stream, see stream.h.
 * Errors are those of ahttp_request_new(); AHTTP_EURL is |authority|, too.
 */
AHTTP_EXTERN int ahttp_request_new_connect(ahttp_request **out, const char *url,
                                           const char *authority);

/* Drops the caller's reference; NULL is allowed. */
AHTTP_EXTERN void ahttp_request_free(ahttp_request *request);

/*
 * Appends a field line; both are copied.  Surrounding blanks of |value| are
 * dropped.  Content-Length, Transfer-Encoding, Connection and the other fields
 * that frame a message belong to the library.  Host may be given, once.  With
 * Upgrade the request goes over HTTP/1.1 and asks for another protocol (RFC
 * 9110, section 7.8): Connection says so by itself, and a 101 response is
 * followed by a raw stream, see stream.h.
 *
 * Returns AHTTP_OK, or:
 *   AHTTP_EFIELD   |name| is no token, |value| holds CR, LF, NUL or another
 *                  control character, or the field belongs to the library
 *   AHTTP_ESTATE   the request was sent before
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_request_add_field(ahttp_request *request,
                                         const char *name, const char *value);

/* The same with views. */
AHTTP_EXTERN int ahttp_request_add_field_str(ahttp_request *request,
                                             ahttp_str name, ahttp_str value);

/* Appends |count| field lines, up to the first that cannot be.  The same
 * results. */
AHTTP_EXTERN int ahttp_request_add_fields(ahttp_request *request,
                                          const ahttp_field *fields,
                                          size_t count);

/*
 * Appends |params| (may be NULL) to the query of the URL and drops what it had
 * of the same names; the rest of it stays byte for byte.
 *
 * Returns AHTTP_OK, or changes nothing and returns:
 *   AHTTP_EURL     the URL would be too long
 *   AHTTP_ESTATE   the request was sent before
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_request_merge_params(ahttp_request *request,
                                            const ahttp_params *params);

/*
 * Sets the content to a copy of |len| bytes at |data|.  Replaces what was set
 * before.  Returns AHTTP_OK, AHTTP_ESTATE or AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_request_set_content(ahttp_request *request,
                                           const void *data, size_t len);

/*
 * Sets the content to the file at |path|, opened now, read while sending.  A
 * regular file has its length at this moment; anything else is sent with an
 * unknown length.  Returns AHTTP_OK, AHTTP_EBODY if it cannot be opened,
 * AHTTP_ESTATE or AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_request_set_content_file(ahttp_request *request,
                                                const char *path);

/*
 * Reads request content.  Called on the loop's thread whenever there is room.
 *
 * Writes at most |cap| bytes to |dst|, sets |*len| and returns 0.  |*len| 0 is
 * the end.  Content that starts again from its beginning (a retry, a redirect)
 * is asked for with |offset| 0.  Returns AHTTP_BODY_WAIT when there is nothing
 * yet; ahttp_call_content_ready() then asks again.  Any other value fails the
 * call with AHTTP_EBODY.
 */
typedef int (*ahttp_content_read_cb)(void *user_data, uint64_t offset,
                                     uint8_t *dst, size_t cap, size_t *len);

/* Returned by an ahttp_content_read_cb that has nothing to give yet. */
#define AHTTP_BODY_WAIT 1

/* Content that comes from a callback; see ahttp_request_set_content_source. */
typedef struct ahttp_content_source {
  size_t size;                   /* sizeof(*this) */
  ahttp_content_read_cb read;    /* required */
  int64_t length;                /* bytes, or -1 if unknown */
  bool can_rewind;               /* |read| accepts offset 0 again */
  void (*free)(void *user_data); /* runs once, when the request dies; or NULL */
  void *user_data;
} ahttp_content_source;

/*
 * Sets the content to what |source| gives; the struct is copied.  Returns
 * AHTTP_OK, AHTTP_EINVAL, AHTTP_ESTATE or AHTTP_ENOMEM.  On failure
 * |source->free| is not called.
 */
AHTTP_EXTERN int
ahttp_request_set_content_source(ahttp_request *request,
                                 const ahttp_content_source *source);

/*
 * Sets the content to a copy of |len| bytes at |text|, which is JSON already:
 * it is sent as it is, and not looked at.  Content-Type is application/json
 * unless the request, or the client that sends it, has one.  Returns as
 * ahttp_request_set_content().
 */
AHTTP_EXTERN int ahttp_request_set_json(ahttp_request *request,
                                        const char *text, size_t len);

/*
 * Sets the content to |params| (NULL: none), encoded as
 * application/x-www-form-urlencoded, which Content-Type says unless there is
 * another.  Returns as ahttp_request_set_content().
 */
AHTTP_EXTERN int ahttp_request_set_form(ahttp_request *request,
                                        const ahttp_params *params);

/*
 * Sets |*value| to the value of the trailer field |name|, borrowed until the
 * next call.  Runs on the loop's thread when all content has been read, each
 * time the request is sent.  Returns 0; anything else fails the call with
 * AHTTP_EBODY, as does a value that cannot be sent.
 */
typedef int (*ahttp_trailer_cb)(void *user_data, ahttp_str name,
                                ahttp_str *value);

/*
 * Sets the |count| field lines that follow the content (RFC 9110, section 6.5),
 * copied, in place of those that were set before; they are not sent without
 * content.  One whose value has a NULL |ptr| is asked of |value| when the
 * content has been read, a checksum of it say.  The Trailer field names them,
 * unless there is another.  HTTP/1.1 then sends the content in chunks, also
 * when its length is known.
 *
 * Returns AHTTP_OK, or changes nothing and returns:
 *   AHTTP_EINVAL   a value is missing and |value| is NULL
 *   AHTTP_EFIELD   a field cannot be sent, or has its effect before the content
 *                  and so no place behind it (RFC 9110, section 6.5.1)
 *   AHTTP_ESTATE   the request was sent before
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_request_set_trailers(ahttp_request *request,
                                            const ahttp_field *fields,
                                            size_t count,
                                            ahttp_trailer_cb value,
                                            void *user_data);

/* The request's parts; they live as long as the request. */
AHTTP_EXTERN ahttp_str ahttp_request_method(const ahttp_request *request);
AHTTP_EXTERN const ahttp_url *ahttp_request_url(const ahttp_request *request);
AHTTP_EXTERN const ahttp_fields *
ahttp_request_fields(const ahttp_request *request);

#ifdef __cplusplus
}
#endif

#endif
