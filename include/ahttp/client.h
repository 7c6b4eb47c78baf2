/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_CLIENT_H
#define AHTTP_CLIENT_H

#include <ahttp/clock.h>
#include <ahttp/cookies.h>
#include <ahttp/error.h>
#include <ahttp/fields.h>
#include <ahttp/net.h>
#include <ahttp/proxy.h>
#include <ahttp/resolver.h>
#include <ahttp/retry.h>
#include <ahttp/tls.h>
#include <ahttp/trace.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
struct ahttp_hook;

/*
 * A client owns a connection pool, a resolver and TLS settings.  Requests made
 * through one client share its connections.
 *
 * Its callbacks run on the thread that runs its loop.  That is one of:
 * - the caller's uv_loop_t, and the thread that runs it (until it first runs,
 *   the one that made the client);
 * - a private loop, run by whichever thread waits for something of the client:
 *   the first one does, the others sleep until it is served and hands on;
 * - a private loop with a thread of its own (|background|).
 *
 * Every function that takes a client or a call works from any thread, but for
 * what it says itself.  On other threads than the loop's its effect comes with
 * the loop's next turn.
 */

/* In an options struct 0 means "default"; these say "no limit" and "none" where
 * a number of milliseconds or things is asked for. */
#define AHTTP_NO_LIMIT UINT32_MAX
#define AHTTP_NONE (UINT32_MAX - 1)

/* Which protocol versions may be used. */
typedef enum ahttp_http_policy {
  AHTTP_HTTP_AUTO = 0, /* TLS: HTTP/2 if the server offers it by ALPN, else
                          HTTP/1.1; without TLS: HTTP/1.1 */
  AHTTP_HTTP_1_1 = 1,  /* HTTP/1.1 only */
  AHTTP_HTTP_2 = 2,    /* TLS: HTTP/2 or fail; without TLS: HTTP/1.1 */
  AHTTP_HTTP_2_PRIOR_KNOWLEDGE = 3 /* HTTP/2, without TLS too (RFC 9113,
                                      section 3.3) */
} ahttp_http_policy;

/* Whether content codings (Content-Encoding: gzip, deflate, br, zstd) are asked
 * for and undone. */
typedef enum ahttp_decode {
  AHTTP_DECODE_DEFAULT = 0, /* of a client: on; of a send: the client's */
  AHTTP_DECODE_ON = 1,      /* Accept-Encoding is sent, unless the request has
                               one, and content comes decoded */
  AHTTP_DECODE_OFF = 2      /* no such field; content comes as it is sent */
} ahttp_decode;

/* One fixed answer of the resolver. */
typedef struct ahttp_resolve_entry {
  const char *host;      /* as in the URL, in ASCII form; "*": every one */
  uint16_t port;         /* 0: any port */
  const char *addresses; /* numeric, separated by commas; IPv6 may be in [] */
} ahttp_resolve_entry;

/* A transport for some URLs. */
typedef struct ahttp_mount {
  const char *pattern;        /* which: SCHEME://[HOST][:PORT], for example
                                 "all://", "https://", "http://localhost:8080";
                                 ahttp_transport(3) has all forms */
  ahttp_transport *transport; /* NULL: the client's default one */
} ahttp_mount;

/* Client options.  Begin with AHTTP_CLIENT_OPTS_INIT; 0 and NULL mean the
 * default.  Everything is copied, but for what says otherwise. */
