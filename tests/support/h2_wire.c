/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/h2_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"

h2_wire *h2_wire_new(h2_peer *peer, uint32_t ours)
{
  h2_wire *wire = calloc(1, sizeof(*wire));
  assert_non_null(wire);
  ah_connection *conn = NULL;
  wire->loop = fake_loop_new();
  wire->stream = fake_stream_new(wire->loop);
  wire->peer = peer;
  int rv = ah_h2_connection_new(&conn, wire->stream->stream, ours);
  assert_int_equal(rv, AHTTP_OK);
  fake_owner_adopt(&wire->owner, conn);
  fake_transport_init(&wire->transport, conn);
  return wire;
}

void h2_wire_close(h2_wire *wire)
{
  ahttp_error err;
  ah_connection *conn = wire->owner.conn;
  if (conn != NULL) {
    ah_error_plain(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE);
    conn->ops->close(conn, &err);
    assert_null(wire->owner.conn);
  }
}

void h2_wire_free(h2_wire *wire)
{
  h2_wire_close(wire);
  fake_loop_turn(wire->loop);
  fake_stream_free(wire->stream);
  fake_loop_free(wire->loop);
  h2_peer_free(wire->peer);
  free(wire);
}

void h2_wire_turn(h2_wire *wire)
{
  fake_loop_turn(wire->loop);
  fake_bytes sent = wire->stream->sent;
  if (sent.len > 0) {
    h2_peer_take(wire->peer, sent.data, sent.len);
    fake_stream_forget_sent(wire->stream);
  }
}

void h2_wire_pump(h2_wire *wire)
{
  fake_bytes *out = &wire->peer->out;
  do {
    h2_wire_turn(wire);
    h2_peer_say(wire->peer);
    if (out->len > 0) {
      fake_bytes said = *out;
      *out = (fake_bytes){.data = NULL};
      fake_bytes_append(out, "", 0);
      fake_stream_feed(wire->stream, said.data, said.len);
      fake_bytes_clear(&said);
    }
    h2_wire_turn(wire);
    h2_peer_say(wire->peer);
  } while (out->len > 0 && !wire->stream->closed);
}

fake_exchange *h2_wire_start(h2_wire *wire, const char *method)
{
  fake_exchange *fake =
      fake_exchange_new(wire->loop, method, "http://example.org/");
  fake_exchange_start(fake, &wire->transport);
  return fake;
}
