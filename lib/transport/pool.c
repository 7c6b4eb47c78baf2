/* SPDX-License-Identifier: MIT */

/*
 * The pool: which connection carries which exchange.
 *
 * Vocabulary.  An origin is where connections go (origin.h).  A waiter is an
 * exchange without a connection; each origin has its line of them (waiters.h).
 * A dial is a connection being made (connector.h).  A connection is idle while
 * it carries nothing, busy, or draining: then it finishes what it carries and
 * takes no more.
 *
 * Everything that happens, an exchange that comes or goes, a connection that
 * opens, frees a slot, drains or closes, a dial that fails, only changes the
 * lists and counters and marks its origin.  All decisions are made in one
 * place, pool_serve(), which runs once at the end of the turn, before the
 * connections write.  So a hundred exchanges started in one callback are seen
 * together, waiters wake as a batch, and nothing is decided deep in somebody
 * else's stack.  Serving the marked origins goes like this:
 *
 * 1. Origins that wait for the total limit and have no connection at all dial
 *    first, one each.  For them an idle connection is closed even if its own
 *    origin has waiters: with that, nobody can keep all connections to
 *    himself, and whoever has one keeps it.
 * 2. Waiters go on connections that are there: on the first HTTP/2 connection
 *    with a free slot, else on the HTTP/1.1 connection that was used last, so
 *    that the others can grow old and go.
 * 3. Origins that wait for the total limit and want more connections dial, in
 *    turn, one each time around.
 * 4. Marked origins dial for the waiters that are left.  Where the protocol is
 *    HTTP/1.1, once for each; such a dial serves whoever is first when it is
 *    done, and if a connection was free sooner, the new one becomes idle.
 *    Where it is HTTP/2, once, if there are fewer connections than allowed.
 *    Where it is not known yet, once: this scout tells by ALPN, the protocol is
 *    remembered, and only then is the rest dealt with.  A scout that has not
 *    come back after 300 ms gets a second one.
 *
 * There is one short cut: an exchange that comes while nobody waits, neither
 * for its origin nor for the total limit, and finds an idle HTTP/1.1
 * connection, takes it at once, which is what serving would decide.
 *
 * Limits.  A dial counts as a connection.  At the total limit, the connection
 * that was idle for longest, of whatever origin, is closed for a dial; when
 * none is idle, the origin waits.  Above the limit of idle ones, the oldest are
 * closed, once nothing more is to be served.  Idle ones expire after the
 * client's time or, if the server announced a shorter one, a second before
 * that.  Nothing is probed before reuse: connections read all the time, so a
 * FIN has been noticed.
 *
 * The pool timeout is about limits.  As many waiters as the dials under way may
 * serve, from the front of the line on, are covered: what they wait for is
 * bounded by the connect timeout.  The others wait because a limit, or a server
 * that takes no more connections, forbids a dial for them.  For those the pool
 * timeout runs, from when that became so; it stops when a dial covers them.
 *
 * Failed dials.  When a dial fails and nothing else could serve the waiters, no
 * other dial and no connection, all fail with its error, instead of redialing
 * one after the other.  Otherwise the waiter goes on waiting for what is there,
 * and nothing is dialed in its place: |given_up| counts those.  A connection
 * that closes makes room for one of them to be dialed for again.
 *
 * Retries.  An exchange whose connection failed comes back through
 * pool_retry(), which asks the rules (retry.h) and puts it in a line before the
 * others: the more often it failed, the earlier it is served.  Otherwise a
 * server that takes fewer requests on a connection than we have streams would
 * refuse some of them by chance until the rules give up.  If the rules want a
 * fresh connection, it stands in a line of its own for those made from then on;
 * over HTTP/2 any will do, since a connection that died is off the list and the
 * others show by their traffic that they live.
 *
 * What is not done: connections are not shared between origins (RFC 9113,
 * section 9.1.1, coalescing), and no connection is made before it is wanted.
 */
#include "config.h"
#include "transport/pool.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "http/method.h"
#include "transport/hop_trace.h"
#include "transport/pool_internal.h"
#include "transport/retry.h"

static ah_pool *pool_of(ah_transport *transport)
{
  return AH_CONTAINER(transport, ah_pool, transport);
}