typedef struct ahttp_client_opts {
  size_t size;            /* set by AHTTP_CLIENT_OPTS_INIT */
  struct uv_loop_s *loop; /* the caller's loop, which must outlive the client;
                             NULL: a private one */

  /* Defaults of every send; see ahttp_send_opts. */
  uint32_t connect_ms; /* 5000 */
  uint32_t read_ms;    /* 5000 */
  uint32_t write_ms;   /* 5000 */
  uint32_t pool_ms;    /* 5000 */
  uint32_t total_ms;   /* no limit */

  /* Limits of the pool.  AHTTP_NO_LIMIT is allowed. */
  uint32_t conns_max;               /* open connections: 100 */
  uint32_t conns_per_origin_max;    /* of those to one origin: no limit */
  uint32_t conns_idle_max;          /* kept open while unused: 20 */
  uint32_t idle_ms;                 /* how long: 5000 */
  uint32_t h2_conns_per_origin_max; /* HTTP/2 connections to one origin: 1 */
  uint32_t h2_streams_max; /* concurrent streams on one connection: 100; the
                              server's own limit holds as well */

  uint32_t redirects_max;    /* redirects followed: 0, none */
  size_t content_max;        /* bytes of content the blocking functions hold:
                                100 MiB; over it AHTTP_ELIMIT */
  ahttp_http_policy http;    /* protocol versions: AHTTP_HTTP_AUTO */
  const ahttp_tls_opts *tls; /* NULL: the defaults */

  const char *user_agent;  /* "libahttp/VERSION"; "" sends none */
  const char *unix_socket; /* path: connect there for every origin */
  const char *dns_servers; /* "127.0.0.1:5353,..." instead of resolv.conf's */
  const ahttp_resolve_entry *resolve; /* |resolve_count| fixed answers */
  size_t resolve_count;

  bool background; /* a thread of the library's runs the private loop, also
                      while nobody waits; not with |loop| */
  bool keep_certificate; /* calls keep the server's certificate to their end:
                            ahttp_call_certificate() */

  const ahttp_trace *trace;  /* NULL: nobody is told; see trace.h */
  const ahttp_net_opts *net; /* how sockets are made; NULL: the defaults */
  /* Not with |dns_servers|; NULL: the hosts file and DNS. */
  const ahttp_resolver *resolver;
  uint32_t connect_retries; /* see ahttp_send_opts: 0, none */
  ahttp_clock *clock; /* for tests: what the client's times go by, and must
                         outlive it; NULL: the system's clock */

  ahttp_transport *transport; /* carries every request instead of connections;
                                 the client takes a reference */
  const ahttp_mount *mounts;  /* |mount_count| transports for some URLs, the
                                 most specific pattern first */
  size_t mount_count;

  ahttp_auth *auth; /* of every send that has none of its own; the client takes
                       a reference */
  const struct ahttp_hook *hooks; /* |hook_count| of them, see hooks.h */
  size_t hook_count;

  /* What requests get that they do not have themselves. */
  const char *base_url;       /* where those of ahttp_client_request() go whose
                                 URL has no scheme; NULL or "": nowhere */
  const ahttp_params *params; /* query parameters of the same; or NULL */
  const ahttp_field *fields;  /* |field_count| fields of every hop, before the
                                 request's own; user-agent and accept replace
                                 the library's; or NULL */
  size_t field_count;

  /* Cookies.  Without either of these none are stored and none are sent but
   * those that a request has in a field of its own. */
  ahttp_cookie_jar *cookies; /* store and send with this jar, of which a
                                reference is held; NULL: none */
  bool keep_cookies;         /* with a jar of the client's own, in memory; see
                                ahttp_client_cookies().  Not with |cookies| */

  ahttp_decode decode;       /* of every send: AHTTP_DECODE_ON */
  uint32_t decode_ratio_max; /* content of more than 8 MiB that is held may be
                                this many times as long as what arrived for it:
                                200; over it AHTTP_ELIMIT.  AHTTP_NO_LIMIT is
                                allowed */

  /* Proxies.  |proxies| are |proxy_count| rules, the most specific pattern
   * first.  For all other URLs |proxy|, if it is set; else what HTTP_PROXY,
   * HTTPS_PROXY, ALL_PROXY and NO_PROXY say, unless |env_off|. */
  const ahttp_proxy *proxy;
  const ahttp_proxy_rule *proxies;
  size_t proxy_count;
  const char *no_proxy; /* hosts to reach directly rather than by |proxy| or
                           the environment's, as in NO_PROXY and instead of
                           it; NULL: only the environment's, for its own */
  bool env_off;         /* the environment is not asked */

  /* Content of at least so many bytes, or of unknown length, is sent with
   * "Expect: 100-continue": ahttp_request(3) says what follows.  0: none is;
   * requests may still have that field themselves. */
  uint64_t expect_bytes;

  bool refuse_downgrade;         /* see ahttp_send_opts: they are followed */
  const ahttp_retry_opts *retry; /* sends again what failed; see retry.h; NULL:
                                    it does not */
} ahttp_client_opts;

#define AHTTP_CLIENT_OPTS_INIT AHTTP_SIZED(ahttp_client_opts)

