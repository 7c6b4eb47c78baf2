/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static struct {
  unsigned count;
  ahttp_trace_event last;
  bool was_telling;
} told;

static bool is_telling;

static void on_event(const ahttp_trace_event *event, void *user_data)
{
  assert_ptr_equal(user_data, &told);
  told.count++;
  told.last = *event;
  told.was_telling = is_telling;
}

static ah_trace trace_with(unsigned mask)
{
  memset(&told, 0, sizeof(told));
  ahttp_trace in = AHTTP_TRACE_INIT;
  in.callback = on_event;
  in.user_data = &told;
  in.mask = mask;
  ah_trace trace;
  assert_int_equal(ah_trace_copy(&trace, &in, &is_telling), AHTTP_OK);
  return trace;
}

static void trace_names_are_those_of_the_table(void **state)
{
  (void)state;
  assert_string_equal(ahttp_trace_event_name(AHTTP_TRACE_DNS_STARTED),
                      "dns.started");
  assert_string_equal(ahttp_trace_event_name(AHTTP_TRACE_RESPONSE_CLOSED),
                      "response_closed");
  assert_string_equal(ahttp_trace_event_name((ahttp_trace_kind)0), "?");
}

static void trace_numbers_are_frozen(void **state)
{
  (void)state;
  assert_int_equal(AHTTP_TRACE_CALL_STARTED, 1);
  assert_int_equal(AHTTP_TRACE_DNS_STARTED, 101);
  assert_int_equal(AHTTP_TRACE_CONNECT_TCP_STARTED, 201);
  assert_int_equal(AHTTP_TRACE_CONNECTION_MADE, 301);
  assert_int_equal(AHTTP_TRACE_SEND_HEADERS_STARTED, 401);
  assert_int_equal(AHTTP_TRACE_H2_SEND_INIT, 501);
}

/* Every kind is of the group its hundred says, and of no other. */
static void trace_mask_chooses_groups(void **state)
{
  (void)state;
  static const ahttp_trace_kind kinds[] = {
#define KIND(id, number, name) AHTTP_TRACE_##id,
      AHTTP_TRACE_MAP(KIND)
#undef KIND
  };
  static const unsigned groups[] = {
      AHTTP_TRACE_CALLS,       AHTTP_TRACE_DNS,      AHTTP_TRACE_CONNECT,
      AHTTP_TRACE_CONNECTIONS, AHTTP_TRACE_MESSAGES, AHTTP_TRACE_H2};
  for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
    const ah_trace trace = trace_with(groups[g]);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
      ahttp_trace_event event = {.kind = kinds[i]};
      unsigned before = told.count;
      ah_trace_tell(&trace, &event);
      assert_int_equal(told.count - before, (size_t)kinds[i] / 100 == g);
    }
    assert_true(told.count > 0);
  }
}

static void trace_event_gets_time_and_call(void **state)
{
  (void)state;
  int here;
  ah_trace trace = trace_with(0);
  trace.call = (ahttp_call *)(void *)&here; /* an address, never looked at */
  ahttp_trace_event event = {.kind = AHTTP_TRACE_RETRY, .number = 7};
  ah_trace_tell(&trace, &event);
  assert_int_equal(told.count, 1);
  assert_ptr_equal(told.last.call, &here);
  assert_true(told.last.time_ns > 0);
  assert_int_equal(told.last.number, 7);
  assert_true(told.was_telling);
  assert_false(is_telling);
}

static void trace_copy_takes_older_and_refuses_newer_structs(void **state)
{
  (void)state;
  ah_trace trace;
  assert_int_equal(ah_trace_copy(&trace, NULL, &is_telling), AHTTP_OK);
  assert_null(trace.callback);
  ahttp_trace in = AHTTP_TRACE_INIT;
  in.callback = on_event;
  in.mask = 1;
  in.size = offsetof(ahttp_trace, mask);
  assert_int_equal(ah_trace_copy(&trace, &in, &is_telling), AHTTP_OK);
  assert_int_equal(trace.mask, ~0U);
  in.size = sizeof(in) + 1;
  assert_int_equal(ah_trace_copy(&trace, &in, &is_telling), AHTTP_EINVAL);
  in.size = 1;
  assert_int_equal(ah_trace_copy(&trace, &in, &is_telling), AHTTP_EINVAL);
}

static void check_origin(bool is_tls, ahttp_str host, uint16_t port,
                         const char *expected)
{
  char text[AH_TRACE_ORIGIN_BYTES];
  ahttp_str origin = ah_trace_origin(text, is_tls, host, port);
  assert_int_equal(origin.len, strlen(expected));
  assert_memory_equal(origin.ptr, expected, origin.len);
}

static void trace_origin_is_scheme_host_and_port(void **state)
{
  (void)state;
  check_origin(false, AH_STR("a.test"), 80, "http://a.test:80");
  check_origin(true, AH_STR("a.test"), 65535, "https://a.test:65535");
  check_origin(true, AH_STR("::1"), 0, "https://[::1]:0");
  check_origin(true, AH_STR("[::1]"), 443, "https://[::1]:443");
  char host[400];
  char text[AH_TRACE_ORIGIN_BYTES];
  memset(host, 'a', sizeof(host));
  ahttp_str origin =
      ah_trace_origin(text, true, ah_str(host, sizeof(host)), 65535);
  assert_true(origin.len <= sizeof(text));
  assert_memory_equal(origin.ptr + origin.len - 6, ":65535", 6);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trace_names_are_those_of_the_table),
      cmocka_unit_test(trace_numbers_are_frozen),
      cmocka_unit_test(trace_mask_chooses_groups),
      cmocka_unit_test(trace_event_gets_time_and_call),
      cmocka_unit_test(trace_copy_takes_older_and_refuses_newer_structs),
      cmocka_unit_test(trace_origin_is_scheme_host_and_port),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
