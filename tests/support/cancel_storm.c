/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/cancel_storm.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <uv.h>

#include <cmocka.h>

#include "support/dns_peer.h"
#include "support/test_alloc.h"

enum {
  SEED = 20240229,
  CANCELS = 10000,
  AFTERWARDS = 1000,
  IN_FLIGHT = 150,       /* more than there are connections or streams, ... */
  IN_FLIGHT_FEW = 40,    /* and fewer, ... */
  CANCELS_A_SPELL = 500, /* in turn */
  HTTP1_CONNS = 50,
  TURNS_SHORT = 8,
  TURNS_LONG = 400, /* a call that was not cancelled by then is */
  LATE_MS = 1000,   /* or then, before any timeout of the library's own */
  TICK_MS = 1,
  TICKS_MAX = 100000, /* then it hangs */
  UPLOAD_BYTES = 50000,
  PHASES = AHTTP_PHASE_RECEIVE + 1
};

/* When a call is cancelled; if that does not come, after some turns. */
typedef enum moment {
  AT_ONCE,
  AFTER_TURNS,
  AT_INFORMATIONAL,
  AT_HEAD,
  AT_BODY,
  AT_TRAILERS,
  AT_UPLOAD,
  AT_READ,
  WHILE_PAUSED,
  BY_ANOTHER, /* from a callback of whatever call comes next */
  MOMENTS
} moment;

static const char *const moment_names[MOMENTS] = {
    [AT_ONCE] = "at once",
    [AFTER_TURNS] = "after turns",
    [AT_INFORMATIONAL] = "at informational",
    [AT_HEAD] = "at head",
    [AT_BODY] = "at body",
    [AT_TRAILERS] = "at trailers",
    [AT_UPLOAD] = "at upload",
    [AT_READ] = "at read",
    [WHILE_PAUSED] = "while paused",
    [BY_ANOTHER] = "by another",
};

static const char *const phase_names[PHASES] = {
    [AHTTP_PHASE_NONE] = "none", [AHTTP_PHASE_QUEUE] = "queue",
    [AHTTP_PHASE_DNS] = "dns",   [AHTTP_PHASE_CONNECT] = "connect",
    [AHTTP_PHASE_TLS] = "tls",   [AHTTP_PHASE_SEND] = "send",
    [AHTTP_PHASE_WAIT] = "wait", [AHTTP_PHASE_RECEIVE] = "receive",
};

typedef struct storm storm;
typedef struct storm_call {
  storm *of;
  ahttp_call *call; /* NULL: free for another one */
  moment when;
  unsigned turns;
  uint64_t started_ms;
  unsigned pieces; /* of content until AT_BODY */
  bool is_stopped;
  bool is_nowhere; /* its host will not be found */
} storm_call;

struct storm {
  const storm_target *at;
  uv_loop_t loop;
  uv_timer_t tick;
  unsigned ticks;
  dns_peer *names;
  ahttp_client *client;
  uint32_t random;
  storm_call calls[IN_FLIGHT];
  storm_call *doomed; /* to be cancelled by another's callback */
  unsigned pending;
  unsigned cancelled;
  unsigned completed;  /* those that were faster */
  unsigned resets_min; /* streams that the server must see reset, ... */
  unsigned resets_max; /* and those it may */
  unsigned by_phase[PHASES];
  unsigned by_moment[MOMENTS];
};

static unsigned setting(const char *name, unsigned otherwise)
{
  const char *value = getenv(name);
  return value == NULL ? otherwise : (unsigned)strtoul(value, NULL, 10);
}

/* Marsaglia's xorshift; the same everywhere. */
static unsigned storm_roll(storm *it, unsigned sides)
{
  it->random ^= it->random << 13;
  it->random ^= it->random >> 17;
  it->random ^= it->random << 5;
  return it->random % sides;
}

static unsigned open_descriptors(void)
{
  unsigned count = 0;
  DIR *dir = opendir("/proc/self/fd");
  assert_non_null(dir);
  while (readdir(dir) != NULL) {
    count++;
  }
  (void)closedir(dir);
  return count;
}

/* --- One call. ----------------------------------------------------------- */

/* The whole head has been given to the stream: from then on only RST_STREAM
 * tells the server that nobody listens. */
static void call_count_reset(const storm_call *one, const ahttp_call_info *info)
{
  storm *it = one->of;
  if (info->stream_id <= 0) {
    return;
  }
  it->resets_max++;
  if (info->bytes_out > 0 && info->bytes_head == 0) {
    it->resets_min++;
  }
}

