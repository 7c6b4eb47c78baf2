/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_ERROR_H
#define AHTTP_ERROR_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every fallible function returns 0 (AHTTP_OK) or one of these negative codes.
 * Numbers are frozen.  Hundreds group by phase: -1 usage and local trouble,
 * -100 resolving, -200 connecting and the connection, -300 TLS, -400 the
 * peer's protocol, -500 time, -600 what the client's own policy refuses.
 *
 * E...(INVAL, STATE) are the caller's fault, (PROTO, LIMIT, TRUNCATED) the
 * peer's.
 */
#define AHTTP_ERROR_MAP(X)                                     \
  X(EINVAL, -1, "invalid argument")                            \
  X(ENOMEM, -2, "out of memory")                               \
  X(ESTATE, -3, "not possible in this state")                  \
  X(EURL, -4, "invalid URL")                                   \
  X(EFIELD, -5, "invalid field name or value")                 \
  X(ESCHEME, -6, "unsupported URL scheme")                     \
  X(ECALLBACK, -7, "stopped by a callback")                    \
  X(ECANCELED, -8, "canceled")                                 \
  X(EBODY, -9, "the request content could not be read")        \
  X(ECLOSED, -10, "the client was closed")                     \
  X(EFILE, -11, "a file could not be read or written")         \
  X(ERESOLVE, -100, "the host name could not be resolved")     \
  X(ENOTFOUND, -101, "no such host")                           \
  X(ECONNECT, -200, "could not connect")                       \
  X(EREFUSED, -201, "connection refused")                      \
  X(EUNREACHABLE, -202, "host unreachable")                    \
  X(EREAD, -203, "could not read from the connection")         \
  X(EWRITE, -204, "could not write to the connection")         \
  X(ETLS, -300, "TLS failed")                                  \
  X(ECERT, -301, "the certificate could not be verified")      \
  X(EPIN, -302, "the server's public key is not a pinned one") \
  X(EPROTO, -400, "the peer violated the protocol")            \
  X(ELIMIT, -401, "a limit was exceeded")                      \
  X(ETRUNCATED, -402, "the response ended too early")          \
  X(EDISCONNECTED, -403,                                       \
    "the server closed the connection without a response")     \
  X(ESTREAM, -404, "the server reset the stream")              \
  X(EGOAWAY, -405, "the server is closing the connection")     \
  X(EDECODE, -406, "the content coding could not be decoded")  \
  X(ETIMEOUT_CONNECT, -500, "connecting took too long")        \
  X(ETIMEOUT_READ, -501, "no data arrived in time")            \
  X(ETIMEOUT_WRITE, -502, "sending took too long")             \
  X(ETIMEOUT_POOL, -503, "no connection became free in time")  \
  X(ETIMEOUT_TOTAL, -504, "the call took too long")            \
  X(ETIMEOUT_WAIT, -505, "waiting took too long")              \
  X(EREDIRECTS, -600, "too many redirects")                    \
  X(EREDIRECT, -601, "the redirect cannot be followed")        \
  X(EPROXY, -602, "the proxy refused")                         \
  X(ESTATUS, -603, "the response status is an error")

/* The codes. */
typedef enum ahttp_code {
  AHTTP_OK = 0,
#define AHTTP_ERROR_CODE(name, value, text) AHTTP_##name = (value),
  AHTTP_ERROR_MAP(AHTTP_ERROR_CODE)
#undef AHTTP_ERROR_CODE
  AHTTP_CODE_MIN = -10000 /* keeps the type wide enough for later codes */
} ahttp_code;

/* How far a call had come when it failed. */
typedef enum ahttp_phase {
  AHTTP_PHASE_NONE = 0,    /* nothing was tried */
  AHTTP_PHASE_QUEUE = 1,   /* waiting for a connection */
  AHTTP_PHASE_DNS = 2,     /* resolving the host name */
  AHTTP_PHASE_CONNECT = 3, /* connecting the socket */
  AHTTP_PHASE_TLS = 4,     /* TLS handshake */
  AHTTP_PHASE_SEND = 5,    /* sending the request */
  AHTTP_PHASE_WAIT = 6,    /* waiting for the response head */
  AHTTP_PHASE_RECEIVE = 7  /* receiving the response content */
} ahttp_phase;

