/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/h2_ping.h"

#include "base/assert.h"

static void ping_give_up(ah_h2_ping *ping)
{
  ah_deadline_stop(&ping->deadline);
  ping->is_sent = false;
  ping->resets_sent = 0;
}

static void ping_on_expired(ah_deadline *deadline)
{
  ah_h2_ping *ping = AH_CONTAINER(deadline, ah_h2_ping, deadline);
  bool is_silent = ping->is_probe && !ping->is_heard;
  ping_give_up(ping);
  ping->expired(ping, is_silent);
}

void ah_h2_ping_init(ah_h2_ping *ping, ah_loop *loop,
                     void (*expired)(ah_h2_ping *ping, bool is_silent))
{
  *ping = (ah_h2_ping){
      .loop = loop,
      .deadline.expired = ping_on_expired,
      .expired = expired,
  };
}

void ah_h2_ping_add_reset(ah_h2_ping *ping, bool is_probe)
{
  ping->resets_new++;
  ping->is_probe_new = ping->is_probe_new || is_probe;
}

bool ah_h2_ping_is_due(const ah_h2_ping *ping)
{
  return ping->resets_new > 0 && !ping->is_sent;
}

uint64_t ah_h2_ping_start(ah_h2_ping *ping)
{
  ah_assert(!ping->is_sent);
  ping->id++;
  ping->is_sent = true;
  ping->is_probe = ping->is_probe_new;
  ping->is_heard = false;
  ping->resets_sent = ping->resets_new;
  ping->resets_new = 0;
  ping->is_probe_new = false;
  ah_deadline_start(ping->loop, &ping->deadline, AH_H2_PING_MS);
  return ping->id;
}

bool ah_h2_ping_hear(ah_h2_ping *ping)
{
  bool was_in_doubt = ah_h2_ping_is_in_doubt(ping);
  ping->is_heard = true;
  return was_in_doubt && !ah_h2_ping_is_in_doubt(ping);
}

bool ah_h2_ping_is_in_doubt(const ah_h2_ping *ping)
{
  return ping->is_probe_new ||
         (ping->is_sent && ping->is_probe && !ping->is_heard);
}

void ah_h2_ping_answer(ah_h2_ping *ping, uint64_t id)
{
  if (ping->is_sent && ping->id == id) {
    ping_give_up(ping);
  }
}

uint32_t ah_h2_ping_held(const ah_h2_ping *ping)
{
  return ping->resets_sent + ping->resets_new;
}

void ah_h2_ping_stop(ah_h2_ping *ping)
{
  ping_give_up(ping);
  ping->resets_new = 0;
  ping->is_probe_new = false;
}