static void call_cancel(storm_call *one)
{
  storm *it = one->of;
  ahttp_call_info info = {.size = sizeof(info)};
  if (one->is_stopped) {
    return;
  }
  ahttp_call_get_info(one->call, &info);
  assert_in_range(info.phase, 0, PHASES - 1);
  it->by_phase[info.phase]++;
  it->by_moment[one->when]++;
  call_count_reset(one, &info);
  one->is_stopped = true;
  ahttp_call_cancel(one->call);
}

/* Every callback but on_done comes here. */
static void call_visit(storm_call *one, moment now)
{
  storm *it = one->of;
  assert_non_null(one->call);
  assert_false(one->is_stopped);
  if (one->when == now) {
    call_cancel(one);
  }
  storm_call *doomed = it->doomed;
  if (doomed != NULL && doomed != one) {
    it->doomed = NULL;
    call_cancel(doomed);
  }
}

static int on_informational(ahttp_call *call, const ahttp_response *response,
                            void *user_data)
{
  (void)call;
  (void)response;
  call_visit(user_data, AT_INFORMATIONAL);
  return 0;
}

static int on_head(ahttp_call *call, const ahttp_response *response,
                   void *user_data)
{
  (void)call;
  (void)response;
  call_visit(user_data, AT_HEAD);
  return 0;
}

static int on_body(ahttp_call *call, const uint8_t *data, size_t len,
                   void *user_data)
{
  storm_call *one = user_data;
  (void)data;
  (void)len;
  if (one->when == WHILE_PAUSED && one->turns > 1) {
    ahttp_call_pause(call);
  }
  if (one->pieces > 0) {
    one->pieces--;
    return 0;
  }
  call_visit(one, AT_BODY);
  return 0;
}

static int on_trailers(ahttp_call *call, const ahttp_fields *trailers,
                       void *user_data)
{
  (void)call;
  (void)trailers;
  call_visit(user_data, AT_TRAILERS);
  return 0;
}

static void on_upload(ahttp_call *call, uint64_t sent, void *user_data)
{
  (void)call;
  (void)sent;
  call_visit(user_data, AT_UPLOAD);
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *user_data)
{
  storm_call *one = user_data;
  storm *it = one->of;
  (void)response;
  assert_ptr_equal(one->call, call);
  if (one->is_stopped) {
    assert_non_null(err);
    assert_int_equal(err->code, AHTTP_ECANCELED);
    it->cancelled++;
  } else {
    /* Calls share one question for never.test, which may be older. */
    if (err != NULL && !one->is_nowhere) {
      fail_msg("%s", err->text);
    }
    it->completed++;
  }
  if (it->doomed == one) {
    it->doomed = NULL;
  }
  one->call = NULL;
  it->pending--;
}

static const ahttp_handlers handlers = {
    .size = sizeof(handlers),
    .on_informational = on_informational,
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_upload = on_upload,
    .on_done = on_done,
};

static int source_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  storm_call *one = user_data;
  uint64_t left = UPLOAD_BYTES - offset;
  *len = left < cap ? (size_t)left : cap;
  memset(dst, 'u', *len);
  call_visit(one, AT_READ);
  return 0;
}

/* --- The storm. ---------------------------------------------------------- */

/* An address mostly, else a name that resolves at once, late, or never. */
static const char *storm_pick_host(storm *it)
{
  static const char *const names[] = {"quick.test", "later.test", "never.test"};
  if (storm_roll(it, 8) != 0) {
    return "127.0.0.1";
  }
  return names[storm_roll(it, 3)];
}

static const char *storm_pick_path(storm *it)
{
  unsigned count = 0;
  while (it->at->paths[count] != NULL) {
    count++;
  }
  return it->at->paths[storm_roll(it, count)];
}

static void storm_add_content(storm *it, storm_call *one,
                              ahttp_request *request)
{
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = source_read,
      .length = storm_roll(it, 2) == 0 ? -1 : UPLOAD_BYTES,
      .user_data = one,
  };
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
}

static ahttp_request *storm_new_request(storm *it, storm_call *one)
{
  char url[200];
  ahttp_request *request;
  const char *host = storm_pick_host(it);
  const char *path = storm_pick_path(it);
  bool is_upload =
      one->when == AT_UPLOAD || one->when == AT_READ || storm_roll(it, 8) == 0;
  one->is_nowhere = strcmp(host, "never.test") == 0;
  (void)snprintf(url, sizeof(url), "%s://%s:%u%s", it->at->scheme, host,
                 (unsigned)it->at->port, path);
  assert_int_equal(ahttp_request_new(&request, is_upload ? "POST" : "GET", url),
                   AHTTP_OK);
  if (is_upload) {
    storm_add_content(it, one, request);
  }
  return request;
}

