/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_CALL_H
#define AHTTP_CALL_H

#include <ahttp/client.h>
#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A call is one send of a request, from ahttp_start() to on_done.  It belongs
 * to the library; the pointer is good until on_done returns, longer with
 * ahttp_call_ref().
 *
 * Any function of the library may be called from any of these callbacks.
 */

/*
 * What a call tells.  Members may be NULL.  Callbacks run on the loop's
 * thread, never before ahttp_start() has returned.  Pointers they are given
 * are borrowed until they return.  A callback that returns int goes on with 0;
 * anything else ends the call with AHTTP_ECALLBACK.
 */
typedef struct ahttp_handlers {
  size_t size; /* set by AHTTP_HANDLERS_INIT */

  /* An interim response, 1xx (RFC 9110, section 15.2); any number of times. */
  int (*on_informational)(ahttp_call *call, const ahttp_response *response,
                          void *user_data);

  /* The final response's status and fields; once. */
  int (*on_head)(ahttp_call *call, const ahttp_response *response,
                 void *user_data);

  /* |len| > 0 bytes of content, in order, decoded unless that is off; at most
   * 64 KiB at a time if they are.  They count as consumed when this
   * returns, unless the call has manual credit (ahttp_call_set_manual_credit):
   * then a window's worth may be outstanding. */
  int (*on_body)(ahttp_call *call, const uint8_t *data, size_t len,
                 void *user_data);

  /* The trailer section, if there was one; once, after the last on_body. */
  int (*on_trailers)(ahttp_call *call, const ahttp_fields *trailers,
                     void *user_data);

  /* |sent| bytes of the request content so far have left the library's
   * buffers. */
  void (*on_upload)(ahttp_call *call, uint64_t sent, void *user_data);

  /* The end, exactly once, last.  |err| is NULL after a complete response.
   * |response| is NULL if no head arrived. */
  void (*on_done)(ahttp_call *call, const ahttp_response *response,
                  const ahttp_error *err, void *user_data);
} ahttp_handlers;

#define AHTTP_HANDLERS_INIT AHTTP_SIZED(ahttp_handlers)

/*
 * Starts sending |request|.  |opts| may be NULL; |handlers| is copied.
 * Everything that can go wrong later, a bad option included, is told by
 * on_done.  Returns NULL, and runs no callback, only when memory is out, when
 * |client|, |request| or |handlers| is NULL, or when the client was closed.
 *
 * Any thread; but unless this is the loop's the call may be over when this
 * returns, and the pointer then only says that it was started.  A private loop
 * without |background| is run while somebody waits (blocking.h, future.h).
 */
AHTTP_EXTERN ahttp_call *ahttp_start(ahttp_client *client,
                                     ahttp_request *request,
                                     const ahttp_send_opts *opts,
                                     const ahttp_handlers *handlers,
                                     void *user_data);

/* Keeps |call| beyond on_done; drop with ahttp_call_unref().  Any thread. */
AHTTP_EXTERN ahttp_call *ahttp_call_ref(ahttp_call *call);

/* Drops a reference of ahttp_call_ref(); NULL is allowed.  Any thread. */
AHTTP_EXTERN void ahttp_call_unref(ahttp_call *call);

/*
 * Ends |call| with AHTTP_ECANCELED at whatever phase it is: its connection
 * slot is free at once, an HTTP/2 stream is reset.  on_done follows from the
 * loop, no other callback does.  Nothing happens if the call has ended.  Any
 * thread.
 */
AHTTP_EXTERN void ahttp_call_cancel(ahttp_call *call);

/*
 * Stops on_body until ahttp_call_resume().  What the peer goes on sending is
 * held back by TCP (HTTP/1.1) or the stream's window (HTTP/2); other calls on
 * the same connection go on.  The read timeout rests.  Any thread, like all of
 * the following; of a pause and a resume the later one holds.
 */
AHTTP_EXTERN void ahttp_call_pause(ahttp_call *call);

/* Undoes ahttp_call_pause(); on_body follows from the loop. */
AHTTP_EXTERN void ahttp_call_resume(ahttp_call *call);

