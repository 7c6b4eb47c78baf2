/* SPDX-License-Identifier: MIT */
/* The whole library with one allocation after the other failing: every call
 * ends once, well or with AHTTP_ENOMEM, and nothing is left over. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_turns.h"
#include "support/dns_peer.h"
#include "support/h2_script.h"
#include "support/listener.h"
#include "support/pattern.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_host.h"

enum {
  UPLOAD_BYTES = 20000,
  LOOKUP_MS = 2000
};

/* What is tried with every allocation failing once. */
typedef struct trial {
  char url[100];
  ahttp_http_policy http;
  const char *ca_file;
  bool has_content;
  bool has_names; /* a name server has to be asked */
  uint32_t redirects_max;

  uv_loop_t loop;
  dns_peer *names;
  unsigned dones;
  int code;
  size_t content_len;
} trial;

static int trial_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                         void *arg)
{
  trial *self = arg;
  (void)call;
  (void)data;
  self->content_len += len;
  return 0;
}

static void trial_on_done(ahttp_call *call, const ahttp_response *response,
                          const ahttp_error *err, void *arg)
{
  trial *self = arg;
  (void)call;
  (void)response;
  self->dones++;
  self->code = err == NULL ? AHTTP_OK : err->code;
}

static int trial_make_request(const trial *self, ahttp_request **out,
                              pattern_source *content)
{
  int rv = ahttp_request_new(out, self->has_content ? "PUT" : "GET", self->url);
  if (rv != AHTTP_OK || !self->has_content) {
    return rv;
  }
  const ahttp_content_source source =
      pattern_content(content, UPLOAD_BYTES, false);
  rv = ahttp_request_set_content_source(*out, &source);
  if (rv == AHTTP_OK) {
    rv = ahttp_request_add_field(*out, "x-mark", "1");
  }
  if (rv != AHTTP_OK) {
    ahttp_request_free(*out);
  }
  return rv;
}

/* Two calls, one after the other. */
static int trial_send(trial *self, ahttp_client *client)
{
  ahttp_request *request;
  pattern_source content;
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_body = trial_on_body;
  handlers.on_done = trial_on_done;
  int rv = trial_make_request(self, &request, &content);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = self->redirects_max;
  opts.connect_ms = self->has_names ? LOOKUP_MS : 0;
  for (unsigned i = 0; i < 2 && rv == AHTTP_OK; i++) {
    self->code = AHTTP_ENOMEM;
    if (ahttp_start(client, request, &opts, &handlers, self) != NULL) {
      while (self->dones == i) {
        (void)uv_run(&self->loop, UV_RUN_ONCE);
      }
      assert_int_equal(self->dones, i + 1);
    }
    rv = self->code;
  }
  ahttp_request_free(request);
  return rv;
}

static int trial_run_client(trial *self)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = self->ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = &self->loop;
  opts.http = self->http;
  opts.tls = &tls;
  opts.dns_servers = self->has_names ? dns_peer_server(self->names) : NULL;
  ahttp_client *client;
  int rv = ahttp_client_new(&client, &opts);
  if (rv == AHTTP_OK) {
    rv = trial_send(self, client);
    ahttp_client_free(client);
  }
  return rv;
}

static int trial_run(trial *self)
{
  const dns_answer answer = {.addresses = "127.0.0.1", .ttl = 60};
  self->dones = 0;
  self->content_len = 0;
  assert_int_equal(uv_loop_init(&self->loop), 0);
  self->names = dns_peer_start(&self->loop);
  dns_peer_set(self->names, "www.test", AF_INET, &answer);
  int rv = trial_run_client(self);
  dns_peer_stop(self->names);
  (void)uv_run(&self->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&self->loop), 0);
  assert_int_equal(test_alloc_live(), 0);
  return rv;
}

/* A name server's socket that could not be watched is one that is silent. */
static bool trial_allows(const trial *self, int code)
{
  return code == AHTTP_OK || code == AHTTP_ENOMEM ||
         (self->has_names && code == AHTTP_ETIMEOUT_CONNECT);
}

