/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/connector.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/dialer.h"
#include "transport/proxy_passage.h"

/*
 * The way to a connection, in three steps or four:
 *
 * 1. Dialing: |dial| is set.  The dialer resolves the host, or the proxy's, and
 *    connects.
 * 2. The proxy, if there is one: |passage| is set.  It leads through.
 * 3. TLS, for https origins: |stream| is the TLS stream, the connector its
 *    sink.  ALPN (RFC 7301) offers what the origin's policy allows.
 * 4. The connection: the protocol is known, the connection becomes the sink of
 *    the stream, and the connector is freed.
 *
 * One deadline spans all before the last.  A proxy that asks for credentials is
 * dialed again, within the same attempt: it may have closed the connection, or
 * be sending content that nobody wants to read.  An attempt that fails ends in
 * connector_fail(), which begins another one, waits to do so (|deadline| is the
 * backoff then, nothing else is under way), or gives up.
 *
 * Exactly one function ends a connector: connector_give_up() with an error,
 * connector_finish() with a connection, or ah_connector_cancel() silently; each
 * frees it.
 */
enum {
  /* HTTPX's backoff: nothing before the first repetition, then this, twice as
   * long before each later one. */
  RETRY_DELAY_MS = 500,
  /* Where HTTPX goes on doubling: a server that is back is found within this.
   */
  RETRY_DELAY_MS_MAX = 64 * 1000
};

struct ah_connector {
  ah_list_node node; /* the owner's */
  ah_resolver *resolver;
  ah_loop *loop;
  ah_origin *origin;
  ah_connector_opts opts;
  ah_deadline deadline;
  ah_dial *dial;       /* while dialing */
  ah_passage *passage; /* while the proxy is passed */
  unsigned rounds;     /* of its challenges answered in this attempt */
  ah_stream *stream;   /* during the TLS handshake */
  uint64_t mark_ns;    /* when the current step began */
  ah_connect_times times;
  ah_teller teller;  /* the dial's, if |opts.tell| is set */
  bool is_in_tls;    /* told of the beginning of TLS, and not of its end */
  ahttp_error error; /* of the last attempt, during the backoff; before that it
                        is not set */
};

/* --- Tracing. --------------------------------------------------------------
 */

static void connector_tell(ah_teller *teller, ahttp_trace_event *event)
{
  ah_connector *connector = AH_CONTAINER(teller, ah_connector, teller);
  if (event->kind < AHTTP_TRACE_CONNECT_TCP_STARTED &&
      event->kind >= AHTTP_TRACE_DNS_STARTED &&
      (connector->origin->proxy == NULL
           ? connector->origin->host_is_ip
           : connector->origin->proxy->host_is_ip)) {
    return; /* there is nothing to resolve */
  }
  event->dial_id = connector->opts.dial_id;
  connector->opts.tell(connector->opts.owner, connector, event);
}

static void connector_trace(ah_connector *connector, ahttp_trace_kind kind,
                            ahttp_str text, const ahttp_error *err)
{
  if (connector->opts.tell != NULL) {
    ahttp_trace_event event = {.kind = kind, .text = text, .error = err};
    connector_tell(&connector->teller, &event);
  }
}

static void connector_trace_tls_open(ah_connector *connector,
                                     const ah_stream_info *info)
{
  char text[128];
  const ahttp_str parts[] = {ah_str_from_c(info->tls_version),
                             ah_str_from_c(info->tls_cipher), info->alpn};
  size_t len = 0;
  connector->is_in_tls = false;
  if (connector->opts.tell == NULL) {
    return;
  }
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    if (parts[i].len == 0 || len + parts[i].len + 1 > sizeof(text)) {
      continue;
    }
    if (len > 0) {
      text[len++] = ' ';
    }
    memcpy(text + len, parts[i].ptr, parts[i].len);
    len += parts[i].len;
  }
  connector_trace(connector, AHTTP_TRACE_START_TLS_COMPLETE, ah_str(text, len),
                  NULL);
}

