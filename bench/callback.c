/* SPDX-License-Identifier: MIT */
/*
 * A load on the callback API for the peer benchmark: N requests for one URL,
 * C of them at a time.
 *
 *   callback -u URL -n N -c C [-H CONNS -M STREAMS] [-C CAFILE]
 *            [-p auto|h1|h2|h2c] [-N] [-T BYTES]
 *
 * -H, -M: HTTP/2 connections and streams on each.  -N: a new connection for
 * every request.  -T: PUT so many bytes instead of GET.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <ahttp/ahttp.h>

typedef struct load {
  ahttp_client *client;
  ahttp_request *request;
  uint64_t wanted;
  uint64_t started;
  uint64_t done;
  uint64_t failed;
  uint64_t bytes;
} load;

static int on_body(ahttp_call *call, const uint8_t *data, size_t len, void *arg)
{
  load *self = arg;
  (void)call;
  (void)data;
  self->bytes += len;
  return 0;
}

static void load_start_one(load *self);

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *arg)
{
  load *self = arg;
  (void)call;
  if (err != NULL) {
    self->failed++;
    (void)fprintf(stderr, "%s\n", err->text);
  } else if (ahttp_response_status(response) == 200) {
    self->done++;
  }
  if (self->started < self->wanted) {
    load_start_one(self);
  }
}

static void load_start_one(load *self)
{
  static const ahttp_handlers handlers = {
      .size = sizeof(handlers), .on_body = on_body, .on_done = on_done};
  self->started++;
  if (ahttp_start(self->client, self->request, NULL, &handlers, self) == NULL) {
    (void)fputs("callback: out of memory\n", stderr);
    exit(1);
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
  load self = {0};
  const char *url = NULL;
  uint64_t in_flight = 1;
  uint64_t upload = 0;
  opts.conns_max = AHTTP_NO_LIMIT;
  opts.conns_idle_max = AHTTP_NO_LIMIT;
  opts.connect_ms = opts.read_ms = opts.write_ms = 30000;
  opts.pool_ms = AHTTP_NO_LIMIT;
  int c;
  while ((c = getopt(argc, argv, "u:n:c:H:M:C:p:NT:")) != -1) {
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
      break;
    case 'T':
      upload = n;
      break;
    default:
      return 64;
    }
  }
  if (url == NULL || self.wanted == 0) {
    (void)fputs("callback: -u URL and -n N are required\n", stderr);
    return 64;
  }
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) {
    return 1;
  }
  opts.loop = &loop;
  opts.tls = &tls;
  if (ahttp_client_new(&self.client, &opts) != AHTTP_OK ||
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
  while (self.started < self.wanted && self.started < in_flight) {
    load_start_one(&self);
  }
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  ahttp_request_free(self.request);
  ahttp_client_free(self.client);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  (void)uv_loop_close(&loop);
  (void)printf("done=%llu failed=%llu bytes=%llu\n",
               (unsigned long long)self.done, (unsigned long long)self.failed,
               (unsigned long long)self.bytes);
  return self.done == self.wanted ? 0 : 1;
}
