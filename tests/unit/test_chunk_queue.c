/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "net/chunk_queue.h"
#include "support/test_alloc.h"

static int set_up(void **state)
{
  ah_loop *loop;
  assert_int_equal(ah_loop_new(&loop, NULL), AHTTP_OK);
  *state = loop;
  return 0;
}

static int tear_down(void **state)
{
  ah_loop *loop = *state;
  uv_loop_t *uv = ah_loop_uv(loop);
  ah_loop_close(loop, NULL, NULL);
  uv_run(uv, UV_RUN_DEFAULT);
  ah_loop_free_uv(uv);
  return 0;
}

/* Appends |len| bytes that count on from |from|. */
static void queue_append(ah_chunk_queue *queue, ah_loop *loop, size_t from,
                         size_t len)
{
  size_t done = 0;
  while (done < len) {
    uint8_t *room;
    size_t cap;
    assert_int_equal(ah_chunk_queue_reserve(queue, loop, &room, &cap),
                     AHTTP_OK);
    assert_true(cap > 0);
    size_t part = cap < len - done ? cap : len - done;
    for (size_t i = 0; i < part; i++) {
      room[i] = (uint8_t)((from + done + i) % 251);
    }
    ah_chunk_queue_commit(queue, part);
    done += part;
  }
}

/* Checks that the queue holds the bytes [from, to), and nothing else. */
static void expect_bytes(const ah_chunk_queue *queue, size_t from, size_t to)
{
  struct iovec pieces[16];
  size_t len;
  size_t count = ah_chunk_queue_pieces(queue, pieces, 16, &len);
  assert_int_equal(len, to - from);
  assert_int_equal(queue->len, to - from);
  size_t pos = from;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *bytes = pieces[i].iov_base;
    for (size_t n = 0; n < pieces[i].iov_len; n++) {
      assert_int_equal(bytes[n], (pos + n) % 251);
    }
    pos += pieces[i].iov_len;
  }
  assert_int_equal(pos, to);
}

static void queue_gives_bytes_back_in_order(void **state)
{
  ah_loop *loop = *state;
  static const size_t steps[] = {
      1, 7, AH_CHUNK_BYTES - 8, 1, 20000, AH_CHUNK_BYTES, 40000, 0, 3};
  ah_chunk_queue queue = {0};
  size_t from = 0;
  size_t to = 0;
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    queue_append(&queue, loop, to, steps[i]);
    to += steps[i];
    expect_bytes(&queue, from, to);
    size_t part = queue.len / 3;
    ah_chunk_queue_consume(&queue, loop, part);
    from += part;
    expect_bytes(&queue, from, to);
  }
  ah_chunk_queue_consume(&queue, loop, queue.len);
  assert_null(queue.first);
  assert_null(queue.last);
  queue_append(&queue, loop, 0, 5);
  expect_bytes(&queue, 0, 5);
  ah_chunk_queue_clear(&queue, loop);
  assert_null(queue.first);
  assert_int_equal(queue.len, 0);
}

static void queue_consumed_up_to_a_chunks_edge_goes_on_in_the_next(void **state)
{
  ah_loop *loop = *state;
  ah_chunk_queue queue = {0};
  queue_append(&queue, loop, 0, (size_t)2 * AH_CHUNK_BYTES);
  ah_chunk_queue_consume(&queue, loop, AH_CHUNK_BYTES);
  expect_bytes(&queue, AH_CHUNK_BYTES, (size_t)2 * AH_CHUNK_BYTES);
  assert_ptr_equal(queue.first, queue.last);
  ah_chunk_queue_consume(&queue, loop, 0);
  ah_chunk_queue_clear(&queue, loop);
}

static void queue_describes_no_more_pieces_than_asked(void **state)
{
  ah_loop *loop = *state;
  ah_chunk_queue queue = {0};
  struct iovec pieces[2];
  size_t len;
  assert_int_equal(ah_chunk_queue_pieces(&queue, pieces, 2, &len), 0);
  assert_int_equal(len, 0);
  queue_append(&queue, loop, 0, (size_t)3 * AH_CHUNK_BYTES);
  assert_int_equal(ah_chunk_queue_pieces(&queue, pieces, 2, &len), 2);
  assert_int_equal(len, (size_t)2 * AH_CHUNK_BYTES);
  ah_chunk_queue_clear(&queue, loop);
}

static void queue_room_that_is_not_used_is_given_again(void **state)
{
  ah_loop *loop = *state;
  ah_chunk_queue queue = {0};
  uint8_t *first;
  uint8_t *again;
  size_t cap;
  assert_int_equal(ah_chunk_queue_reserve(&queue, loop, &first, &cap),
                   AHTTP_OK);
  ah_chunk_queue_commit(&queue, 0);
  assert_int_equal(ah_chunk_queue_reserve(&queue, loop, &again, &cap),
                   AHTTP_OK);
  assert_ptr_equal(first, again);
  assert_int_equal(cap, AH_CHUNK_BYTES);
  ah_chunk_queue_clear(&queue, loop);
}

static void queue_without_memory_keeps_what_it_has(void **state)
{
  (void)state;
  test_alloc_install();
  ah_loop *loop;
  assert_int_equal(ah_loop_new(&loop, NULL), AHTTP_OK);
  ah_chunk_queue queue = {0};
  queue_append(&queue, loop, 0, AH_CHUNK_BYTES);
  uint8_t *room;
  size_t cap;
  test_alloc_fail_nth(1);
  assert_int_equal(ah_chunk_queue_reserve(&queue, loop, &room, &cap),
                   AHTTP_ENOMEM);
  expect_bytes(&queue, 0, AH_CHUNK_BYTES);
  queue_append(&queue, loop, AH_CHUNK_BYTES, 10);
  expect_bytes(&queue, 0, AH_CHUNK_BYTES + 10);
  ah_chunk_queue_clear(&queue, loop);
  uv_loop_t *uv = ah_loop_uv(loop);
  ah_loop_close(loop, NULL, NULL);
  uv_run(uv, UV_RUN_DEFAULT);
  ah_loop_free_uv(uv);
  test_alloc_remove();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(queue_gives_bytes_back_in_order),
      CASE(queue_consumed_up_to_a_chunks_edge_goes_on_in_the_next),
      CASE(queue_describes_no_more_pieces_than_asked),
      CASE(queue_room_that_is_not_used_is_given_again),
      cmocka_unit_test(queue_without_memory_keeps_what_it_has),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
