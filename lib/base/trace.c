/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/trace.h"

#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/str.h"

/* Kinds of a group share a hundred. */
enum {
  KINDS_OF_GROUP = 100
};

const char *ahttp_trace_event_name(ahttp_trace_kind kind)
{
  switch (kind) {
#define TRACE_NAME(id, number, name) \
  case AHTTP_TRACE_##id:             \
    return name;
    AHTTP_TRACE_MAP(TRACE_NAME)
#undef TRACE_NAME
  }
  return "?";
}

int ah_trace_copy(ah_trace *out, const ahttp_trace *in, bool *is_telling)
{
  ahttp_trace own = AHTTP_TRACE_INIT;
  *out = (ah_trace){.is_telling = is_telling};
  if (in == NULL) {
    return AHTTP_OK;
  }
  if (in->size < sizeof(in->size) || in->size > sizeof(*in)) {
    return AHTTP_EINVAL;
  }
  memcpy(&own, in, in->size);
  out->callback = own.callback;
  out->user_data = own.user_data;
  out->mask = own.mask == 0 ? ~0U : own.mask;
  return AHTTP_OK;
}

void ah_trace_tell(const ah_trace *trace, ahttp_trace_event *event)
{
  ah_assert(trace->callback != NULL);
  if ((trace->mask & 1U << (unsigned)event->kind / KINDS_OF_GROUP) == 0) {
    return;
  }
  event->time_ns = ah_clock_ns();
  if (event->call == NULL) {
    event->call = trace->call;
  }
  ah_assert(!*trace->is_telling);
  *trace->is_telling = true;
  trace->callback(event, trace->user_data);
  *trace->is_telling = false;
}

static char *put(char *dst, ahttp_str text)
{
  memcpy(dst, text.ptr, text.len);
  return dst + text.len;
}

ahttp_str ah_trace_origin(char dst[AH_TRACE_ORIGIN_BYTES], bool is_tls,
                          ahttp_str host, uint16_t port)
{
  char *end = put(dst, is_tls ? AH_STR("https://") : AH_STR("http://"));
  bool is_bare_v6 = host.len > 0 && host.ptr[0] != '[' &&
                    memchr(host.ptr, ':', host.len) != NULL;
  size_t room = AH_TRACE_ORIGIN_BYTES - sizeof("https://[]:65535");
  ahttp_str name = ah_str(host.ptr, host.len < room ? host.len : room);
  if (is_bare_v6) {
    end = put(end, AH_STR("["));
  }
  if (name.len > 0) {
    end = put(end, name);
  }
  if (is_bare_v6) {
    end = put(end, AH_STR("]"));
  }
  char digits[8];
  size_t at = sizeof(digits);
  unsigned rest = port;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  digits[--at] = ':';
  end = put(end, ah_str(digits + at, sizeof(digits) - at));
  return ah_str(dst, (size_t)(end - dst));
}
