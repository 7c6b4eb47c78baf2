/* SPDX-License-Identifier: MIT */
/*
 * A load on the callback API for the peer benchmark: N requests for one URL,
 * C of them at a time.
 *
 *   callback -u URL -n N -c C [-H CONNS -M STREAMS] [-C CAFILE]
 *            [-p auto|h1|h2|h2c] [-N] [-T BYTES] [-A]
 *
 * -H, -M: HTTP/2 connections and streams on each.  -N: a new connection for
 * every request.  -T: PUT so many bytes instead of GET.  -A: count the
 * library's allocations.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <ahttp/ahttp.h>

typedef struct load {
  uv_loop_t loop;
  ahttp_request *request;
  bool is_new; /* -N */
  uint64_t wanted;
  uint64_t started;
  uint64_t done;
  uint64_t failed;
  uint64_t bytes;
} load;

/* One request after the other.  All lanes share a client; with -N each has its
 * own, which starts a request when the connection of the one before is closed.
 */
typedef struct lane {
  load *load;
  ahttp_client *client;
  uv_timer_t next;
} lane;

static uint64_t allocations;

static void *counting_malloc(size_t size, void *user_data)
{
  (void)user_data;
  allocations++;
  return malloc(size);
}

static void *counting_realloc(void *ptr, size_t size, void *user_data)
{
  (void)user_data;
  allocations++;
  return realloc(ptr, size);
}

static void counting_free(void *ptr, void *user_data)
{
  (void)user_data;
  free(ptr);
}

static int on_body(ahttp_call *call, const uint8_t *data, size_t len, void *arg)
{
  lane *self = arg;
  (void)call;
  (void)data;
  self->load->bytes += len;
  return 0;
}

/* A cycle: a request that is done starts the next. */
static void lane_start(lane *self);

static void on_next(uv_timer_t *timer)
{
  lane_start(timer->data);
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *arg)
{
  lane *self = arg;
  load *work = self->load;
  (void)call;
  if (err != NULL) {
    work->failed++;
    (void)fprintf(stderr, "%s\n", err->text);
  } else if (ahttp_response_status(response) == 200) {
    work->done++;
  }
  if (!work->is_new) {
    lane_start(self);
  } else {
    (void)uv_timer_start(&self->next, on_next, 0, 0);
  }
}

static void lane_start(lane *self)
{
  static const ahttp_handlers handlers = {
      .size = sizeof(handlers), .on_body = on_body, .on_done = on_done};
  load *work = self->load;
  if (work->started == work->wanted) {
    return;
  }
  work->started++;
  if (ahttp_start(self->client, work->request, NULL, &handlers, self) == NULL) {
    (void)fputs("callback: out of memory\n", stderr);
    exit(1);
  }
}

/* Makes the lanes and their clients.  NULL if one cannot be made. */
static lane *load_make_lanes(load *self, uint64_t count,
                             const ahttp_client_opts *opts)
{
  lane *lanes = calloc(count, sizeof(*lanes));
  for (uint64_t i = 0; lanes != NULL && i < count; i++) {
    lanes[i].load = self;
    lanes[i].client = lanes[0].client;
    if ((i == 0 || self->is_new) &&
        ahttp_client_new(&lanes[i].client, opts) != AHTTP_OK) {
      return NULL;
    }
    (void)uv_timer_init(&self->loop, &lanes[i].next);
    lanes[i].next.data = &lanes[i];
  }
  return lanes;
}

static void load_free_lanes(const load *self, lane *lanes, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++) {
    uv_close((uv_handle_t *)&lanes[i].next, NULL);
    if (i == 0 || self->is_new) {
      ahttp_client_free(lanes[i].client);
    }
  }
}

static int read_zeros(void *user_data, uint64_t offset, uint8_t *dst,
                      size_t cap, size_t *len)
{
  uint64_t left = *(const uint64_t *)user_data - offset;
  *len = left < cap ? (size_t)left : cap;
  memset(dst, 0, *len);
  return 0;
}

static ahttp_http_policy policy_of(const char *name)
{
  return strcmp(name, "h1") == 0    ? AHTTP_HTTP_1_1
         : strcmp(name, "h2") == 0  ? AHTTP_HTTP_2
         : strcmp(name, "h2c") == 0 ? AHTTP_HTTP_2_PRIOR_KNOWLEDGE
                                    : AHTTP_HTTP_AUTO;
}

int main(int argc, char **argv)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_tls_opts tls = {.size = sizeof(tls)};
  static const ahttp_allocator counting = {.malloc = counting_malloc,
                                           .realloc = counting_realloc,
                                           .free = counting_free};
  load self = {0};
  const char *url = NULL;
  uint64_t in_flight = 1;
  uint64_t upload = 0;
  opts.conns_max = AHTTP_NO_LIMIT;
  opts.conns_idle_max = AHTTP_NO_LIMIT;
  opts.connect_ms = opts.read_ms = opts.write_ms = 30000;
  opts.pool_ms = AHTTP_NO_LIMIT;
  int c;
  while ((c = getopt(argc, argv, "u:n:c:H:M:C:p:NT:A")) != -1) {
    uint64_t n = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
    switch (c) {
    case 'u':
      url = optarg;
      break;
    case 'n':
      self.wanted = n;
      break;
    case 'c':
      in_flight = n;
      break;
    case 'H':
      opts.h2_conns_per_origin_max = (uint32_t)n;
      break;
    case 'M':
      opts.h2_streams_max = (uint32_t)n;
      break;
    case 'C':
      tls.ca_file = optarg;
      break;
    case 'p':
      opts.http = policy_of(optarg);
      break;
    case 'N':
      opts.conns_idle_max = AHTTP_NONE;
      self.is_new = true;
      break;
    case 'A':
      (void)ahttp_set_allocator(&counting);
      break;
    case 'T':
      upload = n;
      break;
    default:
      return 64;
    }
  }
  if (url == NULL || self.wanted == 0 || in_flight == 0) {
    (void)fputs("callback: -u URL and -n N are required\n", stderr);
    return 64;
  }
  if (uv_loop_init(&self.loop) != 0) {
    return 1;
  }
  opts.loop = &self.loop;
  opts.tls = &tls;
  lane *lanes = load_make_lanes(&self, in_flight, &opts);
  if (lanes == NULL ||
      ahttp_request_new(&self.request, upload > 0 ? "PUT" : "GET", url) !=
          AHTTP_OK) {
    return 1;
  }
  const ahttp_content_source source = {.size = sizeof(source),
                                       .read = read_zeros,
                                       .length = (int64_t)upload,
                                       .can_rewind = true,
                                       .user_data = &upload};
  if (upload > 0 &&
      ahttp_request_set_content_source(self.request, &source) != AHTTP_OK) {
    return 1;
  }
  for (uint64_t i = 0; i < in_flight; i++) {
    lane_start(&lanes[i]);
  }
  (void)uv_run(&self.loop, UV_RUN_DEFAULT);
  load_free_lanes(&self, lanes, in_flight);
  ahttp_request_free(self.request);
  (void)uv_run(&self.loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&self.loop);
  free(lanes);
  (void)printf("done=%llu failed=%llu bytes=%llu allocations=%llu\n",
               (unsigned long long)self.done, (unsigned long long)self.failed,
               (unsigned long long)self.bytes, (unsigned long long)allocations);
  return self.done == self.wanted ? 0 : 1;
}
