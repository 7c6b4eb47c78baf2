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

#include "base/clock.h"
#include "net/loop.h"
#include "support/test_alloc.h"

/* A loop on a uv_loop_t of the test's, as a program would have it. */
typedef struct fixture {
  uv_loop_t uv;
  ah_loop *loop;
  bool is_closed;
} fixture;

static void note_closed(void *arg)
{
  bool *is_closed = arg;
  *is_closed = true;
}

static int set_up(void **state)
{
  static fixture fix;
  memset(&fix, 0, sizeof(fix));
  assert_int_equal(uv_loop_init(&fix.uv), 0);
  assert_int_equal(ah_loop_new(&fix.loop, &fix.uv), AHTTP_OK);
  *state = &fix;
  return 0;
}

static int tear_down(void **state)
{
  fixture *fix = *state;
  ah_loop_close(fix->loop, note_closed, &fix->is_closed);
  assert_false(fix->is_closed);
  uv_run(&fix->uv, UV_RUN_DEFAULT);
  assert_true(fix->is_closed);
  assert_int_equal(uv_loop_close(&fix->uv), 0);
  return 0;
}

static void turn(fixture *fix)
{
  ah_loop_hold(fix->loop);
  uv_run(&fix->uv, UV_RUN_NOWAIT);
  ah_loop_drop(fix->loop);
}

/* Tasks and flushers that write their letter when they run. */
typedef struct scribe {
  ah_task task;
  ah_flusher flusher;
  ah_loop *loop;
  char letter;
  char *page; /* NUL-terminated, with room */
  struct scribe *next_task;
  struct scribe *next_flusher;
  ah_task *undeferred;
  bool again; /* defers itself whenever it runs */
} scribe;

static void scribe_write(scribe *self)
{
  size_t len = strlen(self->page);
  self->page[len] = self->letter;
  self->page[len + 1] = '\0';
  if (self->next_task != NULL) {
    ah_loop_defer(self->loop, &self->next_task->task);
  }
  if (self->next_flusher != NULL) {
    ah_loop_mark_dirty(self->loop, &self->next_flusher->flusher);
  }
  if (self->undeferred != NULL) {
    ah_loop_undefer(self->undeferred);
  }
}

static void scribe_run(ah_task *task)
{
  scribe *self = AH_CONTAINER(task, scribe, task);
  if (self->again) {
    ah_loop_defer(self->loop, task);
  } else {
    scribe_write(self);
  }
}

static void scribe_flush(ah_flusher *flusher)
{
  scribe_write(AH_CONTAINER(flusher, scribe, flusher));
}

static void scribe_init(scribe *self, fixture *fix, char letter, char *page)
{
  memset(self, 0, sizeof(*self));
  self->task.run = scribe_run;
  self->flusher.flush = scribe_flush;
  self->loop = fix->loop;
  self->letter = letter;
  self->page = page;
}

static void loop_runs_tasks_then_flushers_then_what_they_queued(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe b;
  scribe c;
  scribe d;
  scribe_init(&a, fix, 'a', page);
  scribe_init(&b, fix, 'b', page);
  scribe_init(&c, fix, 'c', page);
  scribe_init(&d, fix, 'd', page);
  a.next_task = &d;    /* runs after the flushers of this round */
  c.next_flusher = &d; /* and then flushes again, in the same turn */
  ah_loop_mark_dirty(fix->loop, &c.flusher);
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_defer(fix->loop, &b.task);
  assert_string_equal(page, "");
  turn(fix);
  assert_string_equal(page, "abcdd");
}

static void loop_runs_last_tasks_after_what_was_flushed(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe b;
  scribe c;
  scribe d;
  scribe_init(&a, fix, 'a', page);
  scribe_init(&b, fix, 'b', page);
  scribe_init(&c, fix, 'c', page);
  scribe_init(&d, fix, 'd', page);
  b.next_flusher = &c;
  a.next_task = &d; /* is for the turn after that, whose poll does not wait */
  ah_loop_defer_last(fix->loop, &a.task);
  ah_loop_defer_last(fix->loop, &a.task);
  ah_loop_defer(fix->loop, &b.task);
  turn(fix);
  assert_string_equal(page, "bca");
  assert_int_equal(uv_backend_timeout(&fix->uv), 0);
  turn(fix);
  assert_string_equal(page, "bcad");

  ah_loop_defer_last(fix->loop, &a.task);
  ah_loop_undefer(&a.task);
  turn(fix);
  assert_string_equal(page, "bcad");
}

static void loop_runs_what_is_queued_twice_once(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe_init(&a, fix, 'a', page);
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_defer(fix->loop, &a.task);
  turn(fix);
  turn(fix);
  assert_string_equal(page, "a");
  ah_loop_mark_dirty(fix->loop, &a.flusher);
  ah_loop_mark_dirty(fix->loop, &a.flusher);
  turn(fix);
  turn(fix);
  assert_string_equal(page, "aa");
}

