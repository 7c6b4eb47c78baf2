/* SPDX-License-Identifier: MIT */
/*
 * What things cost by their number.  Each mode prints one line.
 *
 *   scale conns COUNT REQUESTS     COUNT connections, all of them busy
 *   scale floor COUNT REQUESTS     the same without the library
 *   scale origins COUNT REQUESTS   COUNT origins (127.x.y.z) with a connection
 *                                  each, asked in turn, ten at a time
 *   scale cancel COUNT             COUNT calls on at most 100 connections,
 *                                  started and canceled
 *   scale held COUNT               COUNT connections that wait for a response
 *   scale idle COUNT URL [CAFILE]  COUNT unused connections to URL
 *
 * All but the last bring their own server, a child on the other processor.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <uv.h>

#include <ahttp/ahttp.h>

#include "process.h"
#include "scale_floor.h"
#include "scale_server.h"

enum {
  ORIGIN_LANES = 10,
  CANCEL_CONNS = 100
};

typedef struct load {
  uv_loop_t loop;
  ahttp_client *client;
  ahttp_request **requests; /* one for each origin */
  uint64_t origin_count;
  uint64_t origin_next;
  uint64_t started;
  uint64_t wanted;
  uint64_t done;
} load;

/* A cycle: a call that is done starts the next. */
static void load_start_one(load *self);

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *arg)
{
  load *self = arg;
  (void)call;
  (void)response;
  if (err != NULL && err->code != AHTTP_ECANCELED) {
    bench_fail(err->text);
  }
  self->done++;
  load_start_one(self);
}

static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                        .on_done = on_done};

static void load_start_one(load *self)
{
  if (self->started == self->wanted) {
    return;
  }
  self->started++;
  ahttp_request *request = self->requests[self->origin_next];
  self->origin_next = (self->origin_next + 1) % self->origin_count;
  if (ahttp_start(self->client, request, NULL, &handlers, self) == NULL) {
    bench_fail("out of memory");
  }
}

static void load_open(load *self, const char *ca_file, uint32_t conns_max)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  if (uv_loop_init(&self->loop) != 0) {
    bench_fail("no loop");
  }
  opts.loop = &self->loop;
  opts.tls = &tls;
  opts.http = AHTTP_HTTP_1_1;
  opts.conns_max = conns_max;
  opts.conns_idle_max = AHTTP_NO_LIMIT;
  opts.idle_ms = opts.connect_ms = opts.read_ms = opts.pool_ms = 600000;
  if (ahttp_client_new(&self->client, &opts) != AHTTP_OK) {
    bench_fail("no client");
  }
}

/* One request for |url|, or one for each of |count| addresses if it is NULL. */
static void load_make_requests(load *self, const char *url, unsigned port,
                               uint64_t count)
{
  self->origin_count = count;
  self->requests = calloc(count, sizeof(ahttp_request *));
  if (self->requests == NULL) {
    bench_fail("out of memory");
  }
  for (uint64_t i = 0; i < count; i++) {
    char own[64];
    unsigned host = (unsigned)i + 1; /* 127.0.0.1, 127.0.0.2, ... */
    (void)snprintf(own, sizeof(own), "http://127.%u.%u.%u:%u/", host >> 16,
                   host >> 8 & 255, host & 255, port);
    if (ahttp_request_new(&self->requests[i], "GET", url == NULL ? own : url) !=
        AHTTP_OK) {
      bench_fail("no request");
    }
  }
}

/* Has |count| calls done, |lanes| at a time. */
static void load_run(load *self, uint64_t count, uint64_t lanes)
{
  self->started = 0;
  self->done = 0;
  self->wanted = count;
  for (uint64_t i = 0; i < lanes && i < count; i++) {
    load_start_one(self);
  }
  while (self->done < count) {
    (void)uv_run(&self->loop, UV_RUN_ONCE);
  }
}

static void load_close(load *self)
{
  for (uint64_t i = 0; i < self->origin_count; i++) {
    ahttp_request_free(self->requests[i]);
  }
  free(self->requests);
  ahttp_client_free(self->client);
  (void)uv_run(&self->loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&self->loop);
}

/* --- The modes. ----------------------------------------------------------- */

/* Each connection is made by a request of its own, which is not counted. */
static void run_requests(const char *name, uint64_t count, uint64_t origins,
                         uint64_t lanes, uint64_t requests, unsigned port)
{
  load self = {0};
  load_open(&self, NULL, AHTTP_NO_LIMIT);
  load_make_requests(&self, NULL, port, origins);
  load_run(&self, count, lanes);
  long kib = bench_resident_kib();
  double before = bench_cpu_us();
  load_run(&self, requests, lanes);
  double each = (bench_cpu_us() - before) / (double)requests;
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(self.client, &stats);
  (void)printf("%s %llu cpu_us %.2f conns %llu rss_kib %ld\n", name,
               (unsigned long long)count, each,
               (unsigned long long)stats.conns_open, kib);
  load_close(&self);
}