static ah_origin *ready_origin(ah_list_node *node)
{
  return node == NULL ? NULL : AH_CONTAINER(node, ah_origin, ready_node);
}

void ah_pool_mark(ah_origin *origin)
{
  ah_pool *pool = origin->pool;
  if (pool->close.begun) {
    return;
  }
  if (!ah_list_is_linked(&origin->ready_node)) {
    ah_list_push_back(&pool->ready, &origin->ready_node);
  }
  ah_loop_defer(pool->loop, &pool->serve_task);
}

static void pool_serve_marked(ah_pool *pool)
{
  ah_list ready;
  ah_list_init(&ready);
  ah_list_splice(&ready, &pool->ready);
  ah_pool_feed_starving(pool);
  AH_LIST_FOREACH (node, &ready) {
    ah_pool_attach_waiting(ready_origin(node));
  }
  ah_pool_feed_starved(pool);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&ready)) != NULL) {
    ah_pool_settle(ready_origin(node));
  }
}

/* What serving changes, closed connections above all, marks further origins. */
static void pool_serve(ah_task *task)
{
  ah_pool *pool = AH_CONTAINER(task, ah_pool, serve_task);
  while (!ah_list_is_empty(&pool->ready)) {
    pool_serve_marked(pool);
  }
  ah_loop_undefer(&pool->serve_task);
  if (pool->idle_count > pool->opts.conns_idle_max) {
    ah_loop_defer(pool->loop, &pool->trim_task);
  }
}

static void pool_start(ah_transport *transport, ah_exchange *exchange)
{
  ah_pool *pool = pool_of(transport);
  ah_assert(exchange->origin->pool == pool);
  if (pool->close.begun) {
    ahttp_error err;
    ah_error_plain(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE);
    ah_exchange_end(exchange, &err);
    return;
  }
  if (ah_pool_attach_at_once(exchange->origin, exchange)) {
    return;
  }
  pool->waiter_count++;
  ah_waiters_push(&exchange->origin->waiters, exchange, AH_WAIT_FIRST, 0);
  ah_pool_mark(exchange->origin);
}

/* Dials that nobody waits for any more stop with it. */
static void pool_forget(ah_transport *transport, ah_exchange *exchange)
{
  ah_pool *pool = pool_of(transport);
  ah_origin *origin = exchange->origin;
  pool->waiter_count--;
  ah_pool_blame_dial(exchange);
  ah_waiters_remove(&origin->waiters, exchange);
  ah_pool_cancel_dials(origin, origin->waiters.count);
  ah_pool_mark(origin);
}

static bool exchange_is_idempotent(const ah_exchange *exchange)
{
  const ah_request_head *request = &exchange->request;
  return (request->traits & AH_METHOD_IDEMPOTENT) != 0 ||
         ah_fields_find(request->fields, AH_FIELD_IDEMPOTENCY_KEY) != NULL;
}

static bool exchange_can_rewind(const ah_exchange *exchange)
{
  const ah_body *body = exchange->request.body;
  return body == NULL || body->can_rewind || exchange->bytes.upload == 0;
}

/* Makes |exchange| as it was before it was put on a connection. */
static void exchange_rewind(ah_exchange *exchange)
{
  exchange->stream = NULL;
  exchange->stream_id = -1;
  exchange->facts.written = false;
  exchange->bytes.out = 0;
  exchange->bytes.head = 0;
  exchange->bytes.upload = 0;
  uint64_t now_ns = ah_loop_now_ns(exchange->loop);
  memset(&exchange->times, 0, sizeof(exchange->times));
  memset(&exchange->wire, 0, sizeof(exchange->wire));
  exchange->times.started = now_ns;
}