static void loop_forgets_what_is_taken_back(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe b;
  scribe_init(&a, fix, 'a', page);
  scribe_init(&b, fix, 'b', page);
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_mark_dirty(fix->loop, &a.flusher);
  ah_loop_undefer(&a.task);
  ah_loop_unmark_dirty(&a.flusher);
  ah_loop_undefer(&b.task); /* was never queued */
  ah_loop_unmark_dirty(&b.flusher);
  turn(fix);
  assert_string_equal(page, "");

  /* Also out of the batch that is being run. */
  a.undeferred = &b.task;
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_defer(fix->loop, &b.task);
  turn(fix);
  assert_string_equal(page, "a");
}

static void loop_goes_on_in_the_next_turn_with_endless_work(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe endless;
  scribe_init(&endless, fix, 'x', page);
  endless.again = true;
  ah_loop_defer(fix->loop, &endless.task);
  turn(fix);
  turn(fix); /* came back from both */
  endless.again = false;
  turn(fix);
  assert_string_equal(page, "x");
}

/* What tasks of the next turn see, in order: p for a poll, t for the task. */
typedef struct diary {
  ah_loop *loop;
  ah_task task;
  uv_check_t check;
  unsigned left; /* times the task queues itself again */
  char page[16];
} diary;

static void diary_note(diary *self, char letter)
{
  size_t len = strlen(self->page);
  assert_true(len < sizeof(self->page) - 1);
  self->page[len] = letter;
}

static void diary_on_check(uv_check_t *check)
{
  diary_note(check->data, 'p');
}

static void diary_on_task(ah_task *task)
{
  diary *self = AH_CONTAINER(task, diary, task);
  diary_note(self, 't');
  if (self->left > 0) {
    self->left--;
    ah_loop_defer_turn(self->loop, task);
  }
}

/* If a poll waited, this test would hang, as nothing wakes the loop. */
static void loop_polls_once_before_a_task_of_the_next_turn(void **state)
{
  fixture *fix = *state;
  diary self = {.loop = fix->loop, .left = 2, .task.run = diary_on_task};
  uv_check_init(&fix->uv, &self.check);
  self.check.data = &self;
  uv_check_start(&self.check, diary_on_check);
  ah_loop_hold(fix->loop);

  ah_loop_defer_turn(fix->loop, &self.task);
  ah_loop_defer_turn(fix->loop, &self.task); /* is queued already */
  ah_loop_defer(fix->loop, &self.task);      /* so is this */
  while (strchr(self.page, 't') == NULL || self.left > 0) {
    uv_run(&fix->uv, UV_RUN_ONCE);
  }
  assert_string_equal(self.page, "ptptp");
  uv_run(&fix->uv, UV_RUN_ONCE);
  assert_string_equal(self.page, "ptptptp");

  /* From within an ending turn the next one is meant too. */
  self.left = 1;
  ah_loop_defer(fix->loop, &self.task);
  uv_run(&fix->uv, UV_RUN_ONCE);
  assert_string_equal(self.page, "ptptptptp");
  uv_run(&fix->uv, UV_RUN_ONCE);
  assert_string_equal(self.page, "ptptptptptp");

  /* Nothing is left that keeps the poll from waiting. */
  uv_close((uv_handle_t *)&self.check, NULL);
  uv_run(&fix->uv, UV_RUN_NOWAIT);
  assert_int_equal(uv_backend_timeout(&fix->uv), -1);
  ah_loop_drop(fix->loop);
}

static void loop_forgets_a_task_of_the_next_turn(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe_init(&a, fix, 'a', page);
  ah_loop_defer_turn(fix->loop, &a.task);
  ah_loop_undefer(&a.task);
  turn(fix);
  turn(fix);
  assert_string_equal(page, "");
}

static void prepare_defers(uv_prepare_t *prepare)
{
  scribe *self = prepare->data;
  if (strlen(self->page) < 2) {
    ah_loop_defer(self->loop, &self->task);
  }
}

/* Work queued after our prepare and before the poll: the poll must not wait.
 * If it did, this test would hang, as nothing else wakes the loop. */
static void loop_does_not_wait_while_work_is_queued(void **state)
{
  fixture *fix = *state;
  uv_prepare_t later; /* libuv runs what was started last first */
  uv_prepare_init(&fix->uv, &later);
  uv_prepare_start(&later, prepare_defers);
  ah_loop *loop;
  assert_int_equal(ah_loop_new(&loop, &fix->uv), AHTTP_OK);
  char page[16] = "";
  scribe a;
  scribe_init(&a, fix, 'a', page);
  a.loop = loop;
  later.data = &a;
  ah_loop_hold(loop);
  while (strlen(page) < 2) {
    uv_run(&fix->uv, UV_RUN_ONCE);
  }
  ah_loop_drop(loop);
  uv_close((uv_handle_t *)&later, NULL);
  bool is_closed = false;
  ah_loop_close(loop, note_closed, &is_closed);
  uv_run(&fix->uv, UV_RUN_DEFAULT);
  assert_true(is_closed);
}

