/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ares.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "net/resolver_cache.h"
#include "net/resolver_hosts.h"
#include "support/test_alloc.h"

/* What the resolver knows without asking, with the time told. */

static ah_answer answer_make(const char *text)
{
  ah_address address;
  assert_true(ah_address_parse(&address, ah_str_from_c(text), 0));
  ah_answer answer = {.status = ARES_SUCCESS,
                      .addresses = ah_address_list_new(&address, 1)};
  assert_non_null(answer.addresses);
  return answer;
}

static void cache_keeps_answers_for_their_time(void **state)
{
  (void)state;
  static const struct {
    bool is_negative;
    uint32_t ttl;
    uint64_t good_ms;
  } rows[] = {
      {false, 0, 1000},
      {false, 1, 1000},
      {false, 60, 60000},
      {false, 300, 300000},
      {false, 301, 300000},
      {true, 0, 5000},
      {false, UINT32_MAX, 300000},
      {true, 300, 5000},
  };
  ah_resolver_cache cache;
  ah_resolver_cache_init(&cache);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_answer answer = answer_make("192.0.2.1");
    ah_answer negative = {.status = ARES_ENOTFOUND};
    ah_answer found;
    ahttp_str host = AH_STR("a.test");
    ah_resolver_cache_put(&cache, host, AF_INET,
                          rows[i].is_negative ? &negative : &answer,
                          rows[i].ttl, 1000);
    uint64_t end = 1000 + rows[i].good_ms;
    assert_false(ah_resolver_cache_find(&cache, host, AF_INET6, 1000, &found));
    assert_true(ah_resolver_cache_find(&cache, host, AF_INET, end - 1, &found));
    assert_int_equal(found.addresses == NULL, rows[i].is_negative);
    assert_false(ah_resolver_cache_find(&cache, host, AF_INET, end, &found));
    assert_int_equal(cache.entries.count, 0);
    ah_address_list_unref(answer.addresses);
  }
  ah_resolver_cache_clear(&cache);
}

static void cache_replaces_answers(void **state)
{
  (void)state;
  ah_resolver_cache cache;
  ah_resolver_cache_init(&cache);
  ah_answer one = answer_make("192.0.2.1");
  ah_answer two = answer_make("192.0.2.2");
  ah_answer found;
  ahttp_str host = AH_STR("a.test");
  ah_resolver_cache_put(&cache, host, AF_INET, &one, 1, 0);
  ah_resolver_cache_put(&cache, host, AF_INET, &two, 2, 0);
  ah_address_list_unref(one.addresses);
  ah_address_list_unref(two.addresses);
  assert_true(ah_resolver_cache_find(&cache, host, AF_INET, 1500, &found));
  assert_ptr_equal(found.addresses, two.addresses);
  assert_int_equal(cache.entries.count, 1);
  ah_resolver_cache_clear(&cache);
}

static void cache_drops_what_was_used_least_recently(void **state)
{
  (void)state;
  ah_resolver_cache cache;
  ah_resolver_cache_init(&cache);
  ah_answer answer = answer_make("192.0.2.1");
  ah_answer found;
  char host[16];
  for (int i = 0; i <= AH_RESOLVER_CACHE_MAX; i++) {
    snprintf(host, sizeof(host), "h%d", i);
    ah_resolver_cache_put(&cache, ah_str_from_c(host), AF_INET, &answer, 60, 0);
    if (i > 0) { /* keep the first one in use */
      assert_true(
          ah_resolver_cache_find(&cache, AH_STR("h0"), AF_INET, 0, &found));
    }
  }
  assert_int_equal(cache.entries.count, AH_RESOLVER_CACHE_MAX);
  assert_true(ah_resolver_cache_find(&cache, AH_STR("h0"), AF_INET, 0, &found));
  assert_false(
      ah_resolver_cache_find(&cache, AH_STR("h1"), AF_INET, 0, &found));
  assert_true(ah_resolver_cache_find(&cache, AH_STR("h2"), AF_INET, 0, &found));
  ah_address_list_unref(answer.addresses);
  ah_resolver_cache_clear(&cache);
}