/*
 * From now on bytes given to on_body count as consumed only when
 * ahttp_call_credit() says so.  At most one stream window (1 MiB) is
 * outstanding: then the call rests until credited.
 */
AHTTP_EXTERN void ahttp_call_set_manual_credit(ahttp_call *call);

/* Says that |len| bytes that on_body was given are consumed. */
AHTTP_EXTERN void ahttp_call_credit(ahttp_call *call, size_t len);

/* Asks the request's content source again after AHTTP_BODY_WAIT. */
AHTTP_EXTERN void ahttp_call_content_ready(ahttp_call *call);

/* Returned by a hook or an authentication that has to wait for something. */
#define AHTTP_LATER 1

/*
 * Goes on with a call in which such a callback has returned AHTTP_LATER: with
 * |code| AHTTP_OK it is called again, from the loop; with an error code the
 * call ends.  Nothing happens if the call does not wait for this.  Any thread.
 */
AHTTP_EXTERN void ahttp_call_go_on(ahttp_call *call, int code);

/* What was sent, as given to ahttp_start(). */
AHTTP_EXTERN const ahttp_request *ahttp_call_request(const ahttp_call *call);

/*
 * How the call went.  Durations in nanoseconds, of the last hop when redirects
 * were followed; they add up: total = queue + dns + connect + tls + send +
 * wait + receive + (earlier hops).  dns, connect and tls are 0 on a reused
 * connection and while another call's dialing was awaited (that is queue).
 */
typedef struct ahttp_call_info {
  size_t size;                /* sizeof(*this), set by the caller */
  ahttp_phase phase;          /* how far it came */
  uint64_t queue_ns;          /* waiting for a connection */
  uint64_t dns_ns;            /* resolving */
  uint64_t connect_ns;        /* connecting the socket */
  uint64_t tls_ns;            /* TLS handshake */
  uint64_t send_ns;           /* until the request had been written */
  uint64_t wait_ns;           /* until the response head */
  uint64_t receive_ns;        /* until the end of the content */
  uint64_t earlier_ns;        /* earlier hops: redirects and retries */
  uint64_t total_ns;          /* from ahttp_start() */
  uint64_t bytes_out;         /* request bytes, head and content, before TLS */
  uint64_t bytes_head;        /* response head bytes, before TLS */
  uint64_t bytes_body;        /* response content bytes as they were sent */
  uint64_t conn_id;           /* the connection, from 1 in a client; 0: none */
  int64_t stream_id;          /* HTTP/2 stream; -1: HTTP/1.1 or none */
  bool reused;                /* the connection had served a call before */
  unsigned attempts;          /* times the request was put on a connection */
  uint16_t remote_port;       /* 0: none, or a unix socket */
  const char *remote_address; /* numeric; "" if none; lives with the call */
  const char *tls_version;    /* such as "TLSv1.3"; "" without TLS; static */
  const char *tls_cipher;     /* such as "TLS_AES_256_GCM_SHA384"; static */
  bool tls_resumed;           /* the TLS session was resumed */
  uint64_t bytes_decoded;     /* content bytes after decoding; what on_body got;
                                 |bytes_body| if nothing had to be decoded */
  uint64_t wire_out;   /* bytes the socket carried meanwhile, TLS and its */
  uint64_t wire_in;    /* handshake included; over HTTP/2 also for other
                          calls of the connection */
  uint16_t local_port; /* 0: none, or a unix socket */
  const char *local_address; /* numeric; "" if none; lives with the call */
  const char *alpn;          /* protocol agreed on by ALPN, such as "h2"; "" if
                                none was; static */
  unsigned connect_attempts; /* connects that were tried for the connection, or
                                until it was given up; 0: none for this call */
  unsigned retries;          /* times it was sent again as retry.h says */
} ahttp_call_info;

/* Fills |*out|, whose size member the caller has set; best in on_done.  On the
 * loop's thread, or after the end on any. */
AHTTP_EXTERN void ahttp_call_get_info(const ahttp_call *call,
                                      ahttp_call_info *out);

#ifdef __cplusplus
}
#endif

#endif
