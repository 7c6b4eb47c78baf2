/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_TRACE_H
#define AHTTP_TRACE_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A trace is told of every step of calls and connections as it happens.  It is
 * given in the options of a client, for all that the client does, or in those
 * of one send: then it has the events of that call, and the client's does not.
 *
 * No event holds a password or the value of a field.
 */

/* Kinds of event: constant, number, name.  Numbers are frozen; hundreds are
 * groups. */
#define AHTTP_TRACE_MAP(X)                                              \
  X(CALL_STARTED, 1, "call.started")                                    \
  X(CALL_COMPLETE, 2, "call.complete")                                  \
  X(CALL_FAILED, 3, "call.failed")                                      \
  X(REDIRECT, 4, "redirect")                                            \
  X(RETRY, 5, "retry")                                                  \
  X(TIMEOUT, 6, "timeout")                                              \
  X(UPGRADE, 7, "upgrade")                                              \
  X(DNS_STARTED, 101, "dns.started")                                    \
  X(DNS_COMPLETE, 102, "dns.complete")                                  \
  X(DNS_FAILED, 103, "dns.failed")                                      \
  X(CONNECT_TCP_STARTED, 201, "connect_tcp.started")                    \
  X(CONNECT_TCP_COMPLETE, 202, "connect_tcp.complete")                  \
  X(CONNECT_TCP_FAILED, 203, "connect_tcp.failed")                      \
  X(CONNECT_UNIX_STARTED, 204, "connect_unix_socket.started")           \
  X(CONNECT_UNIX_COMPLETE, 205, "connect_unix_socket.complete")         \
  X(CONNECT_UNIX_FAILED, 206, "connect_unix_socket.failed")             \
  X(START_TLS_STARTED, 207, "start_tls.started")                        \
  X(START_TLS_COMPLETE, 208, "start_tls.complete")                      \
  X(START_TLS_FAILED, 209, "start_tls.failed")                          \
  X(CONNECTION_MADE, 301, "connection.made")                            \
  X(CONNECTION_REUSED, 302, "connection.reused")                        \
  X(CONNECTION_CLOSED, 303, "connection.closed")                        \
  X(SEND_HEADERS_STARTED, 401, "send_request_headers.started")          \
  X(SEND_HEADERS_COMPLETE, 402, "send_request_headers.complete")        \
  X(SEND_HEADERS_FAILED, 403, "send_request_headers.failed")            \
  X(SEND_BODY_STARTED, 404, "send_request_body.started")                \
  X(SEND_BODY_COMPLETE, 405, "send_request_body.complete")              \
  X(SEND_BODY_FAILED, 406, "send_request_body.failed")                  \
  X(RECEIVE_HEADERS_STARTED, 407, "receive_response_headers.started")   \
  X(RECEIVE_HEADERS_COMPLETE, 408, "receive_response_headers.complete") \
  X(RECEIVE_HEADERS_FAILED, 409, "receive_response_headers.failed")     \
  X(RECEIVE_BODY_STARTED, 410, "receive_response_body.started")         \
  X(RECEIVE_BODY_COMPLETE, 411, "receive_response_body.complete")       \
  X(RECEIVE_BODY_FAILED, 412, "receive_response_body.failed")           \
  X(RECEIVE_INFORMATIONAL, 413, "receive_informational")                \
  X(RESPONSE_CLOSED, 414, "response_closed")                            \
  X(H2_SEND_INIT, 501, "send_connection_init")                          \
  X(H2_SETTINGS, 502, "receive_remote_settings")                        \
  X(H2_GOAWAY, 503, "receive_goaway")                                   \
  X(H2_PING_STARTED, 504, "ping.started")                               \
  X(H2_PING_COMPLETE, 505, "ping.complete")                             \
  X(H2_PING_FAILED, 506, "ping.failed")                                 \
  X(H2_STREAM_RESET, 507, "stream_reset")

/* What has happened; ahttp_trace(3) says what each of them carries. */
typedef enum ahttp_trace_kind {
#define AHTTP_TRACE_KIND(id, number, name) AHTTP_TRACE_##id = (number),
  AHTTP_TRACE_MAP(AHTTP_TRACE_KIND)
#undef AHTTP_TRACE_KIND
} ahttp_trace_kind;

/* Groups of kinds, for a mask. */
enum {
  AHTTP_TRACE_CALLS = 1 << 0,       /* begin and end of calls, hops between */
  AHTTP_TRACE_DNS = 1 << 1,         /* resolving */
  AHTTP_TRACE_CONNECT = 1 << 2,     /* sockets and TLS */
  AHTTP_TRACE_CONNECTIONS = 1 << 3, /* their life in the pool */
  AHTTP_TRACE_MESSAGES = 1 << 4,    /* requests and responses */
  AHTTP_TRACE_H2 = 1 << 5           /* HTTP/2 beyond them */
};

/* One event.  All of it is borrowed until the callback returns. */
typedef struct ahttp_trace_event {
  ahttp_trace_kind kind;
  uint64_t time_ns; /* a monotonic clock: uv_hrtime(), CLOCK_MONOTONIC */
  ahttp_call *call; /* whose it is; NULL: a connection's */
  uint64_t
      dial_id; /* the making of a connection, from 1 in a client; 0: none */
  uint64_t conn_id;  /* as in ahttp_call_info; 0: none yet */
  int64_t stream_id; /* HTTP/2 stream; -1: none */
  ahttp_str origin;  /* "https://example.org:443" */
  ahttp_str text;    /* an address, a method, ...; empty if there is none */
  uint64_t number;   /* a status, bytes, ...; 0 if there is none */
  const ahttp_error *error; /* of retry, timeout and ...failed; else NULL */
} ahttp_trace_event;

/*
 * Runs on the thread that runs the client's loop.  It may look at |event->call|
 * and call any function of the library; what those ask of the client is done
 * later in the loop's turn, and those that wait return AHTTP_ESTATE.
 */
typedef void (*ahttp_trace_cb)(const ahttp_trace_event *event, void *user_data);

/* Who is told; begin with AHTTP_TRACE_INIT.  Copied. */
typedef struct ahttp_trace {
  size_t size;             /* set by AHTTP_TRACE_INIT */
  ahttp_trace_cb callback; /* NULL: nobody */
  void *user_data;
  unsigned mask; /* AHTTP_TRACE_CALLS and the like; 0: all */
} ahttp_trace;

#define AHTTP_TRACE_INIT AHTTP_SIZED(ahttp_trace)

/* The name of |kind|, such as "connect_tcp.failed"; "?" if unknown. */
AHTTP_EXTERN const char *ahttp_trace_event_name(ahttp_trace_kind kind);

#ifdef __cplusplus
}
#endif

#endif
