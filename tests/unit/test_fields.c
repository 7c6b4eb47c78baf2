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

#include "base/str.h"
#include "http/fields.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static ah_arena arena;
static ahttp_fields fields;

static int setup(void **state)
{
  (void)state;
  ah_arena_init(&arena, NULL, 0);
  ah_fields_init(&fields, &arena);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  ah_arena_clear(&arena);
  return 0;
}

static int add(const char *name, const char *value)
{
  return ah_fields_add(&fields, ah_str_from_c(name), ah_str_from_c(value));
}

/* Of the first line of |id|, which must be there. */
static ahttp_str value_of(ah_field_id id)
{
  const ah_field *field = ah_fields_find(&fields, id);
  return field == NULL ? AH_STR("(absent)") : field->value;
}

static void fields_keep_order_and_spelling(void **state)
{
  (void)state;
  assert_int_equal(add("B-Name", "1"), AHTTP_OK);
  assert_int_equal(add("Host", "example.org"), AHTTP_OK);
  assert_int_equal(add("b-name", "2"), AHTTP_OK);
  assert_int_equal(ahttp_fields_count(&fields), 3);
  assert_text(ahttp_fields_at(&fields, 0).name, "B-Name");
  assert_text(ahttp_fields_at(&fields, 1).value, "example.org");
  assert_text(ahttp_fields_at(&fields, 2).value, "2");
  assert_int_equal(ahttp_fields_at(&fields, 3).name.len, 0);
  assert_int_equal(fields.items[1].id, AH_FIELD_HOST);
  assert_int_equal(fields.items[0].id, AH_FIELD_OTHER);
}

static void fields_copy_and_terminate_what_is_added(void **state)
{
  (void)state;
  char name[] = "X-Name";
  char value[] = " \tsome value\t ";
  assert_int_equal(add(name, value), AHTTP_OK);
  memset(name, '?', sizeof(name));
  memset(value, '?', sizeof(value));
  ahttp_field field = ahttp_fields_at(&fields, 0);
  assert_text(field.name, "X-Name");
  assert_text(field.value, "some value");
  assert_int_equal(field.name.ptr[field.name.len], '\0');
  assert_int_equal(field.value.ptr[field.value.len], '\0');
}

static void fields_refuse_what_may_not_be_sent(void **state)
{
  (void)state;
  assert_int_equal(add("", "x"), AHTTP_EFIELD);
  assert_int_equal(add("a b", "x"), AHTTP_EFIELD);
  assert_int_equal(add("a:", "x"), AHTTP_EFIELD);
  assert_int_equal(add("a\r\nb", "x"), AHTTP_EFIELD);
  assert_int_equal(add("\xc3\xa4", "x"), AHTTP_EFIELD);
  for (int c = 0; c < 256; c++) {
    char value[3] = {'a', (char)c, 'b'};
    bool is_control = (c < 0x20 && c != '\t') || c == 0x7f;
    int rv = ah_fields_add(&fields, AH_STR("x"), ah_str(value, 3));
    assert_int_equal(rv, is_control ? AHTTP_EFIELD : AHTTP_OK);
  }
  assert_int_equal(ahttp_fields_count(&fields), 256 - 32);
  assert_int_equal(add("empty", ""), AHTTP_OK);
}

static void fields_find_by_id_and_by_name(void **state)
{
  (void)state;
  assert_int_equal(add("X-One", "1"), AHTTP_OK);
  assert_int_equal(add("set-cookie", "a"), AHTTP_OK);
  assert_int_equal(add("Set-Cookie", "b"), AHTTP_OK);
  assert_int_equal(add("X-Two", "2"), AHTTP_OK);
  assert_text(value_of(AH_FIELD_SET_COOKIE), "a");
  assert_null(ah_fields_find(&fields, AH_FIELD_COOKIE));
  assert_text(ah_fields_find_name(&fields, AH_STR("SET-COOKIE"))->value, "a");
  assert_text(ah_fields_find_name(&fields, AH_STR("x-two"))->value, "2");
  assert_null(ah_fields_find_name(&fields, AH_STR("x-three")));
  assert_null(ah_fields_find_name(&fields, AH_STR("")));
}

static void fields_get_is_total(void **state)
{
  (void)state;
  ahttp_str value = AH_STR("before");
  assert_false(ahttp_fields_get(NULL, "host", &value));
  assert_int_equal(value.len, 0);
  assert_int_equal(ahttp_fields_count(NULL), 0);
  assert_int_equal(ahttp_fields_at(NULL, 0).value.len, 0);
  assert_false(ahttp_fields_get(&fields, NULL, &value));
  assert_false(ahttp_fields_get(&fields, "host", NULL));
  assert_int_equal(add("Host", "h"), AHTTP_OK);
  assert_true(ahttp_fields_get(&fields, "hOST", NULL));
  assert_true(ahttp_fields_get(&fields, "host", &value));
  assert_text(value, "h");
}

static void fields_has_token_looks_at_every_line(void **state)
{
  (void)state;
  const ahttp_str closing = AH_STR("close");
  assert_int_equal(add("x", "close"), AHTTP_OK);
  assert_false(ah_fields_has_token(&fields, AH_FIELD_CONNECTION, closing));
  assert_int_equal(add("Connection", "upgrade, TE"), AHTTP_OK);
  assert_false(ah_fields_has_token(&fields, AH_FIELD_CONNECTION, closing));
  assert_int_equal(add("connection", "x,, Close"), AHTTP_OK);
  assert_true(ah_fields_has_token(&fields, AH_FIELD_CONNECTION, closing));
}

