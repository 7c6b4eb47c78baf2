/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"

typedef struct item {
  int number;
  ah_list_node node;
} item;

/* Fails unless the numbers on |list| are |want|, which ends with 0, both ways.
 */
static void check_order(ah_list *list, const int *want)
{
  size_t count = 0;
  AH_LIST_FOREACH (node, list) {
    assert_int_equal(AH_CONTAINER(node, item, node)->number, want[count]);
    assert_ptr_equal(node->next->prev, node);
    assert_ptr_equal(node->prev->next, node);
    count++;
  }
  assert_int_equal(want[count], 0);
}

static void list_zeroed_node_is_unlinked(void **state)
{
  (void)state;
  item a = {.number = 1};
  assert_false(ah_list_is_linked(&a.node));
  ah_list_remove(&a.node);
  assert_false(ah_list_is_linked(&a.node));
}

static void list_pushes_at_both_ends(void **state)
{
  (void)state;
  item a = {.number = 1};
  item b = {.number = 2};
  item c = {.number = 3};
  ah_list list;
  ah_list_init(&list);
  assert_true(ah_list_is_empty(&list));
  assert_null(ah_list_first(&list));
  assert_null(ah_list_last(&list));
  ah_list_push_back(&list, &b.node);
  ah_list_push_back(&list, &c.node);
  ah_list_push_front(&list, &a.node);
  check_order(&list, (const int[]){1, 2, 3, 0});
  assert_ptr_equal(ah_list_first(&list), &a.node);
  assert_ptr_equal(ah_list_last(&list), &c.node);
  assert_true(ah_list_is_linked(&b.node));
}

static void list_remove_unlinks_anywhere(void **state)
{
  (void)state;
  item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
  ah_list list;
  ah_list_init(&list);
  for (size_t i = 0; i < 3; i++) {
    ah_list_push_back(&list, &items[i].node);
  }
  ah_list_remove(&items[1].node);
  ah_list_remove(&items[1].node);
  check_order(&list, (const int[]){1, 3, 0});
  assert_ptr_equal(ah_list_pop_front(&list), &items[0].node);
  assert_false(ah_list_is_linked(&items[0].node));
  assert_ptr_equal(ah_list_pop_front(&list), &items[2].node);
  assert_null(ah_list_pop_front(&list));
  assert_true(ah_list_is_empty(&list));
}

static void list_insert_before_keeps_order(void **state)
{
  (void)state;
  item a = {.number = 1};
  item b = {.number = 2};
  ah_list list;
  ah_list_init(&list);
  ah_list_push_back(&list, &b.node);
  ah_list_insert_before(&b.node, &a.node);
  check_order(&list, (const int[]){1, 2, 0});
}

static void list_splice_moves_all(void **state)
{
  (void)state;
  item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
  ah_list to;
  ah_list from;
  ah_list_init(&to);
  ah_list_init(&from);
  ah_list_splice(&to, &from);
  assert_true(ah_list_is_empty(&to));
  ah_list_push_back(&to, &items[0].node);
  ah_list_push_back(&to, &items[1].node);
  ah_list_push_back(&from, &items[2].node);
  ah_list_push_back(&from, &items[3].node);
  ah_list_splice(&to, &from);
  assert_true(ah_list_is_empty(&from));
  check_order(&to, (const int[]){1, 2, 3, 4, 0});
  ah_list_splice(&from, &to);
  assert_true(ah_list_is_empty(&to));
  check_order(&from, (const int[]){1, 2, 3, 4, 0});
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(list_zeroed_node_is_unlinked),
      cmocka_unit_test(list_pushes_at_both_ends),
      cmocka_unit_test(list_remove_unlinks_anywhere),
      cmocka_unit_test(list_insert_before_keeps_order),
      cmocka_unit_test(list_splice_moves_all),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