static void storm_start(storm *it, storm_call *one)
{
  *one = (storm_call){.of = it, .started_ms = uv_now(&it->loop)};
  one->when = (moment)storm_roll(it, MOMENTS);
  unsigned turns_max = storm_roll(it, 4) == 0 ? TURNS_SHORT : TURNS_LONG;
  one->turns = 1 + storm_roll(it, turns_max);
  one->pieces = storm_roll(it, 3);
  ahttp_request *request = storm_new_request(it, one);
  one->call = ahttp_start(it->client, request, NULL, &handlers, one);
  assert_non_null(one->call);
  ahttp_request_free(request);
  it->pending++;
  if (one->when == AT_ONCE) {
    call_cancel(one);
  } else if (one->when == BY_ANOTHER && it->doomed == NULL) {
    it->doomed = one;
  }
}

static void storm_refill(storm *it, unsigned goal)
{
  bool are_few = it->cancelled / CANCELS_A_SPELL % 2 == 0;
  size_t count = are_few ? IN_FLIGHT_FEW : IN_FLIGHT;
  for (size_t i = 0; i < count; i++) {
    if (it->calls[i].call == NULL && it->cancelled + it->pending < goal) {
      storm_start(it, &it->calls[i]);
    }
  }
}

/* After every turn.  Whoever waits for another's callback gets in line; the
 * others are cancelled when their turns are over. */
static void storm_look_at(storm *it, storm_call *one)
{
  bool is_late = uv_now(&it->loop) - one->started_ms > LATE_MS;
  if (one->call == NULL || one->is_stopped) {
    return;
  }
  if (one->when == BY_ANOTHER && !is_late) {
    it->doomed = it->doomed == NULL ? one : it->doomed;
    return;
  }
  one->turns -= one->turns > 0 ? 1 : 0;
  if (one->turns == 0 || is_late) {
    call_cancel(one);
  }
}

static void storm_turn(storm *it)
{
  (void)uv_run(&it->loop, UV_RUN_ONCE);
  assert_true(it->ticks < TICKS_MAX);
  for (size_t i = 0; i < IN_FLIGHT; i++) {
    storm_look_at(it, &it->calls[i]);
  }
}

static void storm_on_tick(uv_timer_t *timer)
{
  storm *it = timer->data;
  it->ticks++;
  /* Callbacks may be rare; this is one as well. */
  if (it->doomed != NULL) {
    storm_call *doomed = it->doomed;
    it->doomed = NULL;
    call_cancel(doomed);
  }
}

static void print_counts(const char *const *names, const unsigned *counts,
                         size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (counts[i] > 0) {
      print_message("  %s %u", names[i], counts[i]);
    }
  }
  print_message("\n");
}

static void storm_rage(storm *it)
{
  unsigned divisor = it->at->divisor == 0 ? 1 : it->at->divisor;
  unsigned goal = setting("AHTTP_CANCELS", CANCELS) / divisor;
  while (it->cancelled < goal) {
    storm_refill(it, goal);
    storm_turn(it);
  }
  while (it->pending > 0) {
    storm_turn(it);
  }
  print_message("  %u cancelled, %u were faster\n", it->cancelled,
                it->completed);
  print_counts(phase_names, it->by_phase, PHASES);
  print_counts(moment_names, it->by_moment, MOMENTS);
}

static void storm_init(storm *it, const storm_target *at)
{
  static const dns_answer quick = {.addresses = "127.0.0.1"};
  static const dns_answer later = {.addresses = "127.0.0.1", .delay_ms = 2};
  static const dns_answer never = {.drop = true};
  static const dns_answer none = {.ttl = 0};
  memset(it, 0, sizeof(*it));
  it->at = at;
  it->random = setting("AHTTP_SEED", SEED);
  print_message("  AHTTP_SEED=%u\n", it->random);
  assert_int_equal(uv_loop_init(&it->loop), 0);
  assert_int_equal(uv_timer_init(&it->loop, &it->tick), 0);
  it->tick.data = it;
  assert_int_equal(uv_timer_start(&it->tick, storm_on_tick, TICK_MS, TICK_MS),
                   0);
  it->names = dns_peer_start(&it->loop);
  dns_peer_set(it->names, "quick.test", AF_INET, &quick);
  dns_peer_set(it->names, "quick.test", AF_INET6, &none);
  dns_peer_set(it->names, "later.test", AF_INET, &later);
  dns_peer_set(it->names, "later.test", AF_INET6, &none);
  dns_peer_set(it->names, "never.test", AF_INET, &never);
  dns_peer_set(it->names, "never.test", AF_INET6, &never);
}