/* TLS has failed, if it has begun. */
static void connector_trace_tls_failed(ah_connector *connector,
                                       const ahttp_error *err)
{
  if (connector->is_in_tls) {
    connector->is_in_tls = false;
    connector_trace(connector, AHTTP_TRACE_START_TLS_FAILED, AH_STR(""), err);
  }
}

/* --- Going. ----------------------------------------------------------------
 */

/* Ends the current step and returns how long it took. */
static uint64_t connector_lap(ah_connector *connector, uint64_t now_ns)
{
  uint64_t lap = now_ns > connector->mark_ns ? now_ns - connector->mark_ns : 0;
  connector->mark_ns += lap;
  return lap;
}

static void connector_clock_dial(ah_connector *connector, uint64_t resolved_ns,
                                 uint64_t now_ns)
{
  connector->times.dns +=
      connector_lap(connector, resolved_ns == 0 ? now_ns : resolved_ns);
  connector->times.connect += connector_lap(connector, now_ns);
}

/* Takes the time of the step that is under way, whichever it is. */
static void connector_clock(ah_connector *connector)
{
  uint64_t now_ns = ah_loop_read_clock(connector->loop);
  if (connector->dial != NULL) {
    connector_clock_dial(connector, ah_dial_resolved_ns(connector->dial),
                         now_ns);
  } else if (connector->passage != NULL &&
             !ah_passage_is_in_tls(connector->passage)) {
    connector->times.connect += connector_lap(connector, now_ns);
  } else {
    connector->times.tls += connector_lap(connector, now_ns);
  }
}

static const char *stream_peer(const ah_stream_info *info)
{
  return info->remote_address[0] == '\0' ? "the server" : info->remote_address;
}

/* Stops whatever is under way.  |err|, if not NULL, gets the phase and a text
 * that says what it was. */
static void connector_stop(ah_connector *connector, ahttp_error *err)
{
  ah_deadline_stop(&connector->deadline);
  if (connector->dial != NULL) {
    ah_dial_cancel(connector->dial, err);
    connector->dial = NULL;
  }
  if (connector->passage != NULL) {
    ah_passage_cancel(connector->passage, err);
    connector->passage = NULL;
  }
  if (connector->stream == NULL) {
    return;
  }
  if (err != NULL) {
    ah_stream_info info = {0};
    connector->stream->ops->info(connector->stream, &info);
    ah_error_say(err, err->code, AHTTP_PHASE_TLS, "TLS handshake with %s",
                 stream_peer(&info));
  }
  connector->stream->ops->close(connector->stream);
  connector->stream = NULL;
}

/* An attempt that failed may begin another, which may fail. */
static void connector_fail(ah_connector *connector, const ahttp_error *err);

static void connector_give_up(ah_connector *connector, const ahttp_error *err)
{
  ahttp_error told = *err;
  if (connector->times.attempts > 1) {
    ah_error_set(&told, err->code, err->phase, err->domain, err->native,
                 "%s (attempt %u of %u)", err->text, connector->times.attempts,
                 connector->opts.retries + 1);
  }
  connector->opts.done(connector->opts.owner, connector, NULL,
                       AH_PROTOCOL_UNKNOWN, &connector->times, &told);
  ah_free(connector);
}

static void connector_on_expired(ah_deadline *deadline)
{
  ah_connector *connector = AH_CONTAINER(deadline, ah_connector, deadline);
  unsigned ms = deadline->duration_ms;
  ahttp_error under_way = {.code = AHTTP_ETIMEOUT_CONNECT,
                           .phase = AHTTP_PHASE_CONNECT};
  connector_clock(connector);
  connector_stop(connector, &under_way);
  ahttp_error err;
  ah_error_say(&err, AHTTP_ETIMEOUT_CONNECT, under_way.phase,
               "no connection within %u ms: %s", ms, under_way.text);
  connector_trace(connector, AHTTP_TRACE_TIMEOUT, AH_STR(""), &err);
  connector_fail(connector, &err);
}

