/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/str.h"
#include "transport/hop_trace.h"
#include "transport/pool_internal.h"

/*
 * Who is told of the making of a connection.  A dial is nobody's: it serves
 * whoever is first in line when it is done.  So the oldest dial tells the call
 * that is first in line by now, the next one the second, and dials nobody waits
 * for tell the client's trace.  A call that has ended is never told of.
 */

/* The waiter that |connector| would serve if all dials went well; NULL if there
 * are fewer.  One that is not in the list yet is about to be added. */
static const ah_exchange *origin_waiter_of(const ah_origin *origin,
                                           const ah_list_node *connector)
{
  uint32_t place = 0;
  AH_LIST_FOREACH (node, &origin->dials) {
    if (node == connector) {
      break;
    }
    place++;
  }
  for (int i = 0; i < AH_WAIT_LINES; i++) {
    const ah_waiters_line *line = &origin->waiters.lines[i];
    const ah_list *const lists[] = {&line->covered, &line->blocked};
    for (int half = 0; half < 2; half++) {
      AH_LIST_FOREACH (node, lists[half]) {
        if (place-- == 0) {
          return AH_CONTAINER(node, ah_exchange, node);
        }
      }
    }
  }
  return NULL;
}

void ah_pool_tell_dial(void *owner, ah_connector *connector,
                       ahttp_trace_event *event)
{
  const ah_origin *origin = owner;
  const ah_trace *trace = origin->pool->opts.trace;
  const ah_exchange *exchange =
      origin_waiter_of(origin, ah_connector_node(connector));
  if (exchange != NULL) {
    trace = exchange->trace;
  }
  if (trace == NULL) {
    return;
  }
  char text[AH_TRACE_ORIGIN_BYTES];
  event->stream_id = -1;
  event->origin =
      ah_trace_origin(text, origin->is_tls, origin->host, origin->port);
  ah_trace_tell(trace, event);
}

void ah_pool_tell_attached(const ah_exchange *exchange, bool is_new)
{
  const ah_connection *conn = exchange->conn;
  const ah_trace_note note = {.text = ah_str_from_c(conn->info.remote_address),
                              .number = conn->served};
  ah_hop_tell(exchange,
              is_new ? AHTTP_TRACE_CONNECTION_MADE
                     : AHTTP_TRACE_CONNECTION_REUSED,
              &note);
}