static bool pool_retry(ah_transport *transport, ah_exchange *exchange,
                       const ahttp_error *err, bool refused)
{
  ah_pool *pool = pool_of(transport);
  if (pool->close.begun) {
    return false;
  }
  const ah_retry_facts facts = {
      .code = err->code,
      .refused = refused,
      .conn_reused = exchange->facts.conn_reused,
      .written = exchange->facts.written,
      .response_started = exchange->facts.response_started,
      .resent = exchange->facts.resent,
      .idempotent = exchange_is_idempotent(exchange),
      .can_rewind = exchange_can_rewind(exchange),
      .attempts = exchange->facts.attempts,
  };
  ah_retry_verdict verdict = ah_retry_decide(&facts);
  if (verdict == AH_RETRY_NO) {
    return false;
  }
  ah_origin *origin = exchange->origin;
  ah_trace_steps_ended(exchange, err);
  ah_trace_hop(exchange, AHTTP_TRACE_RETRY,
               &(ah_trace_note){.number = facts.attempts, .error = err});
  exchange_rewind(exchange);
  pool->waiter_count++;
  if (verdict == AH_RETRY_FRESH) {
    exchange->facts.resent = true;
  }
  if (verdict == AH_RETRY_FRESH && origin->protocol == AH_PROTOCOL_H1) {
    ah_waiters_push(&origin->waiters, exchange, AH_WAIT_FRESH,
                    pool->conns_made + 1);
  } else {
    ah_waiters_push(&origin->waiters, exchange,
                    facts.attempts > 1 ? AH_WAIT_THIRD : AH_WAIT_SECOND, 0);
  }
  ah_pool_mark(origin);
  return true;
}

static const ah_transport_ops pool_transport_ops = {
    .name = "pool",
    .start = pool_start,
    .forget = pool_forget,
    .retry = pool_retry,
};

static void pool_finish_close(ah_task *task)
{
  ah_pool *pool = AH_CONTAINER(task, ah_pool, close.task);
  if (pool->origins.used_count > 0) {
    return; /* taken up again meanwhile; its release comes back here */
  }
  void (*on_closed)(void *arg) = pool->close.on_closed;
  void *arg = pool->close.arg;
  ah_pool_free_origins(pool);
  ah_free(pool);
  on_closed(arg);
}

int ah_pool_new(ah_pool **out, ah_loop *loop, ah_resolver *resolver,
                const ah_pool_opts *opts)
{
  *out = NULL;
  ah_pool *pool = ah_calloc(1, sizeof(*pool));
  if (pool == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_assert(opts->conns_max > 0 && opts->conns_per_origin_max > 0);
  ah_assert(opts->h2_conns_per_origin_max > 0 && opts->h2_streams_max > 0);
  pool->transport.ops = &pool_transport_ops;
  pool->loop = loop;
  pool->resolver = resolver;
  pool->opts = *opts;
  ah_hash_init(&pool->origins.table);
  ah_list_init(&pool->origins.unused);
  ah_list_init(&pool->idle);
  ah_list_init(&pool->ready);
  ah_list_init(&pool->starving);
  ah_list_init(&pool->starved);
  pool->serve_task.run = pool_serve;
  pool->trim_task.run = ah_pool_trim_idle;
  pool->close.task.run = pool_finish_close;
  *out = pool;
  return AHTTP_OK;
}

ah_transport *ah_pool_transport(ah_pool *pool)
{
  return &pool->transport;
}

void ah_pool_close(ah_pool *pool, void (*on_closed)(void *arg), void *arg)
{
  ah_assert(!pool->close.begun);
  pool->close.begun = true;
  pool->close.on_closed = on_closed;
  pool->close.arg = arg;
  ah_loop_undefer(&pool->serve_task);
  ah_loop_undefer(&pool->trim_task);

  ahttp_error err;
  ah_error_plain(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE);
  ah_hash_entry *entry = NULL;
  while ((entry = ah_hash_next(&pool->origins.table, entry)) != NULL) {
    ah_origin *origin = AH_CONTAINER(entry, ah_origin, entry);
    ah_list_remove(&origin->ready_node);
    ah_list_remove(&origin->starved_node);
    ah_pool_fail_waiters(origin, NULL, &err);
    ah_pool_cancel_dials(origin, 0);
    ah_pool_close_conns(origin, &err);
  }
  ah_pool_check_closed(pool);
}

void ah_pool_stats(const ah_pool *pool, ahttp_client_stats *out)
{
  out->calls_waiting += pool->waiter_count;
  out->conns_open += pool->conn_count;
  out->conns_idle += pool->idle_count;
  out->conns_dialing += pool->dial_count;
  out->conns_made += pool->conns_made;
}