/* Starts |count| calls of which none starts another. */
static ahttp_call **load_start_all(load *self, uint64_t count)
{
  ahttp_call **calls = calloc(count, sizeof(ahttp_call *));
  if (calls == NULL) {
    bench_fail("out of memory");
  }
  self->done = 0;
  self->started = self->wanted = 0;
  for (uint64_t i = 0; i < count; i++) {
    calls[i] =
        ahttp_start(self->client, self->requests[0], NULL, &handlers, self);
    if (calls[i] == NULL) {
      bench_fail("out of memory");
    }
    ahttp_call_ref(calls[i]);
  }
  return calls;
}

/* Cancels those that go on, and waits for all. */
static void load_cancel_all(load *self, ahttp_call **calls, uint64_t count)
{
  for (uint64_t i = 0; i < count; i++) {
    ahttp_call_cancel(calls[i]);
    ahttp_call_unref(calls[i]);
  }
  while (self->done < count) {
    (void)uv_run(&self->loop, UV_RUN_ONCE);
  }
  free(calls);
}

/* Half of the calls are canceled at once, half after a turn of the loop. */
static void run_cancel(uint64_t count, unsigned port)
{
  load self = {0};
  load_open(&self, NULL, CANCEL_CONNS);
  load_make_requests(&self, NULL, port, 1);
  load_run(&self, 1, 1);
  double before = bench_cpu_us();
  ahttp_call **calls = load_start_all(&self, count);
  for (uint64_t i = 0; i < count; i += 2) {
    ahttp_call_cancel(calls[i]);
  }
  (void)uv_run(&self.loop, UV_RUN_NOWAIT);
  load_cancel_all(&self, calls, count);
  (void)printf("cancel %llu cpu_us %.2f\n", (unsigned long long)count,
               (bench_cpu_us() - before) / (double)count);
  load_close(&self);
}

static void run_held(uint64_t count, unsigned port)
{
  load self = {0};
  char url[64];
  load_open(&self, NULL, AHTTP_NO_LIMIT);
  load_make_requests(&self, NULL, port, 1);
  load_run(&self, 1, 1);
  ahttp_request_free(self.requests[0]);
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u" BENCH_HOLD, port);
  if (ahttp_request_new(&self.requests[0], "GET", url) != AHTTP_OK) {
    bench_fail("no request");
  }
  long before = bench_resident_kib();
  ahttp_call **calls = load_start_all(&self, count);
  ahttp_client_stats stats = {.size = sizeof(stats)};
  do {
    (void)uv_run(&self.loop, UV_RUN_ONCE);
    ahttp_client_get_stats(self.client, &stats);
  } while (stats.conns_open < count || stats.calls_waiting > 0);
  (void)uv_run(&self.loop, UV_RUN_NOWAIT); /* what the last ones have to send */
  long after = bench_resident_kib();
  (void)printf("held %llu kib_each %.2f rss_kib %ld\n",
               (unsigned long long)count,
               (double)(after - before) / (double)count, after);
  load_cancel_all(&self, calls, count);
  load_close(&self);
}

static void run_idle(uint64_t count, const char *url, const char *ca_file)
{
  load self = {0};
  load_open(&self, ca_file, AHTTP_NO_LIMIT);
  load_make_requests(&self, url, 0, 1);
  load_run(&self, 1, 1);
  long before = bench_resident_kib();
  load_run(&self, count, count);
  long after = bench_resident_kib();
  (void)printf("idle %llu kib_each %.2f rss_kib %ld\n",
               (unsigned long long)count,
               (double)(after - before) / (double)count, after);
  load_close(&self);
}

int main(int argc, char **argv)
{
  const char *mode = argc > 2 ? argv[1] : "";
  uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  uint64_t requests = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  pid_t server = -1;
  bench_raise_descriptor_limit();
  if (count == 0) {
    bench_fail("usage: see the head of scale.c");
  }
  if (strcmp(mode, "idle") == 0 && argc > 3) {
    run_idle(count, argv[3], argc > 4 ? argv[4] : NULL);
    return 0;
  }
  unsigned port = bench_server_start(&server);
  bench_pin(BENCH_CLIENT_CPU);
  if (strcmp(mode, "floor") == 0 && requests > 0) {
    (void)printf("floor %llu cpu_us %.2f\n", (unsigned long long)count,
                 bench_floor_cpu_us(count, requests, port));
  } else if (strcmp(mode, "conns") == 0 && requests > 0) {
    run_requests(mode, count, 1, count, requests, port);
  } else if (strcmp(mode, "origins") == 0 && requests > 0) {
    run_requests(mode, count, count, ORIGIN_LANES, requests, port);
  } else if (strcmp(mode, "cancel") == 0) {
    run_cancel(count, port);
  } else if (strcmp(mode, "held") == 0) {
    run_held(count, port);
  }
  (void)kill(server, SIGKILL);
  (void)waitpid(server, NULL, 0);
  return 0;
}
