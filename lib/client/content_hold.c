/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/content_hold.h"

#include "base/error.h"
#include "client/chain.h"

void ah_hold_clear(ah_hold *hold)
{
  ah_buf_clear(&hold->content);
  hold->state = AH_HOLD_NONE;
}

int ah_hold_collect(ah_hold *hold, ahttp_call *call, size_t max)
{
  ah_buf_init(&hold->content, SIZE_MAX);
  hold->max = max;
  hold->state = AH_HOLD_COLLECTING;
  int rv = ah_call_filter(call, hold->place);
  return rv == AHTTP_OK ? AH_LATER : rv;
}

ahttp_str ah_hold_content(const ah_hold *hold)
{
  if (hold->state == AH_HOLD_NONE || ah_buf_len(&hold->content) == 0) {
    return (ahttp_str){"", 0};
  }
  return (ahttp_str){(const char *)ah_buf_bytes(&hold->content),
                     ah_buf_len(&hold->content)};
}

/* True if the head is held, with nothing collected or all of it. */
static bool is_waiting(const ah_hold *hold, const ahttp_call *call)
{
  return call->chain->wait == AH_CHAIN_AT_HEAD &&
         call->chain->at == hold->place;
}

static int collect(ah_hold *hold, const uint8_t *data, size_t len,
                   ahttp_error *err)
{
  if (len > hold->max - ah_buf_len(&hold->content)) {
    ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the content, which is to be read before the response is "
                 "passed on, is longer than the client's content_max of %zu "
                 "bytes",
                 hold->max);
    return AHTTP_ELIMIT;
  }
  int rv = ah_buf_append(&hold->content, data, len);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
  }
  return rv;
}

int ah_hold_on_body(ah_hold *hold, ahttp_call *call, const uint8_t *data,
                    size_t len, size_t *used, ahttp_error *err)
{
  *used = 0;
  if (hold->state == AH_HOLD_COLLECTING) {
    *used = len;
    return collect(hold, data, len, err);
  }
  if (!is_waiting(hold, call)) {
    /* Taken in any case; the chain knows if there is no room for more. */
    *used = len;
    (void)ah_call_emit(call, hold->place, data, len);
  }
  return AHTTP_OK;
}

/* Gives the collected content out, as much as there is room for. */
static int release(ah_hold *hold, ahttp_call *call)
{
  int rv = AHTTP_OK;
  while (rv == AHTTP_OK && ah_buf_len(&hold->content) > 0) {
    size_t len = ah_buf_len(&hold->content);
    len = len < AH_LOOP_READ_BYTES ? len : AH_LOOP_READ_BYTES;
    const uint8_t *data = ah_buf_bytes(&hold->content);
    ah_buf_consume(&hold->content, len);
    rv = ah_call_emit(call, hold->place, data, len);
  }
  return ah_buf_len(&hold->content) > 0 ? AH_BLOCKED : AHTTP_OK;
}

static int complete(ah_hold *hold, ahttp_call *call, ahttp_error *err)
{
  int rv = ah_buf_reserve(&hold->content, 1);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    return rv;
  }
  hold->content.data[hold->content.tail] = '\0';
  hold->state = AH_HOLD_COMPLETE;
  ah_call_go_on(call, hold->place, AH_ASK, NULL);
  return AH_BLOCKED;
}

int ah_hold_on_end(ah_hold *hold, ahttp_call *call, ahttp_error *err)
{
  switch (hold->state) {
  case AH_HOLD_COLLECTING:
    return complete(hold, call, err);
  case AH_HOLD_NONE:
  case AH_HOLD_COMPLETE:
    return is_waiting(hold, call) ? AH_BLOCKED : AHTTP_OK;
  case AH_HOLD_RELEASED:
    return release(hold, call);
  }
  return AHTTP_OK;
}
