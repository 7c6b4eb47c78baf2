/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/negotiation_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "support/fake_exchange.h"
#include "support/fake_stream.h"
#include "support/test_alloc.h"
#include "support/tls_peer.h"

/*
 * A negotiator that says "hello", answers "?" by "!", and takes "y" for a
 * tunnel and "n" for a refusal.
 */
typedef struct talker {
  ah_negotiator base;
  bool begin_fails;
} talker;

static unsigned talkers; /* live ones */

static int talker_begin(ah_negotiator *self, ah_buf *out, ahttp_error *err)
{
  if (((talker *)self)->begin_fails) {
    ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "cannot begin");
    return AHTTP_EPROXY;
  }
  int rv = ah_buf_append(out, "hello", 5);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_CONNECT);
  }
  return rv;
}

static int talker_read(ah_negotiator *self, const uint8_t *data, size_t len,
                       size_t *consumed, ah_buf *out, ahttp_error *err)
{
  (void)self;
  for (*consumed = 0; *consumed < len;) {
    uint8_t c = data[(*consumed)++];
    if (c == 'y') {
      return AHTTP_OK;
    }
    if (c == 'n') {
      ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "no");
      return AHTTP_EPROXY;
    }
    int rv = ah_buf_append(out, "!", 1);
    if (rv != AHTTP_OK) {
      ah_error_plain(err, rv, AHTTP_PHASE_CONNECT);
      return rv;
    }
  }
  return AH_MORE;
}

static void talker_end(ah_negotiator *self, ahttp_error *err)
{
  (void)self;
  ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "hung up");
}

static void talker_free(ah_negotiator *self)
{
  talkers--;
  ah_free(self);
}

static const ah_negotiator_ops talker_ops = {.name = "talker",
                                             .begin = talker_begin,
                                             .read = talker_read,
                                             .end = talker_end,
                                             .free = talker_free};

/* Made before allocations fail; NULL: each scene has its own. */
static ah_loop *lasting_loop;

typedef struct scene {
  ah_loop *loop;
  fake_stream *below;
  tls_record client;
} scene;

static int scene_open(scene *s, bool client_speaks_first, bool begin_fails,
                      ahttp_error *err)
{
  memset(s, 0, sizeof(*s));
  s->loop = lasting_loop == NULL ? fake_loop_new() : lasting_loop;
  s->below = fake_stream_new(s->loop);
  talker *negotiator = ah_calloc(1, sizeof(*negotiator));
  if (negotiator == NULL) {
    s->below->stream->ops->close(s->below->stream);
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_CONNECT);
    return AHTTP_ENOMEM;
  }
  talkers++;
  negotiator->base.ops = &talker_ops;
  negotiator->begin_fails = begin_fails;
  const ah_negotiation_opts opts = {.client_speaks_first = client_speaks_first};
  ah_stream *stream;
  int rv = ah_negotiation_stream_new(&stream, s->below->stream,
                                     &negotiator->base, &opts, err);
  assert_true((rv == AHTTP_OK) == (stream != NULL));
  if (rv == AHTTP_OK) {
    tls_record_adopt(&s->client, stream);
  }
  return rv;
}

static void scene_begin(scene *s, bool client_speaks_first)
{
  ahttp_error err;
  assert_int_equal(scene_open(s, client_speaks_first, false, &err), AHTTP_OK);
}

static void scene_end(scene *s)
{
  if (s->client.stream != NULL) {
    s->client.stream->ops->close(s->client.stream);
  }
  fake_loop_turn(s->loop);
  assert_true(s->below->closed);
  fake_stream_free(s->below);
  if (lasting_loop == NULL) {
    fake_loop_free(s->loop);
  }
  fake_bytes_clear(&s->client.read);
  assert_int_equal(talkers, 0);
}

static void check_sent(const scene *s, const char *want)
{
  assert_string_equal(s->below->sent.data, want);
}

static void check_read(const scene *s, const char *want)
{
  assert_int_equal(s->client.read.len, strlen(want));
  assert_memory_equal(s->client.read.data, want, strlen(want));
}

static void client_write(scene *s, const char *text)
{
  assert_int_equal(ah_stream_write(s->client.stream, text, strlen(text)),
                   AHTTP_OK);
  s->client.stream->ops->flush(s->client.stream);
}

static void talk_comes_first_then_everything_passes(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, true);
  check_sent(&s, "hello");
  fake_stream_feed_text(s.below, "??");
  check_sent(&s, "hello!!");
  assert_int_equal(s.client.opens, 0);
  fake_stream_feed_text(s.below, "y");
  assert_int_equal(s.client.opens, 1);
  client_write(&s, "GET");
  check_sent(&s, "hello!!GET");
  fake_stream_feed_text(s.below, "answer");
  check_read(&s, "answer");
  fake_stream_feed_end(s.below, true);
  assert_int_equal(s.client.ends, 1);
  assert_true(s.client.clean);
  scene_end(&s);
}