/* A connection's request leaves while others' responses are still read. */
static void loop_works_between_many_events(void **state)
{
  fixture *fix = *state;
  enum {
    FEW = 10, /* connections that all have an event in each poll */
    MANY = 1000
  };
  char page[16] = "";
  scribe a;
  scribe b;
  scribe c;
  scribe_init(&a, fix, 'a', page);
  scribe_init(&b, fix, 'b', page);
  scribe_init(&c, fix, 'c', page);
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_mark_dirty(fix->loop, &b.flusher);
  ah_loop_defer_last(fix->loop, &c.task);
  for (int i = 0; i < FEW; i++) {
    ah_loop_leave(fix->loop);
  }
  assert_string_equal(page, "");
  for (int i = FEW; i < MANY; i++) {
    ah_loop_leave(fix->loop);
  }
  assert_string_equal(page, "ab");
  turn(fix);
  assert_string_equal(page, "abc");
}

/* Events of earlier turns do not count. */
static void loop_gathers_few_events_of_each_turn(void **state)
{
  fixture *fix = *state;
  char page[16] = "";
  scribe a;
  scribe_init(&a, fix, 'a', page);
  for (int i = 0; i < 100; i++) {
    ah_loop_leave(fix->loop);
    turn(fix);
  }
  ah_loop_defer(fix->loop, &a.task);
  ah_loop_leave(fix->loop);
  assert_string_equal(page, "");
  turn(fix);
  assert_string_equal(page, "a");
}

static void loop_holds_uv_run_only_while_held(void **state)
{
  fixture *fix = *state;
  assert_int_equal(uv_run(&fix->uv, UV_RUN_NOWAIT), 0);
  ah_loop_hold(fix->loop);
  ah_loop_hold(fix->loop);
  assert_int_not_equal(uv_run(&fix->uv, UV_RUN_NOWAIT), 0);
  ah_loop_drop(fix->loop);
  assert_int_not_equal(uv_run(&fix->uv, UV_RUN_NOWAIT), 0);
  ah_loop_drop(fix->loop);
  assert_int_equal(uv_run(&fix->uv, UV_RUN_NOWAIT), 0);
}

enum {
  LETTER_COUNT = 3000, /* more than one turn takes out */
  WRITER_COUNT = 3
};

/* Which thread last ran the loop, as it says itself. */
static _Atomic(uv_thread_t) runner;

static bool is_runner(void)
{
  return atomic_load(&runner) == uv_thread_self();
}

typedef struct counted_letter {
  ah_letter letter;
  unsigned *received;
  bool other_thread;
} counted_letter;

static void counted_letter_run(ah_letter *letter)
{
  counted_letter *self = AH_CONTAINER(letter, counted_letter, letter);
  assert_true(is_runner());
  assert_false(letter->posted);
  (*self->received)++;
}

typedef struct writer {
  ah_loop *loop;
  counted_letter *letters;
  uv_thread_t thread;
} writer;

static void writer_main(void *arg)
{
  writer *self = arg;
  for (int i = 0; i < LETTER_COUNT; i++) {
    self->letters[i].other_thread = !is_runner();
    (void)ah_loop_post(self->loop, &self->letters[i].letter);
  }
}

static void loop_runs_letters_of_other_threads_on_its_own(void **state)
{
  fixture *fix = *state;
  static counted_letter letters[WRITER_COUNT][LETTER_COUNT];
  memset(letters, 0, sizeof(letters));
  unsigned received = 0;
  ah_loop_share_thread(fix->loop, &runner);
  writer writers[WRITER_COUNT];
  for (int w = 0; w < WRITER_COUNT; w++) {
    for (int i = 0; i < LETTER_COUNT; i++) {
      letters[w][i].letter.run = counted_letter_run;
      letters[w][i].received = &received;
    }
    writers[w].loop = fix->loop;
    writers[w].letters = letters[w];
    assert_int_equal(
        uv_thread_create(&writers[w].thread, writer_main, &writers[w]), 0);
  }
  ah_loop_hold(fix->loop);
  while (received < WRITER_COUNT * LETTER_COUNT) {
    uv_run(&fix->uv, UV_RUN_ONCE);
  }
  ah_loop_drop(fix->loop);
  for (int w = 0; w < WRITER_COUNT; w++) {
    uv_thread_join(&writers[w].thread);
    for (int i = 0; i < LETTER_COUNT; i++) {
      assert_true(letters[w][i].other_thread);
    }
  }
}