static void fields_remove_drops_every_line_of_the_name(void **state)
{
  (void)state;
  assert_int_equal(add("Cookie", "1"), AHTTP_OK);
  assert_int_equal(add("X-A", "2"), AHTTP_OK);
  assert_int_equal(add("cookie", "3"), AHTTP_OK);
  assert_int_equal(add("Host", "4"), AHTTP_OK);
  ah_fields_remove(&fields, AH_FIELD_DATE);
  assert_int_equal(fields.count, 4);
  ah_fields_remove(&fields, AH_FIELD_COOKIE);
  assert_int_equal(fields.count, 2);
  assert_text(fields.items[0].value, "2");
  assert_text(fields.items[1].value, "4");
  assert_null(ah_fields_find(&fields, AH_FIELD_COOKIE));
  assert_int_equal(add("Cookie", "5"), AHTTP_OK);
  assert_text(value_of(AH_FIELD_COOKIE), "5");
}

static void fields_views_are_not_copied(void **state)
{
  (void)state;
  const ahttp_str name = AH_STR("etag");
  const ahttp_str value = AH_STR("\"1\"");
  assert_int_equal(ah_fields_add_view(&fields, name, value, AH_FIELD_UNKNOWN),
                   AHTTP_OK);
  assert_int_equal(ah_fields_add_view(&fields, name, value, AH_FIELD_ETAG),
                   AHTTP_OK);
  assert_ptr_equal(fields.items[0].value.ptr, value.ptr);
  assert_int_equal(fields.items[0].id, AH_FIELD_ETAG);
  assert_int_equal(fields.count, 2);
}

static void fields_grow_past_their_first_room(void **state)
{
  (void)state;
  for (int i = 0; i < 1000; i++) {
    const char digits[] = {(char)('0' + i / 100), (char)('0' + i / 10 % 10),
                           (char)('0' + i % 10), '\0'};
    assert_int_equal(add("n", digits), AHTTP_OK);
  }
  assert_int_equal(fields.count, 1000);
  assert_text(fields.items[0].value, "000");
  assert_text(fields.items[17].value, "017");
  assert_text(fields.items[999].value, "999");
}

static void fields_add_all_appends_views(void **state)
{
  (void)state;
  ahttp_fields more;
  ah_fields_init(&more, &arena);
  assert_int_equal(ah_fields_add_all(&fields, &more), AHTTP_OK);
  assert_int_equal(fields.count, 0);
  for (int i = 0; i < 40; i++) {
    assert_int_equal(ah_fields_add(&more, AH_STR("Date"), AH_STR("today")),
                     AHTTP_OK);
  }
  assert_int_equal(add("Host", "h"), AHTTP_OK);
  assert_int_equal(ah_fields_add_all(&fields, &more), AHTTP_OK);
  assert_int_equal(fields.count, 41);
  assert_text(value_of(AH_FIELD_DATE), "today");
  assert_ptr_equal(fields.items[40].value.ptr, more.items[39].value.ptr);
  assert_text(fields.items[0].value, "h");
}

static int add_many(void *arg)
{
  (void)arg;
  ah_arena own;
  ahttp_fields first;
  ahttp_fields second;
  ah_arena_init(&own, NULL, 0);
  ah_fields_init(&first, &own);
  ah_fields_init(&second, &own);
  int rv = AHTTP_OK;
  for (int i = 0; i < 300 && rv == AHTTP_OK; i++) {
    uint32_t count = first.count;
    rv = ah_fields_add(&first, AH_STR("x-header-field"),
                       AH_STR("a value of forty bytes or so, this one"));
    assert_int_equal(first.count, rv == AHTTP_OK ? count + 1 : count);
  }
  if (rv == AHTTP_OK) {
    rv = ah_fields_add_all(&second, &first);
  }
  ah_arena_clear(&own);
  return rv;
}

static void fields_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(add_many, NULL);
}

static void fields_knows_what_may_be_a_trailer(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    bool may_be;
  } rows[] = {{"Content-Length", false},
              {"Transfer-Encoding", false},
              {"Set-Cookie", false},
              {"Authorization", false},
              {"Content-Encoding", false},
              {"WWW-Authenticate", false},
              {"Location", false},
              {"Host", false},
              {"Server", true},
              {"ETag", true},
              {"X-Checksum", true},
              {"Date", true}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_field_id id = ah_field_id_of(ah_str_from_c(rows[i].name));
    assert_int_equal(ah_field_may_be_trailer(id), rows[i].may_be);
  }
}

#define FIELDS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      FIELDS_TEST(fields_keep_order_and_spelling),
      FIELDS_TEST(fields_copy_and_terminate_what_is_added),
      FIELDS_TEST(fields_refuse_what_may_not_be_sent),
      FIELDS_TEST(fields_find_by_id_and_by_name),
      FIELDS_TEST(fields_get_is_total),
      FIELDS_TEST(fields_has_token_looks_at_every_line),
      FIELDS_TEST(fields_remove_drops_every_line_of_the_name),
      FIELDS_TEST(fields_views_are_not_copied),
      FIELDS_TEST(fields_grow_past_their_first_room),
      FIELDS_TEST(fields_add_all_appends_views),
      cmocka_unit_test(fields_knows_what_may_be_a_trailer),
      cmocka_unit_test(fields_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