/* Makes the connection on |stream|, which is open and paused. */
static void connector_finish(ah_connector *connector, ah_stream *stream,
                             ah_origin_protocol protocol)
{
  connector->stream = NULL;
  ah_deadline_stop(&connector->deadline);
  ah_connection *conn = NULL;
  int rv =
      protocol == AH_PROTOCOL_H2
          ? ah_h2_connection_new(&conn, stream, connector->opts.h2_streams_max)
          : ah_h1_connection_new(&conn, stream);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_CONNECT);
    connector_fail(connector, &err);
    return;
  }
  conn->dial_id = connector->opts.dial_id;
  if (connector->origin->is_forward) {
    /* TLS ends at the proxy: it says nothing about the servers. */
    conn->info.tls = NULL;
    conn->info.tls_version = NULL;
    conn->info.tls_cipher = NULL;
    conn->info.alpn = AH_STR("");
  }
  connector->opts.done(connector->opts.owner, connector, conn, protocol,
                       &connector->times, NULL);
  ah_free(connector);
}

static bool policy_wants_h2(ahttp_http_policy policy)
{
  return policy == AHTTP_HTTP_2 || policy == AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
}

static void connector_on_tls_open(void *owner)
{
  ah_connector *connector = owner;
  ah_stream *stream = connector->stream;
  stream->ops->pause(stream);
  connector_clock(connector);
  ah_stream_info info = {0};
  stream->ops->info(stream, &info);
  connector_trace_tls_open(connector, &info);
  if (ah_str_eq(info.alpn, AH_STR("h2"))) {
    connector_finish(connector, stream, AH_PROTOCOL_H2);
    return;
  }
  if (policy_wants_h2(connector->origin->http)) {
    /* RFC 9113, section 3.2: HTTP/2 over TLS begins with ALPN. */
    ahttp_error err;
    ah_error_say(&err, AHTTP_EPROTO, AHTTP_PHASE_TLS,
                 "HTTP/2 is required, but %s does not offer it",
                 stream_peer(&info));
    connector_fail(connector, &err);
    return;
  }
  connector_finish(connector, stream, AH_PROTOCOL_H1);
}

static void connector_on_tls_read(void *owner, const uint8_t *data, size_t len)
{
  (void)owner;
  (void)data;
  (void)len;
  ah_assert(false); /* nothing arrives before the handshake is complete */
}

static void connector_on_tls_end(void *owner, bool clean)
{
  (void)clean;
  ahttp_error err;
  ah_error_say(&err, AHTTP_ETLS, AHTTP_PHASE_TLS,
               "the server closed the connection during the TLS handshake");
  connector_clock(owner);
  connector_fail(owner, &err);
}

static void connector_on_tls_error(void *owner, const ahttp_error *err)
{
  ahttp_error copy = *err; /* it may be the stream's, which is closed now */
  copy.phase = AHTTP_PHASE_TLS;
  connector_clock(owner);
  connector_fail(owner, &copy);
}

static void connector_on_tls_drain(void *owner)
{
  (void)owner;
}

static const ah_stream_sink connector_tls_sink = {
    .on_open = connector_on_tls_open,
    .on_read = connector_on_tls_read,
    .on_end = connector_on_tls_end,
    .on_error = connector_on_tls_error,
    .on_drain = connector_on_tls_drain,
};

/* The host as SNI and certificates have it: without the dot that marks a name
 * as complete in the DNS (RFC 6066, section 3). */
static ahttp_str host_without_dot(ahttp_str host)
{
  if (host.len > 1 && host.ptr[host.len - 1] == '.') {
    host.len--;
  }
  return host;
}