static void loop_refuses_a_letter_that_is_in_the_inbox(void **state)
{
  fixture *fix = *state;
  unsigned received = 0;
  counted_letter one = {.letter = {.run = counted_letter_run},
                        .received = &received};
  ah_loop_share_thread(fix->loop, &runner);
  assert_true(ah_loop_post(fix->loop, &one.letter));
  assert_false(ah_loop_post(fix->loop, &one.letter));
  turn(fix);
  assert_int_equal(received, 1);
  assert_true(ah_loop_post(fix->loop, &one.letter));
  turn(fix);
  assert_int_equal(received, 2);
}

static void loop_reads_its_clock_once_a_turn(void **state)
{
  fixture *fix = *state;
  uint64_t before = ah_loop_now_ns(fix->loop);
  uint64_t clock = ah_clock_ns();
  while (ah_clock_ns() == clock) {
  }
  assert_int_equal(ah_loop_now_ns(fix->loop), before);
  assert_int_equal(ah_loop_now_ms(fix->loop), before / 1000000);
  turn(fix);
  assert_true(ah_loop_now_ns(fix->loop) > before);
}

static void loop_buffers_do_not_overlap(void **state)
{
  fixture *fix = *state;
  uint8_t *read = ah_loop_read_buffer(fix->loop);
  uint8_t *plain = ah_loop_plain_buffer(fix->loop);
  uint8_t *bulk = ah_loop_bulk_buffer(fix->loop);
  memset(read, 1, AH_LOOP_READ_BYTES);
  memset(plain, 2, AH_LOOP_READ_BYTES);
  memset(bulk, 3, AH_LOOP_BULK_BYTES);
  assert_int_equal(read[AH_LOOP_READ_BYTES - 1], 1);
  assert_int_equal(plain[0], 2);
  assert_int_equal(plain[AH_LOOP_READ_BYTES - 1], 2);
  assert_ptr_equal(ah_loop_bulk_buffer(fix->loop), bulk);
}

static void loop_gives_chunks_out_again(void **state)
{
  fixture *fix = *state;
  enum {
    MANY = 100 /* more than the pool keeps */
  };
  ah_chunk *chunks[MANY];
  for (int i = 0; i < MANY; i++) {
    chunks[i] = ah_loop_acquire_chunk(fix->loop);
    assert_non_null(chunks[i]);
    assert_int_equal(chunks[i]->tail, 0);
    chunks[i]->head = 1;
    chunks[i]->tail = AH_CHUNK_BYTES;
    memset(chunks[i]->data, i, AH_CHUNK_BYTES);
  }
  for (int i = 0; i < MANY; i++) {
    ah_loop_release_chunk(fix->loop, chunks[i]);
  }
  ah_chunk *again = ah_loop_acquire_chunk(fix->loop);
  assert_non_null(again);
  assert_null(again->next);
  assert_int_equal(again->head, 0);
  assert_int_equal(again->tail, 0);
  ah_loop_release_chunk(fix->loop, again);
}

static int make_and_close(void *arg)
{
  uv_loop_t *uv = arg;
  ah_loop *loop;
  int rv = ah_loop_new(&loop, uv);
  if (rv != AHTTP_OK) {
    assert_null(loop);
    return rv;
  }
  bool is_closed = false;
  uv_loop_t *own = ah_loop_uv(loop);
  ah_loop_close(loop, note_closed, &is_closed);
  uv_run(own, UV_RUN_DEFAULT);
  assert_true(is_closed);
  if (uv == NULL) {
    ah_loop_free_uv(own);
  }
  return AHTTP_OK;
}

static void loop_new_survives_every_failed_allocation(void **state)
{
  fixture *fix = *state;
  test_alloc_fail_each(make_and_close, NULL);
  test_alloc_fail_each(make_and_close, &fix->uv);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(loop_runs_tasks_then_flushers_then_what_they_queued),
      CASE(loop_runs_last_tasks_after_what_was_flushed),
      CASE(loop_runs_what_is_queued_twice_once),
      CASE(loop_forgets_what_is_taken_back),
      CASE(loop_goes_on_in_the_next_turn_with_endless_work),
      CASE(loop_polls_once_before_a_task_of_the_next_turn),
      CASE(loop_forgets_a_task_of_the_next_turn),
      CASE(loop_does_not_wait_while_work_is_queued),
      CASE(loop_works_between_many_events),
      CASE(loop_gathers_few_events_of_each_turn),
      CASE(loop_holds_uv_run_only_while_held),
      CASE(loop_runs_letters_of_other_threads_on_its_own),
      CASE(loop_refuses_a_letter_that_is_in_the_inbox),
      CASE(loop_reads_its_clock_once_a_turn),
      CASE(loop_buffers_do_not_overlap),
      CASE(loop_gives_chunks_out_again),
      CASE(loop_new_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