/* Options of one send; 0 means the client's. */
typedef struct ahttp_send_opts {
  size_t size;              /* set by AHTTP_SEND_OPTS_INIT */
  uint32_t connect_ms;      /* resolve, connect and TLS handshake, together */
  uint32_t read_ms;         /* between two arrivals of response bytes */
  uint32_t write_ms;        /* between two advances of the request's bytes */
  uint32_t pool_ms;         /* waiting for a connection the limits forbid */
  uint32_t total_ms;        /* from the launch on the loop to on_done */
  uint32_t redirects_max;   /* redirects followed; AHTTP_NONE: none */
  const ahttp_trace *trace; /* of this call instead of the client's; copied */
  const char *sni;          /* host name or address to ask for and to verify by
                               TLS, instead of the URL's, at the URL's host;
                               copied */
  bool keep_certificate;    /* as in ahttp_client_opts; true if either is */

  /*
   * How often a connect that failed is tried again, AHTTP_NONE: not at all;
   * when resolving, connecting or the TLS handshake failed or took longer than
   * connect_ms, but not for a certificate that is not trusted.  As HTTPX does
   * it: at once, then after 0.5 s, 1 s, 2 s and so on (64 s at most).
   * connect_ms is for each try, total_ms for everything.  Nothing of the
   * request has been sent then.
   */
  uint32_t connect_retries;
  /* Like ahttp_net_opts.local_address and instead of it, at the URL's host;
   * NULL: the client's.  Calls with different ones share no connection. */
  const char *local_address;
  ahttp_auth *auth;      /* instead of the client's; ahttp_auth_none(): none.
                            The call takes a reference */
  ahttp_decode decode;   /* content codings */
  bool refuse_downgrade; /* a redirect from https to http fails with
                            AHTTP_EREDIRECT instead of being followed; true if
                            either this or the client's is */
  const ahttp_retry_opts *retry; /* instead of the client's, but for its budget;
                                    NULL: the client's; copied */
} ahttp_send_opts;

#define AHTTP_SEND_OPTS_INIT AHTTP_SIZED(ahttp_send_opts)

/*
 * Makes a client.  |opts| may be NULL.
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EINVAL   |opts| is from a newer header, or contradicts itself
 *   AHTTP_EURL     |opts->base_url| is no http or https URL
 *   AHTTP_EFIELD   one of |opts->fields| is none or belongs to the library
 *   AHTTP_ENOMEM
 *   AHTTP_ETLS     |opts->tls| names a file that cannot be read or does not
 *                  have what it should, a wrong password, or ciphers or groups
 *                  that nobody knows
 */
AHTTP_EXTERN int ahttp_client_new(ahttp_client **out,
                                  const ahttp_client_opts *opts);

/* The same, and fills |*err|, which may be NULL, also when it went well: its
 * text says in a sentence which option is wrong, and why. */
AHTTP_EXTERN int ahttp_client_new_err(ahttp_client **out,
                                      const ahttp_client_opts *opts,
                                      ahttp_error *err);

/* Runs once, from the loop, when nothing of a closed client is left. */
typedef void (*ahttp_closed_cb)(void *user_data);

/*
 * Closes |client|: pending calls end with AHTTP_ECLOSED, connections are
 * closed, then |on_closed| (may be NULL) runs from the loop and |client| is
 * gone.  The caller's loop can be closed after that.  Threads that wait are
 * answered; none may begin anything with |client| any more.  Futures, responses
 * and calls that are held stay good.
 *
 * May be called from any callback; then it returns at once.  Elsewhere it
 * returns when all is done if the loop is private.
 */
AHTTP_EXTERN void ahttp_client_close(ahttp_client *client,
                                     ahttp_closed_cb on_closed,
                                     void *user_data);

/* ahttp_client_close() without a callback; NULL is allowed. */
AHTTP_EXTERN void ahttp_client_free(ahttp_client *client);

/* The client's jar, which lives as long as the client, or longer with
 * ahttp_cookie_jar_ref(); NULL if it has none. */
AHTTP_EXTERN ahttp_cookie_jar *ahttp_client_cookies(const ahttp_client *client);

/* Counters of a client, for tests and curious people. */
typedef struct ahttp_client_stats {
  size_t size;            /* sizeof(*this), set by the caller */
  uint64_t calls_active;  /* started and not done */
  uint64_t calls_waiting; /* of those, waiting for a connection */
  uint64_t conns_open;    /* connections established */
  uint64_t conns_idle;    /* of those, unused */
  uint64_t conns_dialing; /* being established */
  uint64_t conns_made;    /* ever established */
} ahttp_client_stats;

/* Fills |*out|, whose size member the caller has set.  Waits for the loop's
 * next turn if another thread runs it. */
AHTTP_EXTERN void ahttp_client_get_stats(const ahttp_client *client,
                                         ahttp_client_stats *out);

#ifdef __cplusplus
}
#endif

#endif
