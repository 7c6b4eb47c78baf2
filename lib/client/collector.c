/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/collector.h"

#include "base/error.h"
#include "client/client.h"
#include "client/content_decoder.h"

void ah_collector_init(ah_collector *collector, const ahttp_client *client)
{
  ah_buf_init(&collector->content, client->content_max);
  collector->ratio_max = client->decode_ratio_max;
  collector->is_over_limit = false;
  collector->is_over_ratio = false;
  collector->error.code = AHTTP_OK;
}

void ah_collector_clear(ah_collector *collector)
{
  ah_buf_clear(&collector->content);
}

int ah_collector_add(ah_collector *collector, const ahttp_call *call,
                     const uint8_t *data, size_t len)
{
  if (ah_ratio_is_over(collector->ratio_max,
                       ah_buf_len(&collector->content) + len,
                       call->exchange.bytes.body)) {
    collector->is_over_ratio = true;
    return AHTTP_ELIMIT;
  }
  int rv = ah_buf_append(&collector->content, data, len);
  if (rv == AHTTP_ELIMIT) {
    collector->is_over_limit = true;
  }
  return rv;
}

void ah_collector_end(ah_collector *collector, const ahttp_error *err)
{
  if (err == NULL) {
    return;
  }
  collector->error = *err;
  if (err->code != AHTTP_ECALLBACK) {
    return;
  }
  /* The only callbacks are ours. */
  if (collector->is_over_ratio) {
    ah_ratio_explain(collector->ratio_max, &collector->error);
  } else if (collector->is_over_limit) {
    ah_error_say(&collector->error, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the content is longer than the client's content_max of %zu "
                 "bytes",
                 collector->content.max);
  } else {
    ah_error_plain(&collector->error, AHTTP_ENOMEM, AHTTP_PHASE_RECEIVE);
  }
}

int ah_collector_take(ah_collector *collector, ahttp_call *call,
                      ahttp_response **out, ahttp_error *err)
{
  *out = NULL;
  if (collector->error.code != AHTTP_OK) {
    if (err != NULL) {
      *err = collector->error;
    }
    return collector->error.code;
  }
  size_t len;
  int rv = ah_buf_take(&collector->content, &call->content, &len);
  if (rv != AHTTP_OK) {
    if (err != NULL) {
      ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    }
    return rv;
  }
  call->response.content = (ahttp_str){call->content, len};
  (void)ahttp_call_ref(call);
  *out = &call->response;
  if (err != NULL) {
    ah_error_clear(err);
  }
  return AHTTP_OK;
}
