/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_BLOCKING_H
#define AHTTP_BLOCKING_H

#include <ahttp/client.h>
#include <ahttp/error.h>
#include <ahttp/fields.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Functions that wait for a response, on any thread; any number of threads may
 * share one client, its connections included.
 *
 * |client| may be NULL, except where a function says otherwise: then a client
 * with the default options is made for this one send.  |err| may be NULL, and
 * so may |opts|.
 *
 * Each returns AHTTP_OK and sets |*out|, for ahttp_response_free(), whatever
 * the status; or sets it to NULL, fills |*err| and returns its code, besides
 * those of error.h:
 *   AHTTP_EINVAL   an argument is NULL or |opts| is from a newer header
 *   AHTTP_ESTATE   this thread runs the client's loop: in a callback of the
 *                  client, or the loop is the caller's and this its thread
 *   AHTTP_ECLOSED  the client was closed meanwhile
 *
 * While a thread waits on a client with a private loop, callbacks of that
 * client (of futures, of ahttp_start()) may run on it.
 */

/* Sends |request| and waits for the whole response. */
AHTTP_EXTERN int ahttp_send(ahttp_client *client, ahttp_request *request,
                            const ahttp_send_opts *opts, ahttp_response **out,
                            ahttp_error *err);

/* What ahttp_fetch() is told; begin with AHTTP_FETCH_OPTS_INIT.  Everything is
 * borrowed until it returns. */
typedef struct ahttp_fetch_opts {
  size_t size;               /* set by AHTTP_FETCH_OPTS_INIT */
  const char *method;        /* NULL: "GET" */
  const ahttp_field *fields; /* |field_count| fields to send, or NULL */
  size_t field_count;
  ahttp_str content;           /* to send; ptr NULL: none */
  const char *content_type;    /* of |content|; NULL: no such field */
  const ahttp_send_opts *send; /* NULL: the client's settings */
  const ahttp_params *params;  /* merged into the query; NULL: none */
} ahttp_fetch_opts;

#define AHTTP_FETCH_OPTS_INIT AHTTP_SIZED(ahttp_fetch_opts)

/*
 * Makes a request for |url| with ahttp_client_request(), so that it may be a
 * path, of what |opts| says, sends it and waits for the whole response.
 * Besides the codes above those of ahttp_request_new() and
 * ahttp_request_add_field().
 */
AHTTP_EXTERN int ahttp_fetch(ahttp_client *client, const char *url,
                             const ahttp_fetch_opts *opts, ahttp_response **out,
                             ahttp_error *err);

/* ahttp_fetch() with the method of their name. */
AHTTP_EXTERN int ahttp_get(ahttp_client *client, const char *url,
                           ahttp_response **out, ahttp_error *err);
AHTTP_EXTERN int ahttp_head(ahttp_client *client, const char *url,
                            ahttp_response **out, ahttp_error *err);
AHTTP_EXTERN int ahttp_delete(ahttp_client *client, const char *url,
                              ahttp_response **out, ahttp_error *err);
AHTTP_EXTERN int ahttp_options(ahttp_client *client, const char *url,
                               ahttp_response **out, ahttp_error *err);

/* The same with content and its |content_type|, which may be NULL. */
AHTTP_EXTERN int ahttp_post(ahttp_client *client, const char *url,
                            const char *content_type, ahttp_str content,
                            ahttp_response **out, ahttp_error *err);
AHTTP_EXTERN int ahttp_put(ahttp_client *client, const char *url,
                           const char *content_type, ahttp_str content,
                           ahttp_response **out, ahttp_error *err);
AHTTP_EXTERN int ahttp_patch(ahttp_client *client, const char *url,
                             const char *content_type, ahttp_str content,
                             ahttp_response **out, ahttp_error *err);

/* --- Reading a response as it comes. -------------------------------------- */

/*
 * Sends |request| and waits for the head of the response, whose content is then
 * read with the functions below, by one thread at a time.  At most a window
 * (1 MiB) of it is held; the server waits for a slow reader, and the read
 * timeout rests meanwhile.  ahttp_response_free() before the end ends the call.
 * |client| may not be NULL; the response may outlive it, though what was not
 * read then is AHTTP_ECLOSED.
 */
AHTTP_EXTERN int ahttp_open(ahttp_client *client, ahttp_request *request,
                            const ahttp_send_opts *opts, ahttp_response **out,
                            ahttp_error *err);

/*
 * Waits for content and writes at most |cap| bytes of it to |dst|.  Returns
 * AHTTP_OK and sets |*len|, which is 0 at the end only (or if |cap| is); then
 * the trailers are complete.  Else |*len| is 0 and |*err| (may be NULL) says
 * what ended the call after the bytes read so far, or AHTTP_ESTATE: the
 * response is not of ahttp_open(), or this is a callback of the client.
 */
AHTTP_EXTERN int ahttp_response_read(ahttp_response *response, void *dst,
                                     size_t cap, size_t *len, ahttp_error *err);

/*
 * The same for the next line, without its end (LF or CRLF); |*out| is good
 * until the response is read or freed, and its ptr is NULL at the end.  A line
 * of more than a window (1 MiB) is AHTTP_ELIMIT.
 */
AHTTP_EXTERN int ahttp_response_read_line(ahttp_response *response,
                                          ahttp_str *out, ahttp_error *err);

/*
 * The same for all the content that was not read yet, of which there may be
 * |max| bytes (0: the client's content_max); more is AHTTP_ELIMIT and ends the
 * call.  From then on ahttp_response_content() gives it, too; it is
 * NUL-terminated and lives until the response is freed.
 */
AHTTP_EXTERN int ahttp_response_read_all(ahttp_response *response, size_t max,
                                         ahttp_str *out, ahttp_error *err);

#ifdef __cplusplus
}
#endif

#endif
