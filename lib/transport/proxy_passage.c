/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/proxy_passage.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/error_map.h"
#include "net/socks5.h"
#include "transport/connect_tunnel.h"

/*
 * At most three steps, one after the other:
 *
 * 1. TLS with the proxy, if it is an https:// one.  It is verified as servers
 *    are, by the proxy's own profile; ALPN offers http/1.1 alone.
 * 2. Looking the host up, for socks5://, which wants an address.
 * 3. The talk: CONNECT or SOCKS5.  A proxy that forwards is not talked to.
 *
 * |stream| is the topmost stream of the time.  passage_fail() and
 * passage_finish() end it, each from the loop.
 */
typedef enum passage_step {
  PASSAGE_TLS,
  PASSAGE_LOOKUP,
  PASSAGE_TALK
} passage_step;

struct ah_passage {
  ah_passage_opts opts;
  passage_step step;
  ah_stream *stream; /* NULL: given away, or closed */
  ah_lookup lookup;  /* pending in PASSAGE_LOOKUP only */
  ah_address address;
  bool has_address;
  bool again;
  ahttp_error lookup_error;
};

static const ah_proxy *passage_proxy(const ah_passage *passage)
{
  return passage->opts.origin->proxy;
}

void ah_passage_name_proxy(const ah_proxy *proxy, ahttp_error *err)
{
  ahttp_error named;
  bool is_v6 = memchr(proxy->host.ptr, ':', proxy->host.len) != NULL;
  ah_error_set(&named, err->code, err->phase, err->domain, err->native,
               "the proxy %s%.*s%s:%u: %s", is_v6 ? "[" : "",
               (int)(proxy->host.len > 200 ? 200 : proxy->host.len),
               proxy->host.ptr, is_v6 ? "]" : "", (unsigned)proxy->port,
               err->text);
  *err = named;
}

bool ah_passage_is_in_tls(const ah_passage *passage)
{
  return passage->step == PASSAGE_TLS;
}

static void passage_stop(ah_passage *passage)
{
  if (passage->step == PASSAGE_LOOKUP) {
    ah_lookup_cancel(&passage->lookup);
  }
  if (passage->stream != NULL) {
    passage->stream->ops->close(passage->stream);
    passage->stream = NULL;
  }
}

/* |err| may be within the stream, which goes at the end of the turn. */
static void passage_fail(ah_passage *passage, const ahttp_error *err)
{
  ahttp_error copy = *err;
  if (passage->step == PASSAGE_TLS) {
    copy.phase = AHTTP_PHASE_TLS;
    ah_passage_name_proxy(passage_proxy(passage), &copy);
  } else if (passage->step == PASSAGE_TALK) {
    copy.phase = AHTTP_PHASE_CONNECT;
  }
  passage_stop(passage);
  passage->opts.done(passage->opts.owner, NULL, &copy, passage->again);
  ah_free(passage);
}

static void passage_finish(ah_passage *passage)
{
  ah_stream *stream = passage->stream;
  passage->stream = NULL;
  passage->opts.done(passage->opts.owner, stream, NULL, false);
  ah_free(passage);
}

/* --- The sink of |stream|, in two of the steps. ----------------------------
 */

/* What is open may be followed by the talk. */
static void passage_on_open(void *owner);

static void passage_on_read(void *owner, const uint8_t *data, size_t len)
{
  (void)owner;
  (void)data;
  (void)len;
  ah_assert(false); /* it is paused when it is open */
}

static void passage_on_end(void *owner, bool clean)
{
  ahttp_error err;
  (void)clean;
  ah_error_say(&err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT,
               "the proxy closed the connection");
  passage_fail(owner, &err);
}

static void passage_on_error(void *owner, const ahttp_error *err)
{
  passage_fail(owner, err);
}

static void passage_on_drain(void *owner)
{
  (void)owner;
}

static const ah_stream_sink passage_sink = {
    .on_open = passage_on_open,
    .on_read = passage_on_read,
    .on_end = passage_on_end,
    .on_error = passage_on_error,
    .on_drain = passage_on_drain,
};

static void passage_watch(ah_passage *passage)
{
  ah_stream_set_sink(passage->stream, &passage_sink, passage);
  passage->stream->ops->resume(passage->stream);
}

/* --- The steps. ------------------------------------------------------------
 */

static int passage_start_tls(ah_passage *passage, ahttp_error *err)
{
  const ah_proxy *proxy = passage_proxy(passage);
  const ah_tls_stream_opts opts = {
      .host = proxy->host,
      .port = proxy->port,
      .host_is_ip = proxy->host_is_ip,
      .offer_http1_1 = true,
  };
  ah_stream *below = passage->stream; /* TLS's, whatever comes of it */
  passage->stream = NULL;
  passage->step = PASSAGE_TLS;
  int rv = ah_tls_stream_new(&passage->stream, below, proxy->tls, &opts, err);
  if (rv == AHTTP_OK) {
    passage_watch(passage);
  }
  return rv;
}

static int passage_new_negotiator(ah_passage *passage, ah_negotiator **out,
                                  ahttp_error *err)
{
  const ah_origin *origin = passage->opts.origin;
  ah_proxy *proxy = origin->proxy;
  if (ah_proxy_is_socks(proxy)) {
    const ah_socks5_opts opts = {
        .host = origin->host,
        .port = origin->port,
        .address = passage->has_address ? &passage->address : NULL,
        .username = proxy->username,
        .password = proxy->password,
    };
    return ah_socks5_new(out, &opts, err);
  }
  const ah_connect_tunnel_opts opts = {
      .proxy = proxy,
      .host = origin->host,
      .port = origin->port,
      .rounds = passage->opts.rounds,
      .again = &passage->again,
  };
  int rv = ah_connect_tunnel_new(out, &opts);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_CONNECT);
  }
  return rv;
}

