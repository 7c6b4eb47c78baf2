/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/str.h"
#include "support/test_alloc.h"

enum {
  ITEMS_COUNT = 1000,
  KEY_ROOM = 8
};

typedef struct item {
  ah_hash_entry entry;
  char key[KEY_ROOM];
  bool is_seen;
} item;

static item items[ITEMS_COUNT];

static ahttp_str item_key(item *it, unsigned number)
{
  size_t len = 0;
  do {
    it->key[len++] = (char)('a' + number % 26);
    number /= 26;
  } while (number > 0);
  return ah_str(it->key, len);
}

static int insert_all(ah_hash *hash)
{
  memset(items, 0, sizeof(items));
  for (unsigned i = 0; i < ITEMS_COUNT; i++) {
    int rv = ah_hash_insert(hash, &items[i].entry, item_key(&items[i], i));
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* Values of CPython 3.11's bytes hash under PYTHONHASHSEED=0, which is
 * SipHash-1-3 with a key of zeros. */
static void hash_is_siphash_1_3(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    uint64_t value;
  } rows[] = {
      {"a", 0x407448d2b89b1813},
      {"abcdefg", 0x6db12aae9070f506},
      {"abcdefgh", 0x3f7b849c0b8e35ea},
      {"abcdefghi", 0xf89b34a3d11eb6e5},
      {"the quick brown fox jumps over the lazy dog", 0x80a65583f613da2d},
  };
  const uint64_t zero[2] = {0, 0};
  const uint64_t one[2] = {0, 1};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_str text = ah_str_from_c(rows[i].text);
    assert_true(ah_hash_siphash(text, zero) == rows[i].value);
    assert_true(ah_hash_siphash(text, one) != rows[i].value);
  }
}

static void hash_seed_stays_the_same(void **state)
{
  (void)state;
  const uint64_t zero[2] = {0, 0};
  const ahttp_str key = AH_STR("key");
  assert_true(ah_hash_bytes(key) == ah_hash_bytes(key));
  assert_true(ah_hash_bytes(key) != ah_hash_siphash(key, zero));
  assert_true(ah_hash_bytes(ah_str(NULL, 0)) == ah_hash_bytes(AH_STR("")));
}

static void hash_finds_what_was_inserted(void **state)
{
  (void)state;
  ah_hash hash;
  ah_hash_init(&hash);
  assert_null(ah_hash_find(&hash, AH_STR("a")));
  assert_int_equal(insert_all(&hash), AHTTP_OK);
  assert_int_equal(hash.count, ITEMS_COUNT);
  for (unsigned i = 0; i < ITEMS_COUNT; i++) {
    item probe;
    assert_ptr_equal(ah_hash_find(&hash, item_key(&probe, i)), &items[i].entry);
  }
  assert_null(ah_hash_find(&hash, AH_STR("not there")));
  ah_hash_clear(&hash);
  assert_null(ah_hash_find(&hash, AH_STR("a")));
}

static void hash_remove_takes_one_out(void **state)
{
  (void)state;
  ah_hash hash;
  ah_hash_init(&hash);
  assert_int_equal(insert_all(&hash), AHTTP_OK);
  for (unsigned i = 0; i < ITEMS_COUNT; i += 2) {
    ah_hash_remove(&hash, &items[i].entry);
  }
  assert_int_equal(hash.count, ITEMS_COUNT / 2);
  for (unsigned i = 0; i < ITEMS_COUNT; i++) {
    ah_hash_entry *found = ah_hash_find(&hash, items[i].entry.key);
    assert_ptr_equal(found, i % 2 == 0 ? NULL : &items[i].entry);
  }
  assert_int_equal(ah_hash_insert(&hash, &items[0].entry, items[0].entry.key),
                   AHTTP_OK);
  assert_ptr_equal(ah_hash_find(&hash, items[0].entry.key), &items[0].entry);
  ah_hash_clear(&hash);
}

static void hash_next_walks_each_entry_once(void **state)
{
  (void)state;
  ah_hash hash;
  ah_hash_init(&hash);
  assert_null(ah_hash_next(&hash, NULL));
  assert_int_equal(insert_all(&hash), AHTTP_OK);
  size_t count = 0;
  ah_hash_entry *entry = ah_hash_next(&hash, NULL);
  while (entry != NULL) {
    item *it = AH_CONTAINER(entry, item, entry);
    assert_false(it->is_seen);
    it->is_seen = true;
    count++;
    entry = ah_hash_next(&hash, entry);
  }
  assert_int_equal(count, ITEMS_COUNT);
  ah_hash_clear(&hash);
}

static void hash_failed_growth_keeps_the_entries(void **state)
{
  (void)state;
  ah_hash hash;
  ah_hash_init(&hash);
  test_alloc_install();
  test_alloc_fail_nth(2);
  assert_int_equal(insert_all(&hash), AHTTP_ENOMEM);
  assert_true(hash.count > 0);
  for (size_t i = 0; i < hash.count; i++) {
    assert_ptr_equal(ah_hash_find(&hash, items[i].entry.key), &items[i].entry);
  }
  ah_hash_clear(&hash);
  test_alloc_remove();
}

static int insert_and_clear(void *arg)
{
  (void)arg;
  ah_hash hash;
  ah_hash_init(&hash);
  int rv = insert_all(&hash);
  ah_hash_clear(&hash);
  return rv;
}

static void hash_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(insert_and_clear, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hash_is_siphash_1_3),
      cmocka_unit_test(hash_seed_stays_the_same),
      cmocka_unit_test(hash_finds_what_was_inserted),
      cmocka_unit_test(hash_remove_takes_one_out),
      cmocka_unit_test(hash_next_walks_each_entry_once),
      cmocka_unit_test(hash_failed_growth_keeps_the_entries),
      cmocka_unit_test(hash_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