static void connector_start_tls(ah_connector *connector, ah_stream *below)
{
  const ah_origin *origin = connector->origin;
  const ah_tls_stream_opts opts = {
      .host = host_without_dot(origin->host),
      .sni = origin->sni,
      .port = origin->port,
      .host_is_ip = origin->host_is_ip,
      .offer_h2 = origin->http != AHTTP_HTTP_1_1,
      .offer_http1_1 = !policy_wants_h2(origin->http),
  };
  connector->is_in_tls = true;
  connector_trace(connector, AHTTP_TRACE_START_TLS_STARTED, opts.host, NULL);
  ahttp_error err;
  int rv =
      ah_tls_stream_new(&connector->stream, below, origin->tls, &opts, &err);
  if (rv != AHTTP_OK) {
    connector_clock(connector);
    connector_fail(connector, &err);
    return;
  }
  ah_stream *stream = connector->stream;
  ah_stream_set_sink(stream, &connector_tls_sink, connector);
  stream->ops->resume(stream);
}

/* Goes on with |stream|, which leads to the origin. */
static void connector_on_way(ah_connector *connector, ah_stream *stream)
{
  if (connector->origin->is_tls) {
    connector_start_tls(connector, stream);
    return;
  }
  bool is_h2 = connector->origin->http == AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  connector_finish(connector, stream, is_h2 ? AH_PROTOCOL_H2 : AH_PROTOCOL_H1);
}

/* A proxy that wants credentials is dialed again. */
static void connector_redial(ah_connector *connector);

static void connector_on_passed(void *owner, ah_stream *stream,
                                const ahttp_error *err, bool again)
{
  ah_connector *connector = owner;
  connector_clock(connector);
  connector->passage = NULL;
  if (again) {
    connector_redial(connector);
  } else if (err != NULL) {
    connector_fail(connector, err);
  } else {
    connector_on_way(connector, stream);
  }
}

static void connector_start_passage(ah_connector *connector, ah_stream *stream)
{
  const ah_origin *origin = connector->origin;
  const ah_passage_opts opts = {
      .origin = origin,
      .resolver = connector->resolver,
      .families = ah_socket_policy_families(connector->opts.policy, NULL),
      .rounds = connector->rounds,
      .done = connector_on_passed,
      .owner = connector,
  };
  ahttp_error err;
  int rv = ah_passage_start(&connector->passage, stream, &opts, &err);
  if (rv != AHTTP_OK) {
    connector_fail(connector, &err);
  }
}

static void connector_on_dialed(void *owner, ah_stream *stream,
                                uint64_t resolved_ns, const ahttp_error *err)
{
  ah_connector *connector = owner;
  const ah_proxy *proxy = connector->origin->proxy;
  connector->dial = NULL;
  uint64_t now_ns = ah_loop_read_clock(connector->loop);
  connector_clock_dial(connector, resolved_ns, now_ns);
  if (err != NULL && proxy != NULL) {
    ahttp_error named = *err;
    ah_passage_name_proxy(proxy, &named);
    connector_fail(connector, &named);
  } else if (err != NULL) {
    connector_fail(connector, err);
  } else if (proxy == NULL ||
             (connector->origin->is_forward && proxy->kind == AH_PROXY_HTTP)) {
    connector_on_way(connector, stream);
  } else {
    connector_start_passage(connector, stream);
  }
}

/* --- Attempts. -------------------------------------------------------------
 */

/* AHTTP_OK or AHTTP_ENOMEM. */
static int connector_dial(ah_connector *connector)
{
  const ah_origin *origin = connector->origin;
  const ah_proxy *proxy = origin->proxy;
  const ah_dial_opts opts = {
      .host = proxy == NULL ? origin->host : proxy->host,
      .port = proxy == NULL ? origin->port : proxy->port,
      .unix_path = origin->unix_path,
      .policy = connector->opts.policy,
      .local = origin->has_local ? &origin->local : NULL,
      .teller = connector->opts.tell == NULL ? NULL : &connector->teller,
  };
  connector->mark_ns = ah_loop_read_clock(connector->loop);
  return ah_dial_start(&connector->dial, connector->loop, connector->resolver,
                       &opts, connector_on_dialed, connector);
}