static int passage_start_talk(ah_passage *passage, ahttp_error *err)
{
  const ah_origin *origin = passage->opts.origin;
  /* A TLS or HTTP/1.1 server says nothing before it is asked; one of HTTP/2
   * without TLS sends its settings. */
  const ah_negotiation_opts opts = {
      .client_speaks_first =
          origin->is_tls || origin->http != AHTTP_HTTP_2_PRIOR_KNOWLEDGE};
  ah_negotiator *negotiator;
  passage->step = PASSAGE_TALK;
  int rv = passage_new_negotiator(passage, &negotiator, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_stream *below = passage->stream;
  passage->stream = NULL;
  rv = ah_negotiation_stream_new(&passage->stream, below, negotiator, &opts,
                                 err);
  if (rv == AHTTP_OK) {
    passage_watch(passage);
  }
  return rv;
}

/* The first IPv4 address, if there is one: most proxies have no other way. */
static void passage_on_answer(ah_lookup *lookup, int family,
                              const ah_address *addresses, size_t count,
                              const ahttp_error *err)
{
  ah_passage *passage = AH_CONTAINER(lookup, ah_passage, lookup);
  if (count > 0 && (family == AF_INET || !passage->has_address)) {
    passage->address = addresses[0];
    passage->has_address = true;
  } else if (err != NULL) {
    passage->lookup_error = *err;
  }
  bool is_v4_there =
      passage->has_address && passage->address.any.sa_family == AF_INET;
  if (!is_v4_there && lookup->pending > 0) {
    return;
  }
  if (!passage->has_address) {
    if (passage->lookup_error.code == AHTTP_OK) {
      (void)ah_error_no_address(&passage->lookup_error,
                                passage->opts.origin->host.ptr);
    }
    passage_fail(passage, &passage->lookup_error);
    return;
  }
  ah_lookup_cancel(lookup);
  ahttp_error failure;
  if (passage_start_talk(passage, &failure) != AHTTP_OK) {
    passage_fail(passage, &failure);
  }
}

static int passage_start_lookup(ah_passage *passage, ahttp_error *err)
{
  const ah_origin *origin = passage->opts.origin;
  passage->step = PASSAGE_LOOKUP;
  passage->lookup.families = passage->opts.families;
  passage->lookup.on_answer = passage_on_answer;
  int rv = ah_resolver_lookup(passage->opts.resolver, &passage->lookup,
                              origin->host, origin->port);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_DNS);
  }
  return rv;
}

/* Whatever comes after TLS. */
static int passage_go_on(ah_passage *passage, ahttp_error *err)
{
  const ah_origin *origin = passage->opts.origin;
  bool needs_address =
      origin->proxy->kind == AH_PROXY_SOCKS5 && !origin->host_is_ip;
  return needs_address ? passage_start_lookup(passage, err)
                       : passage_start_talk(passage, err);
}

static void passage_on_open(void *owner)
{
  ah_passage *passage = owner;
  passage->stream->ops->pause(passage->stream);
  if (passage->step == PASSAGE_TALK || passage->opts.origin->is_forward) {
    passage_finish(passage);
    return;
  }
  ahttp_error err;
  if (passage_go_on(passage, &err) != AHTTP_OK) {
    passage_fail(passage, &err);
  }
}

/* --- Lifecycle. ------------------------------------------------------------
 */

int ah_passage_start(ah_passage **out, ah_stream *below,
                     const ah_passage_opts *opts, ahttp_error *err)
{
  *out = NULL;
  ah_passage *passage = ah_calloc(1, sizeof(*passage));
  if (passage == NULL) {
    below->ops->close(below);
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_CONNECT);
    return AHTTP_ENOMEM;
  }
  passage->opts = *opts;
  passage->stream = below;
  int rv = passage_proxy(passage)->kind == AH_PROXY_HTTPS
               ? passage_start_tls(passage, err)
               : passage_go_on(passage, err);
  if (rv != AHTTP_OK) {
    passage_stop(passage);
    ah_free(passage);
    return rv;
  }
  *out = passage;
  return AHTTP_OK;
}

void ah_passage_cancel(ah_passage *passage, ahttp_error *err)
{
  static const char *const under_way[] = {
      [PASSAGE_TLS] = "TLS handshake with the proxy",
      [PASSAGE_LOOKUP] = "resolving the host for the proxy",
      [PASSAGE_TALK] = "waiting for the proxy's answer",
  };
  if (err != NULL) {
    const ah_proxy *proxy = passage_proxy(passage);
    ahttp_phase phase = passage->step == PASSAGE_TLS      ? AHTTP_PHASE_TLS
                        : passage->step == PASSAGE_LOOKUP ? AHTTP_PHASE_DNS
                                                          : AHTTP_PHASE_CONNECT;
    ah_error_say(err, err->code, phase, "%s (%.*s:%u)",
                 under_way[passage->step],
                 (int)(proxy->host.len > 200 ? 200 : proxy->host.len),
                 proxy->host.ptr, (unsigned)proxy->port);
  }
  passage_stop(passage);
  ah_free(passage);
}
