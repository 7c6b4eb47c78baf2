/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/call.h"

#include <string.h>

#include "client/content_decoder.h"

/*
 * Turns the clock readings of an exchange into durations that add up.  Walks
 * from reading to reading; the first that is missing takes the rest of the
 * time, since that is where the call was when it ended.
 */

/* Moves |*from| to |reading| and returns the way; a missing reading goes to the
 * end, one that came out of order (the response overtook the end of the
 * request) stays where it is. */
static uint64_t advance(uint64_t *from, uint64_t reading, uint64_t end)
{
  uint64_t to = reading == 0 ? end : reading;
  if (to < *from) {
    to = *from;
  }
  uint64_t way = to - *from;
  *from = to;
  return way;
}

static void info_set_durations(const ahttp_call *call, ahttp_call_info *info)
{
  const ah_exchange *exchange = &call->exchange;
  uint64_t end = exchange->times.ended;
  if (end == 0) {
    end = ah_loop_now_ns(call->loop);
  }
  uint64_t at = exchange->times.started;
  if (at == 0) { /* the hop was never begun */
    at = call->started_ns;
  }
  info->earlier_ns = at - call->started_ns;
  info->queue_ns = advance(&at, exchange->times.attached, end);
  /* A response that came before the end of the request may have stopped it. */
  uint64_t sent =
      exchange->times.sent == 0 ? exchange->times.head : exchange->times.sent;
  info->send_ns = advance(&at, sent, end);
  info->wait_ns = advance(&at, exchange->times.head, end);
  info->receive_ns = advance(&at, end, end);
  info->total_ns = end - call->started_ns;

  uint64_t dial =
      exchange->times.dns + exchange->times.connect + exchange->times.tls;
  if (dial <= info->queue_ns) {
    info->queue_ns -= dial;
    info->dns_ns = exchange->times.dns;
    info->connect_ns = exchange->times.connect;
    info->tls_ns = exchange->times.tls;
  }
}

/* A call that failed while it was dialed for came as far as the dial did. */
static ahttp_phase info_phase(const ah_exchange *exchange)
{
  ahttp_phase phase = ah_exchange_phase(exchange);
  if (phase != AHTTP_PHASE_QUEUE) {
    return phase;
  }
  if (exchange->times.tls != 0) {
    return AHTTP_PHASE_TLS;
  }
  if (exchange->times.connect != 0) {
    return AHTTP_PHASE_CONNECT;
  }
  return exchange->times.dns != 0 ? AHTTP_PHASE_DNS : phase;
}

/*
 * The texts live with the call.  Once it is over, so do those of its last
 * connection; until then it may go on on another one, and they are copied.
 * That is on the loop's thread, since no other may ask so early.  The call is
 * not const for its own response.
 */
static void info_set_addresses(const ahttp_call *call, ahttp_call_info *info)
{
  const ah_stream_info *peer = ah_exchange_peer(&call->exchange);
  info->remote_port = peer->remote_port;
  info->remote_address = peer->remote_address;
  info->local_port = peer->local_port;
  info->local_address = peer->local_address;
  if (!atomic_load_explicit(&call->is_over, memory_order_relaxed)) {
    ah_exchange *exchange = &call->response.call->exchange;
    memcpy(exchange->shown.remote_address, peer->remote_address,
           sizeof(peer->remote_address));
    memcpy(exchange->shown.local_address, peer->local_address,
           sizeof(peer->local_address));
    info->remote_address = exchange->shown.remote_address;
    info->local_address = exchange->shown.local_address;
  }
}

static void info_set_tls(const ah_stream_info *peer, ahttp_call_info *info)
{
  info->tls_version = peer->tls_version == NULL ? "" : peer->tls_version;
  info->tls_cipher = peer->tls_cipher == NULL ? "" : peer->tls_cipher;
  info->tls_resumed = peer->tls_resumed;
  /* The names are literals, so a NUL follows. */
  info->alpn = peer->alpn.len == 0 ? "" : peer->alpn.ptr;
}

void ahttp_call_get_info(const ahttp_call *call, ahttp_call_info *out)
{
  const ah_exchange *exchange = &call->exchange;
  ahttp_call_info info = {.size = sizeof(info)};
  info.phase = info_phase(exchange);
  info_set_durations(call, &info);
  info.bytes_out = exchange->bytes.out;
  info.bytes_head = exchange->bytes.head;
  info.bytes_body = exchange->bytes.body;
  info.bytes_decoded = ah_content_decoder_bytes(call);
  info.conn_id = ah_exchange_conn_id(exchange);
  info.stream_id = exchange->stream_id;
  info.reused = exchange->facts.conn_reused;
  info.attempts = exchange->facts.attempts;
  info_set_addresses(call, &info);
  info_set_tls(ah_exchange_peer(exchange), &info);
  ah_stream_counts wire = ah_exchange_wire(exchange);
  info.wire_out = wire.out;
  info.wire_in = wire.in;
  info.connect_attempts = exchange->facts.connects;
  info.retries = call->response.retries;
  ah_sized_copy_out(out, &info, sizeof(info));
}