static void check_trial(trial *self)
{
  test_alloc_install();
  assert_int_equal(trial_run(self), AHTTP_OK);
  assert_int_equal(self->content_len, 10);
  int total = test_alloc_count();
  assert_true(total > 10);
  int failures = 0;
  for (int nth = 1; nth <= total; nth++) {
    test_alloc_fail_nth(nth);
    int rv = trial_run(self);
    if (!trial_allows(self, rv)) {
      fail_msg("allocation %d of %d: %s", nth, total, ahttp_error_name(rv));
    }
    failures += rv == AHTTP_ENOMEM;
  }
  assert_true(failures > total / 2);
  test_alloc_remove();
}

/* --- Servers. ------------------------------------------------------------ */

/* Answers each request when an empty line has ended it or its content. */
static void h1_serve(listener *from, int fd, unsigned index, void *user_data)
{
  const char *end = user_data;
  static const char gone[] =
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: /new\r\n"
      "Content-Length: 4\r\n\r\ngone";
  static const char hello[] = "HTTP/1.1 200 OK\r\nServer: test\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
  size_t matched = 0;
  bool is_old = false;
  char last[5] = "";
  char c;
  (void)index;
  while (listener_read(from, fd, &c, 1) == 1) {
    memmove(last, last + 1, 3);
    last[3] = c;
    is_old = is_old || strcmp(last, "/old") == 0;
    matched = c == end[matched] ? matched + 1 : (c == '\r' ? 1 : 0);
    if (end[matched] == '\0') {
      const char *answer = is_old ? gone : hello;
      (void)listener_send(from, fd, answer, strlen(answer));
      matched = 0;
      is_old = false;
    }
  }
}

static char head_end[] = "\r\n\r\n";
static char content_end[] = "\r\n0\r\n\r\n";

static void check_http1(const char *host, const char *path, char *end,
                        trial self)
{
  const listener_opts opts = {.serve = h1_serve, .user_data = end};
  listener *server = listener_start(&opts);
  (void)snprintf(self.url, sizeof(self.url), "http://%s:%u%s", host,
                 (unsigned)listener_port(server), path);
  check_trial(&self);
  listener_stop(server);
}

static void every_allocation_of_http1(void **state)
{
  (void)state;
  check_http1("localhost", "/", head_end, (trial){.dones = 0});
}

static void every_allocation_of_an_upload(void **state)
{
  (void)state;
  check_http1("127.0.0.1", "/", content_end, (trial){.has_content = true});
}

static void every_allocation_of_a_redirect(void **state)
{
  (void)state;
  check_http1("127.0.0.1", "/old", content_end,
              (trial){.has_content = true, .redirects_max = 1});
}

static void every_allocation_of_a_lookup(void **state)
{
  (void)state;
  check_http1("www.test", "/", head_end, (trial){.has_names = true});
}

static void every_allocation_of_http2(void **state)
{
  (void)state;
  static const h2_step serves[] = {H2_DO_SETTINGS, H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(serves);
  trial self = {.http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE, .has_content = true};
  (void)snprintf(self.url, sizeof(self.url), "http://127.0.0.1:%u/",
                 (unsigned)h2_script_port(peer));
  check_trial(&self);
  h2_script_stop(peer);
}

static void every_allocation_of_tls(void **state)
{
  (void)state;
  certificate cert;
  char ca_file[300];
  const certificate_opts cert_opts = {.name = "localhost",
                                      .names = CERTIFICATE_LOOPBACK_NAMES};
  certificate_init(&cert, &cert_opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/self.pem", server_dir());
  certificate_write(&cert, ca_file);
  const tls_host_opts opts = {
      .cert = &cert,
      .response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      .end = TLS_HOST_KEEP};
  tls_host *host = tls_host_start(&opts);
  trial self = {.ca_file = ca_file};
  (void)snprintf(self.url, sizeof(self.url), "https://127.0.0.1:%u/",
                 (unsigned)tls_host_port(host));
  check_trial(&self);
  tls_host_stop(host);
  certificate_clear(&cert);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_http1),
      cmocka_unit_test(every_allocation_of_an_upload),
      cmocka_unit_test(every_allocation_of_a_redirect),
      cmocka_unit_test(every_allocation_of_a_lookup),
      cmocka_unit_test(every_allocation_of_http2),
      cmocka_unit_test(every_allocation_of_tls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