static int cache_put_and_find(void *arg)
{
  ah_answer *answer = arg;
  ah_resolver_cache cache;
  ah_resolver_cache_init(&cache);
  ah_answer found;
  ahttp_str host = AH_STR("a.test");
  ah_resolver_cache_put(&cache, host, AF_INET, answer, 60, 0);
  bool is_kept = ah_resolver_cache_find(&cache, host, AF_INET, 0, &found);
  ah_resolver_cache_clear(&cache);
  return is_kept ? AHTTP_OK : AHTTP_ENOMEM;
}

static void cache_without_memory_keeps_nothing(void **state)
{
  (void)state;
  ah_answer answer = answer_make("192.0.2.1");
  test_alloc_fail_each(cache_put_and_find, &answer);
  assert_int_equal(answer.addresses->refs, 1);
  ah_address_list_unref(answer.addresses);
}

static void file_write(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void hosts_are_read_again_when_the_file_changes(void **state)
{
  (void)state;
  char path[] = "/tmp/test_resolver_cache.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  ah_hosts hosts;
  ah_address items[AH_ADDRESSES_MAX];
  size_t count;
  file_write(path, "192.0.2.1 a.test\n");
  ah_hosts_init(&hosts, path, 1000);
  assert_true(
      ah_hosts_find(&hosts, AH_STR("a.test"), AF_INET, 5000, items, &count));
  assert_int_equal(count, 1);
  file_write(path, "192.0.2.1 a.test\n192.0.2.2 a.test b.test\n");
  /* Looked at once a second. */
  assert_false(
      ah_hosts_find(&hosts, AH_STR("b.test"), AF_INET, 5999, items, &count));
  assert_true(
      ah_hosts_find(&hosts, AH_STR("b.test"), AF_INET, 6000, items, &count));
  assert_true(
      ah_hosts_find(&hosts, AH_STR("a.test"), AF_INET, 6000, items, &count));
  assert_int_equal(count, 2);
  assert_true(
      ah_hosts_find(&hosts, AH_STR("a.test"), AF_INET6, 6000, items, &count));
  assert_int_equal(count, 0);
  unlink(path);
  assert_false(
      ah_hosts_find(&hosts, AH_STR("a.test"), AF_INET, 7000, items, &count));
  file_write(path, "192.0.2.1 a.test\n");
  assert_true(
      ah_hosts_find(&hosts, AH_STR("a.test"), AF_INET, 8000, items, &count));
  ah_hosts_clear(&hosts);
  unlink(path);
}

/* Without memory the file counts as empty, and is read at the next look. */
static void hosts_are_read_again_after_memory_was_short(void **state)
{
  (void)state;
  char path[] = "/tmp/test_resolver_cache.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  file_write(path, "192.0.2.1 a.test b.test\n192.0.2.2 c.test\n");
  ah_address items[AH_ADDRESSES_MAX];
  size_t count;
  test_alloc_install();
  for (int nth = 1; nth <= 4; nth++) {
    ah_hosts hosts;
    ah_hosts_init(&hosts, path, 1000);
    test_alloc_fail_nth(nth);
    bool is_found =
        ah_hosts_find(&hosts, AH_STR("c.test"), AF_INET, 0, items, &count);
    assert_true(is_found || hosts.names.count == 0);
    test_alloc_fail_nth(0);
    assert_true(
        ah_hosts_find(&hosts, AH_STR("c.test"), AF_INET, 1000, items, &count));
    ah_hosts_clear(&hosts);
  }
  test_alloc_remove();
  unlink(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cache_keeps_answers_for_their_time),
      cmocka_unit_test(cache_replaces_answers),
      cmocka_unit_test(cache_drops_what_was_used_least_recently),
      cmocka_unit_test(cache_without_memory_keeps_nothing),
      cmocka_unit_test(hosts_are_read_again_when_the_file_changes),
      cmocka_unit_test(hosts_are_read_again_after_memory_was_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