static void storm_open_client(storm *it)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  /* The certificate is not for quick.test and later.test. */
  const ahttp_tls_opts tls = {.size = sizeof(tls), .verify_off = true};
  opts.loop = &it->loop;
  opts.tls = &tls;
  opts.http = it->at->http;
  opts.conns_per_origin_max = HTTP1_CONNS;
  opts.conns_idle_max = HTTP1_CONNS;
  opts.idle_ms = AHTTP_NO_LIMIT;
  opts.connect_ms = AHTTP_NO_LIMIT; /* only cancelling ends a call here */
  opts.pool_ms = AHTTP_NO_LIMIT;
  opts.read_ms = AHTTP_NO_LIMIT;
  opts.write_ms = AHTTP_NO_LIMIT;
  opts.dns_servers = dns_peer_server(it->names);
  assert_int_equal(ahttp_client_new(&it->client, &opts), AHTTP_OK);
}

static ahttp_client_stats storm_stats(const storm *it)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(it->client, &stats);
  return stats;
}

static void storm_check_calm(storm *it)
{
  (void)uv_run(&it->loop, UV_RUN_NOWAIT);
  ahttp_client_stats stats = storm_stats(it);
  assert_int_equal(stats.calls_active, 0);
  assert_int_equal(stats.calls_waiting, 0);
  assert_int_equal(stats.conns_dialing, 0);
  assert_int_equal(stats.conns_idle, stats.conns_open);
}

/* --- Afterwards. --------------------------------------------------------- */

typedef struct followers {
  const storm_target *at;
  unsigned done;
} followers;

static int follower_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                            void *user_data)
{
  (void)call;
  (void)data;
  (void)len;
  (void)user_data;
  return 0;
}

static void follower_on_done(ahttp_call *call, const ahttp_response *response,
                             const ahttp_error *err, void *user_data)
{
  followers *all = user_data;
  ahttp_call_info info = {.size = sizeof(info)};
  assert_string_equal(err == NULL ? "" : err->text, "");
  assert_int_equal(ahttp_response_status(response), 200);
  ahttp_call_get_info(call, &info);
  assert_int_equal(info.bytes_body, all->at->afterwards_len);
  all->done++;
}

/* A thousand requests, fifty at a time. */
static void storm_follow(storm *it)
{
  const ahttp_handlers quiet = {.size = sizeof(quiet),
                                .on_body = follower_on_body,
                                .on_done = follower_on_done};
  followers all = {.at = it->at};
  char url[200];
  (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", it->at->scheme,
                 (unsigned)it->at->port, it->at->afterwards);
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  unsigned started = 0;
  while (all.done < AFTERWARDS) {
    while (started < AFTERWARDS && started - all.done < HTTP1_CONNS) {
      assert_non_null(ahttp_start(it->client, request, NULL, &quiet, &all));
      started++;
    }
    (void)uv_run(&it->loop, UV_RUN_ONCE);
    assert_true(it->ticks < TICKS_MAX);
  }
  ahttp_request_free(request);
}

static void on_closed(void *user_data)
{
  *(bool *)user_data = true;
}

static void storm_clear(storm *it)
{
  bool closed = false;
  ahttp_client_close(it->client, on_closed, &closed);
  dns_peer_stop(it->names);
  uv_close((uv_handle_t *)&it->tick, NULL);
  (void)uv_run(&it->loop, UV_RUN_DEFAULT);
  assert_true(closed);
  assert_int_equal(uv_loop_close(&it->loop), 0);
}

/* What the server counted is final: the thousand came after all resets. */
static void storm_check_resets(const storm *it, unsigned resets)
{
  print_message("  the server saw %u resets, of %u to %u\n", resets,
                it->resets_min, it->resets_max);
  assert_in_range(resets, it->resets_min, it->resets_max);
  assert_true(it->resets_min > it->cancelled / 20);
}

void cancel_storm_run(const storm_target *at)
{
  storm *it = malloc(sizeof(*it));
  assert_non_null(it);
  unsigned descriptors = open_descriptors();
  unsigned resets =
      at->counter == NULL ? 0 : event_server_get_stats(at->counter).resets;
  test_alloc_install();
  storm_init(it, at);
  storm_open_client(it);
  storm_rage(it);
  storm_check_calm(it);
  uint64_t made = storm_stats(it).conns_made;
  storm_follow(it);
  storm_check_calm(it);
  if (at->http != AHTTP_HTTP_1_1) {
    assert_int_equal(storm_stats(it).conns_made, made);
  }
  if (at->counter != NULL) {
    storm_check_resets(it, event_server_get_stats(at->counter).resets - resets);
  }
  storm_clear(it);
  test_alloc_remove();
  free(it);
  if (at->counter == NULL) { /* that one has descriptors in this process */
    assert_int_equal(open_descriptors(), descriptors);
  }
}