static void connector_redial(ah_connector *connector)
{
  connector->rounds++;
  int rv = connector_dial(connector);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_CONNECT);
    connector_fail(connector, &err);
  }
}

/* Begins an attempt.  AHTTP_OK or AHTTP_ENOMEM. */
static int connector_attempt(ah_connector *connector)
{
  connector->times = (ah_connect_times){.attempts = connector->times.attempts};
  connector->times.attempts++;
  connector->rounds = 0;
  int rv = connector_dial(connector);
  if (rv == AHTTP_OK) {
    connector->deadline.expired = connector_on_expired;
    ah_deadline_start(connector->loop, &connector->deadline,
                      connector->opts.connect_ms);
  }
  return rv;
}

static void connector_on_backoff_over(ah_deadline *deadline)
{
  ah_connector *connector = AH_CONTAINER(deadline, ah_connector, deadline);
  if (connector->origin->waiters.count == 0) {
    connector_give_up(connector, &connector->error); /* for nobody */
    return;
  }
  int rv = connector_attempt(connector);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_CONNECT);
    connector_give_up(connector, &err);
  }
}

/*
 * What HTTPX repeats, ConnectError and ConnectTimeout, less what will be the
 * same the next time: a certificate that is not trusted, and what is out of
 * memory or refused by the program, which are no connect errors here.
 */
static bool code_may_pass(int code)
{
  return ahttp_error_is_connect(code) && code != AHTTP_ECERT;
}

/* How long to wait before the attempt that follows |attempts| others, ms. */
static uint32_t backoff_ms(unsigned attempts)
{
  unsigned doublings = attempts - 1; /* of half of RETRY_DELAY_MS */
  if (doublings == 0) {
    return 0;
  }
  uint32_t delay_ms = RETRY_DELAY_MS;
  while (doublings > 1 && delay_ms < RETRY_DELAY_MS_MAX) {
    delay_ms *= 2;
    doublings--;
  }
  return delay_ms < RETRY_DELAY_MS_MAX ? delay_ms : RETRY_DELAY_MS_MAX;
}

static void connector_fail(ah_connector *connector, const ahttp_error *err)
{
  connector_trace_tls_failed(connector, err);
  connector_stop(connector, NULL);
  if (connector->times.attempts > connector->opts.retries ||
      !code_may_pass(err->code)) {
    connector_give_up(connector, err);
    return;
  }
  connector->error = *err;
  connector->deadline.expired = connector_on_backoff_over;
  ah_deadline_start(connector->loop, &connector->deadline,
                    backoff_ms(connector->times.attempts));
}

int ah_connector_start(ah_connector **out, ah_loop *loop, ah_resolver *resolver,
                       ah_origin *origin, const ah_connector_opts *opts)
{
  *out = NULL;
  ah_connector *connector = ah_malloc(sizeof(*connector));
  if (connector == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_zero(connector, offsetof(ah_connector, error));
  connector->loop = loop;
  connector->origin = origin;
  connector->opts = *opts;
  connector->teller.tell = connector_tell;
  connector->resolver = resolver;
  int rv = connector_attempt(connector);
  if (rv != AHTTP_OK) {
    ah_free(connector);
    return rv;
  }
  *out = connector;
  return AHTTP_OK;
}

const ah_connect_times *ah_connector_times(ah_connector *connector)
{
  connector_clock(connector);
  return &connector->times;
}

void ah_connector_cancel(ah_connector *connector)
{
  if (connector->is_in_tls) {
    ahttp_error err;
    ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_TLS);
    connector_trace_tls_failed(connector, &err);
  }
  connector_stop(connector, NULL);
  ah_free(connector);
}

ah_list_node *ah_connector_node(ah_connector *connector)
{
  return &connector->node;
}

ah_connector *ah_connector_at(ah_list_node *node)
{
  return AH_CONTAINER(node, ah_connector, node);
}
