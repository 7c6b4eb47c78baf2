/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_MOCK_H
#define AHTTP_MOCK_H

#include <ahttp/fields.h>
#include <ahttp/transport.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A transport that answers from a script or by a function instead of from the
 * network, and keeps what was sent: for tests of programs.
 */

/* A request that a mock transport was sent, its content read to the end (at
 * most 100 MiB).  Lives as long as the transport. */
typedef struct ahttp_mock_request ahttp_mock_request;

AHTTP_EXTERN ahttp_str
ahttp_mock_request_method(const ahttp_mock_request *request);
AHTTP_EXTERN ahttp_str
ahttp_mock_request_url(const ahttp_mock_request *request);
AHTTP_EXTERN const ahttp_fields *
ahttp_mock_request_fields(const ahttp_mock_request *request);
AHTTP_EXTERN ahttp_str
ahttp_mock_request_content(const ahttp_mock_request *request);

/* An answer.  Zero is an empty response of status 200. */
typedef struct ahttp_mock_reply {
  size_t size;               /* set by AHTTP_MOCK_REPLY_INIT */
  const char *method;        /* of requests it is for; NULL: any */
  const char *url;           /* that URL; or one that ends in "*": those that
                                begin like it; NULL: any */
  unsigned times;            /* how often it is used; 0: any number */
  int status;                /* 0: 200 */
  const ahttp_field *fields; /* |field_count| of them, or NULL */
  size_t field_count;
  ahttp_str content;
  size_t chunk_bytes; /* content comes in so many at a time; 0: at once */
  uint32_t delay_ms;  /* waits before the head and before every chunk */
  int error;          /* AHTTP_E...: fails with it after what was said above;
                         without a status before any head.  0: does not */
} ahttp_mock_reply;

#define AHTTP_MOCK_REPLY_INIT AHTTP_SIZED(ahttp_mock_reply)

/* |size| bytes that live as long as |request|, for an answer to it; NULL if
 * memory is out. */
AHTTP_EXTERN void *ahttp_mock_alloc(ahttp_mock_request *request, size_t size);

/*
 * Answers |request| by filling |*reply|, which is AHTTP_MOCK_REPLY_INIT; what
 * it points to must live as long as the transport, like parts of |request| and
 * ahttp_mock_alloc() do.  Runs on the loop's thread.  AHTTP_OK, or an error
 * code with which the request fails.
 */
typedef int (*ahttp_mock_cb)(ahttp_mock_request *request,
                             ahttp_mock_reply *reply, void *user_data);

/* What a mock transport is made of. */
typedef struct ahttp_mock_opts {
  size_t size;                     /* set by AHTTP_MOCK_OPTS_INIT */
  const ahttp_mock_reply *replies; /* |reply_count| of them, copied; the first
                                      that fits and is not used up answers */
  size_t reply_count;
  ahttp_mock_cb handler; /* answers what no reply does; NULL: such a request
                            fails with AHTTP_EREFUSED */
  void *user_data;       /* the handler's */
} ahttp_mock_opts;

#define AHTTP_MOCK_OPTS_INIT AHTTP_SIZED(ahttp_mock_opts)

/*
 * Makes a mock transport; free with ahttp_transport_free().
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EINVAL  |opts| has neither replies nor a handler, is from a newer
 *                 header, or a reply has an impossible status
 *   AHTTP_EFIELD  a field of a reply cannot be
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_mock_new(ahttp_transport **out,
                                const ahttp_mock_opts *opts);

/* How many requests |transport|, a mock, was sent.  Any thread. */
AHTTP_EXTERN size_t ahttp_mock_count(const ahttp_transport *transport);

/* The one at |index| (from 0) in the order they came; NULL past the end.  Any
 * thread. */
AHTTP_EXTERN const ahttp_mock_request *
ahttp_mock_at(const ahttp_transport *transport, size_t index);

#ifdef __cplusplus
}
#endif

#endif
