/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/history.h"

#include "base/error.h"

enum {
  /* Of all earlier responses of a call.  Twenty redirects with heads as large
   * as they may be are below it; a server that answers for ever, to a call
   * without a limit of redirects, is not. */
  HISTORY_BYTES_MAX = 16 * 1024 * 1024
};

/* An earlier response and what its parts point to. */
typedef struct history_entry {
  ahttp_response response;
  ah_response_head head;
  ahttp_url url;
} history_entry;

/* What |head| and |url| hold on to, roughly. */
static size_t entry_bytes(const ah_response_head *head, const ahttp_url *url)
{
  size_t bytes = sizeof(history_entry) + url->href.len;
  for (uint32_t i = 0; i < head->fields.count; i++) {
    const ah_field *field = &head->fields.items[i];
    bytes += sizeof(*field) + field->name.len + field->value.len;
  }
  return bytes;
}

int ah_history_add(ahttp_call *call, ahttp_error *err)
{
  const ah_response_head *head = &call->exchange.response;
  const ahttp_url *url = call->exchange.request.url;
  call->history_bytes += entry_bytes(head, url);
  if (call->history_bytes > HISTORY_BYTES_MAX) {
    ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the responses before this one hold more than %d MiB",
                 HISTORY_BYTES_MAX / (1024 * 1024));
    return AHTTP_ELIMIT;
  }
  history_entry *entry = ah_arena_alloc(&call->arena, sizeof(*entry));
  if (entry == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_RECEIVE);
    return AHTTP_ENOMEM;
  }
  entry->head = *head;
  entry->url = *url;
  entry->response = (ahttp_response){
      .call = call,
      .head = &entry->head,
      .url = &entry->url,
      .redirects = call->hop_redirects,
      .retries = call->hop_retries,
      .earlier = call->response.earlier,
      .earlier_count = call->response.earlier_count,
  };
  call->response.earlier = &entry->response;
  call->response.earlier_count++;
  return AHTTP_OK;
}

size_t ahttp_response_history_count(const ahttp_response *response)
{
  return response->earlier_count;
}

const ahttp_response *ahttp_response_history(const ahttp_response *response,
                                             size_t index)
{
  if (index >= response->earlier_count) {
    return NULL;
  }
  const ahttp_response *earlier = response->earlier;
  while (earlier->earlier_count > index) {
    earlier = earlier->earlier;
  }
  return earlier;
}