static void early_bytes_of_the_tunnel_are_refused(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, true);
  fake_stream_feed_text(s.below, "yHTTP/1.1 200 OK");
  assert_int_equal(s.client.opens, 0);
  assert_int_equal(s.client.errors, 1);
  assert_int_equal(s.client.error.code, AHTTP_EPROTO);
  scene_end(&s);
}

static void early_bytes_come_out_where_the_server_may_speak_first(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, false);
  fake_stream_feed_text(s.below, "yab");
  assert_int_equal(s.client.opens, 1);
  check_read(&s, "ab");
  fake_stream_feed_text(s.below, "cd");
  check_read(&s, "abcd");
  scene_end(&s);
}

static void pausing_on_open(void *owner)
{
  tls_record *record = owner;
  record->opens++;
  record->stream->ops->pause(record->stream);
}

static void early_bytes_wait_for_a_sink_that_pauses(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, false);
  ah_stream_sink sink = *s.client.stream->sink;
  sink.on_open = pausing_on_open;
  s.client.stream->sink = &sink;
  fake_stream_feed_text(s.below, "yab");
  fake_stream_feed_text(s.below, "cd");
  fake_stream_feed_end(s.below, true);
  check_read(&s, "");
  assert_true(s.below->paused);
  s.client.stream->ops->resume(s.client.stream);
  check_read(&s, ""); /* never from within */
  fake_loop_turn(s.loop);
  check_read(&s, "abcd");
  assert_int_equal(s.client.ends, 1);
  scene_end(&s);
}

static void refusal_is_an_error(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, true);
  fake_stream_feed_text(s.below, "?n");
  assert_int_equal(s.client.errors, 1);
  assert_string_equal(s.client.error.text, "no");
  scene_end(&s);
}

static void end_during_the_talk_is_an_error(void **state)
{
  scene s;
  (void)state;
  scene_begin(&s, true);
  fake_stream_feed_end(s.below, true);
  assert_int_equal(s.client.ends, 0);
  assert_string_equal(s.client.error.text, "hung up");
  scene_end(&s);
}

static void trouble_below_passes_at_any_time(void **state)
{
  scene s;
  (void)state;
  for (int i = 0; i < 2; i++) {
    scene_begin(&s, true);
    if (i == 1) {
      fake_stream_feed_text(s.below, "y");
    }
    fake_stream_break(s.below, AHTTP_EREAD);
    assert_int_equal(s.client.errors, 1);
    assert_int_equal(s.client.error.code, AHTTP_EREAD);
    scene_end(&s);
  }
}

static void stream_may_be_closed_in_any_callback(void **state)
{
  static const struct {
    tls_close_at at;
    const char *feed;
  } rows[] = {
      {CLOSE_AT_OPEN, "yab"}, {CLOSE_AT_READ, "yab"}, {CLOSE_AT_ERROR, "n"}};
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene s;
    scene_begin(&s, false);
    s.client.close_at = rows[i].at;
    fake_stream_feed_text(s.below, rows[i].feed);
    assert_null(s.client.stream);
    scene_end(&s);
  }
}

static void what_cannot_begin_closes_what_is_below(void **state)
{
  scene s;
  ahttp_error err;
  (void)state;
  assert_int_equal(scene_open(&s, true, true, &err), AHTTP_EPROXY);
  assert_string_equal(err.text, "cannot begin");
  scene_end(&s);
}

static int talk_once(void *arg)
{
  scene s;
  ahttp_error err;
  (void)arg;
  int rv = scene_open(&s, false, false, &err);
  if (rv == AHTTP_OK) {
    fake_stream_feed_text(s.below, "?yab");
    if (s.client.errors > 0) {
      rv = s.client.error.code;
    } else {
      check_read(&s, "ab");
    }
  }
  scene_end(&s);
  return rv;
}

static void negotiation_survives_every_failed_allocation(void **state)
{
  (void)state;
  lasting_loop = fake_loop_new();
  test_alloc_fail_each(talk_once, NULL);
  fake_loop_free(lasting_loop);
  lasting_loop = NULL;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(talk_comes_first_then_everything_passes),
      cmocka_unit_test(early_bytes_of_the_tunnel_are_refused),
      cmocka_unit_test(early_bytes_come_out_where_the_server_may_speak_first),
      cmocka_unit_test(early_bytes_wait_for_a_sink_that_pauses),
      cmocka_unit_test(refusal_is_an_error),
      cmocka_unit_test(end_during_the_talk_is_an_error),
      cmocka_unit_test(trouble_below_passes_at_any_time),
      cmocka_unit_test(stream_may_be_closed_in_any_callback),
      cmocka_unit_test(what_cannot_begin_closes_what_is_below),
      cmocka_unit_test(negotiation_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
