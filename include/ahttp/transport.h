/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_TRANSPORT_H
#define AHTTP_TRANSPORT_H

#include <ahttp/fields.h>
#include <ahttp/request.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A transport of the program's own takes requests instead of a connection: to
 * answer them itself, to record them, or to carry them in another way.
 * Everything above (redirects, authentication, hooks, all ways to send) works
 * on it as on connections.  Given to a client by ahttp_client_opts.transport or
 * .mounts.
 *
 * Each request, of each hop, is an exchange.  Its functions are called on the
 * thread of the loop of the client that sends it, within the transport's
 * callbacks or later.  It is over with ahttp_exchange_done(),
 * ahttp_exchange_fail() or the transport's |cancel|, and gone when the callback
 * of the loop in which that happened returns.  What is said to one that is over
 * is AHTTP_ECANCELED and does nothing.
 */
typedef struct ahttp_exchange ahttp_exchange;

/* What a transport does.  Callbacks run on the loop's thread and may use any
 * function of the library.  All but |start| may be NULL. */
typedef struct ahttp_transport_opts {
  size_t size; /* set by AHTTP_TRANSPORT_OPTS_INIT */

  /* A request is to be sent.  May be answered now or later.  AHTTP_OK, or an
   * error code with which it fails. */
  int (*start)(ahttp_exchange *exchange, void *user_data);

  /* The call was ended; |exchange| is over.  May run within the function that
   * ends it (ahttp_call_cancel()) or any of the functions below. */
  void (*cancel)(ahttp_exchange *exchange, void *user_data);

  /* There is room again: ahttp_exchange_is_paused() has become false. */
  void (*resume)(ahttp_exchange *exchange, void *user_data);

  /* ahttp_exchange_read() has something again. */
  void (*content_ready)(ahttp_exchange *exchange, void *user_data);

  /* The last reference is gone; any thread. */
  void (*free)(void *user_data);

  void *user_data;
} ahttp_transport_opts;

#define AHTTP_TRANSPORT_OPTS_INIT AHTTP_SIZED(ahttp_transport_opts)

/*
 * Makes a transport, with one reference for the caller; |opts| is copied.  Any
 * number of clients may use it; when their loops run on several threads, its
 * callbacks do, too.
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EINVAL  |opts| has no |start| or is from a newer header
 *   AHTTP_ENOMEM  |opts->free| is not called
 */
AHTTP_EXTERN int ahttp_transport_new(ahttp_transport **out,
                                     const ahttp_transport_opts *opts);

/* Drops the caller's reference; clients have their own.  NULL is allowed. */
AHTTP_EXTERN void ahttp_transport_free(ahttp_transport *transport);

/* --- The request. --------------------------------------------------------- */

/* Its parts; they live as long as the exchange.  Fields are complete but for
 * those that frame a message, and for Host unless it was given. */
AHTTP_EXTERN ahttp_str ahttp_exchange_method(const ahttp_exchange *exchange);
AHTTP_EXTERN const ahttp_url *
ahttp_exchange_url(const ahttp_exchange *exchange);
AHTTP_EXTERN const ahttp_fields *
ahttp_exchange_fields(const ahttp_exchange *exchange);

/* True if there is content; |*length| (may be NULL) is its length, or -1 if
 * that is not known. */
AHTTP_EXTERN bool ahttp_exchange_has_content(const ahttp_exchange *exchange,
                                             int64_t *length);

/*
 * Reads the next content: at most |cap| > 0 bytes to |dst|.  Returns AHTTP_OK
 * and sets |*len|, 0 at the end; or |*len| is 0 and:
 *   AHTTP_BODY_WAIT  nothing yet: |content_ready| says when
 *   AHTTP_EBODY      it cannot be read, and the exchange should fail with that
 *   AHTTP_ECANCELED  the exchange is over
 */
AHTTP_EXTERN int ahttp_exchange_read(ahttp_exchange *exchange, uint8_t *dst,
                                     size_t cap, size_t *len);

/* --- The response. -------------------------------------------------------- */

/*
 * These return AHTTP_OK, AHTTP_ECANCELED when the exchange is over, or:
 *   AHTTP_ESTATE  it is not the time for it: informational*, head, body*,
 *                 trailers?, done
 *   AHTTP_ENOMEM
 * Callbacks of the client's may run within them, where it is never the time for
 * the next one.  Everything is copied or used at once.
 */

/* An interim response (100 to 199) with |count| fields.  AHTTP_EINVAL for
 * another status, AHTTP_EFIELD for a field that cannot be. */
AHTTP_EXTERN int ahttp_exchange_informational(ahttp_exchange *exchange,
                                              int status,
                                              const ahttp_field *fields,
                                              size_t count);

/* The head of the response, status 200 to 999; the same errors. */
AHTTP_EXTERN int ahttp_exchange_head(ahttp_exchange *exchange, int status,
                                     const ahttp_field *fields, size_t count);

/*
 * |len| bytes of content.  While the exchange is paused they are kept; over
 * 16 MiB of that is AHTTP_ELIMIT, and they are not taken.
 */
AHTTP_EXTERN int ahttp_exchange_body(ahttp_exchange *exchange, const void *data,
                                     size_t len);

/* The trailer fields. */
AHTTP_EXTERN int ahttp_exchange_trailers(ahttp_exchange *exchange,
                                         const ahttp_field *fields,
                                         size_t count);

/* The response is complete. */
AHTTP_EXTERN int ahttp_exchange_done(ahttp_exchange *exchange);

/* It failed with |code| (AHTTP_E...; otherwise AHTTP_ECALLBACK) and |text|, a
 * sentence for people; NULL: the code's. */
AHTTP_EXTERN int ahttp_exchange_fail(ahttp_exchange *exchange, int code,
                                     const char *text);

/* True while the call does not take content: it was paused, or has no credit.
 */
AHTTP_EXTERN bool ahttp_exchange_is_paused(const ahttp_exchange *exchange);

/* A pointer of the transport's own for |exchange|; NULL at first. */
AHTTP_EXTERN void ahttp_exchange_set_data(ahttp_exchange *exchange, void *data);
AHTTP_EXTERN void *ahttp_exchange_data(const ahttp_exchange *exchange);

#ifdef __cplusplus
}
#endif

#endif