/* Whose number ahttp_error.native is. */
typedef enum ahttp_domain {
  AHTTP_DOMAIN_NONE = 0, /* native is 0 */
  AHTTP_DOMAIN_OS = 1,   /* errno, positive */
  AHTTP_DOMAIN_DNS = 2,  /* c-ares status */
  AHTTP_DOMAIN_TLS = 3,  /* OpenSSL error code */
  AHTTP_DOMAIN_X509 = 4, /* OpenSSL verify result, X509_V_ERR_... */
  AHTTP_DOMAIN_H2 = 5,   /* HTTP/2 error code, RFC 9113 section 7 */
  AHTTP_DOMAIN_HTTP = 6  /* status code, RFC 9110 section 15 */
} ahttp_domain;

/* What went wrong, in full.  A plain value: copy it freely. */
typedef struct ahttp_error {
  int code;            /* AHTTP_OK or AHTTP_E... */
  ahttp_phase phase;   /* how far the call had come */
  ahttp_domain domain; /* whose number |native| is */
  long native;         /* the number below |code|, 0 if there is none */
  char text[496];      /* a sentence for people, NUL-terminated; names the URL
                          (password masked) and every address that was tried */
} ahttp_error;

/* The name of |code| without its prefix, such as "EPROTO"; "E?" if unknown. */
AHTTP_EXTERN const char *ahttp_error_name(int code);

/* The phrase for |code|; never NULL. */
AHTTP_EXTERN const char *ahttp_strerror(int code);

/* True for every AHTTP_ETIMEOUT_... (HTTPX: TimeoutException). */
AHTTP_EXTERN bool ahttp_error_is_timeout(int code);

/*
 * True if no connection could be made: resolving, connecting, TLS, or their
 * timeout (HTTPX: ConnectError and ConnectTimeout).
 */
AHTTP_EXTERN bool ahttp_error_is_connect(int code);

/* True for AHTTP_ETLS, AHTTP_ECERT and AHTTP_EPIN. */
AHTTP_EXTERN bool ahttp_error_is_tls(int code);

/* True if the network failed while connecting, reading or writing, but for
 * timeouts (HTTPX: NetworkError). */
AHTTP_EXTERN bool ahttp_error_is_network(int code);

/* True if either side broke the protocol (HTTPX: ProtocolError): */
AHTTP_EXTERN bool ahttp_error_is_protocol(int code);

/* ... we did, by what we were asked to send (HTTPX: LocalProtocolError). */
AHTTP_EXTERN bool ahttp_error_is_local_protocol(int code);

/* ... the peer did (HTTPX: RemoteProtocolError). */
AHTTP_EXTERN bool ahttp_error_is_remote_protocol(int code);

/* True for timeouts, network, protocol and proxy errors, and unsupported
 * schemes (HTTPX: TransportError). */
AHTTP_EXTERN bool ahttp_error_is_transport(int code);

/* True for those, for content that cannot be decoded and for redirects that
 * were not followed: everything that may happen to a request on its way (HTTPX:
 * RequestError). */
AHTTP_EXTERN bool ahttp_error_is_request(int code);

/*
 * True if the same request might well succeed a little later: the cause is the
 * network, the server's state or time, and neither the request, nor the
 * options, nor what the server wants to be.  The library has by then done those
 * retries that are always safe.
 *
 * Whether it is safe to send it again is another question.  If the error's
 * phase is before AHTTP_PHASE_SEND, the server cannot have seen any of it. From
 * there on it may have acted on it; then only idempotent requests (RFC 9110,
 * section 9.2.2) should be repeated.
 */
AHTTP_EXTERN bool ahttp_error_is_retryable(int code);

#ifdef __cplusplus
}
#endif

#endif
