/* SPDX-License-Identifier: MIT */
/* What calls tell of their servers' certificates. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include <ahttp/ahttp.h>

#include "net/tls_pins.h"
#include "support/certificates.h"
#include "support/client_run.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_host.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static certificate ca;
static certificate good; /* of |ca|, for this host */
static char ca_file[300];

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "libahttp test CA");
  const certificate_opts opts = {
      .name = "good", .names = CERTIFICATE_LOOPBACK_NAMES, .issuer = &ca};
  certificate_init(&good, &opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  certificate_clear(&good);
  certificate_clear(&ca);
  return 0;
}

static const tls_host_opts good_host = {.cert = &good, .response = OK_HELLO};

static ahttp_tls_opts trusting(void)
{
  ahttp_tls_opts tls = AHTTP_TLS_OPTS_INIT;
  tls.ca_file = ca_file;
  return tls;
}

static void open_run(client_run *run, const ahttp_tls_opts *tls)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = tls;
  client_run_open(run, &opts);
}

static void check_certificate(const ahttp_certificate *cert, bool is_verified)
{
  static const unsigned char nothing[32];
  char pin[AH_TLS_PIN_BYTES];
  assert_true(ah_tls_pin_print(good.x509, pin));
  assert_string_equal(cert->subject, "CN=good");
  assert_string_equal(cert->issuer, "CN=libahttp test CA");
  assert_int_equal(strlen(cert->serial), 16);
  assert_int_equal(cert->name_count, 3);
  assert_string_equal(cert->names[0].ptr, "localhost");
  assert_string_equal(cert->names[1].ptr, "127.0.0.1");
  assert_string_equal(cert->names[2].ptr, "::1");
  int64_t now_s = (int64_t)time(NULL);
  assert_true(cert->not_before_s < now_s && now_s < cert->not_after_s);
  assert_in_range(cert->not_after_s - cert->not_before_s, 31 * 86400 - 1,
                  31 * 86400 + 1);
  assert_memory_not_equal(cert->sha256, nothing, 32);
  assert_string_equal(cert->public_key, pin);
  assert_int_equal(cert->chain_count, 1);
  const unsigned char *at = (const unsigned char *)cert->chain[0].ptr;
  X509 *x509 = d2i_X509(NULL, &at, (long)cert->chain[0].len);
  assert_non_null(x509);
  assert_int_equal(X509_cmp(x509, good.x509), 0);
  X509_free(x509);
  assert_int_equal(cert->is_verified, is_verified);
  assert_int_equal(cert->verify_result == 0, is_verified);
  assert_non_null(cert->verify_phrase);
}

/* What on_head asks for. */
typedef struct asking {
  const ahttp_certificate *at_head; /* NULL: do not ask */
  bool is_to_ask;
  bool is_done;
  int done_rv;
  const ahttp_certificate *at_done;
  ahttp_call *call;
} asking;

static int asking_on_head(ahttp_call *call, const ahttp_response *response,
                          void *user_data)
{
  asking *self = user_data;
  if (self->is_to_ask) {
    assert_int_equal(ahttp_response_certificate(response, &self->at_head),
                     AHTTP_OK);
    self->call = ahttp_call_ref(call);
  }
  return 0;
}

static void asking_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *user_data)
{
  asking *self = user_data;
  (void)response;
  assert_null(err);
  self->done_rv = ahttp_call_certificate(call, &self->at_done);
  self->is_done = true;
}

static void ask(client_run *run, const char *url, const ahttp_send_opts *opts,
                asking *self)
{
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  ahttp_request *request = NULL;
  handlers.on_head = asking_on_head;
  handlers.on_done = asking_on_done;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  assert_non_null(ahttp_start(run->client, request, opts, &handlers, self));
  ahttp_request_free(request);
  client_run_until(run, &self->is_done);
}

static void certificate_is_there_for_who_asks_in_time(void **state)
{
  (void)state;
  tls_host *host = tls_host_start(&good_host);
  const char *url = test_url("https", tls_host_port(host), "/");
  ahttp_tls_opts tls = trusting();
  client_run run;
  open_run(&run, &tls);
  asking careless = {.is_to_ask = false};
  ask(&run, url, NULL, &careless);
  assert_int_equal(careless.done_rv, AHTTP_ESTATE);
  assert_null(careless.at_done);

  asking careful = {.is_to_ask = true};
  ask(&run, url, NULL, &careful);
  check_certificate(careful.at_head, true);
  assert_ptr_equal(careful.at_done, careful.at_head);

  asking keeper = {.is_to_ask = false};
  ahttp_send_opts keep = AHTTP_SEND_OPTS_INIT;
  keep.keep_certificate = true;
  ask(&run, url, &keep, &keeper);
  assert_int_equal(keeper.done_rv, AHTTP_OK);
  client_run_close(&run);
  tls_host_stop(host);
  check_certificate(careful.at_head, true); /* as long as the call */
  ahttp_call_unref(careful.call);
}

static void certificate_of_an_unverified_server_is_there_too(void **state)
{
  (void)state;
  tls_host *host = tls_host_start(&good_host);
  ahttp_tls_opts tls = AHTTP_TLS_OPTS_INIT;
  tls.verify_off = true;
  client_run run;
  open_run(&run, &tls);
  asking self = {.is_to_ask = true};
  ask(&run, test_url("https", tls_host_port(host), "/"), NULL, &self);
  check_certificate(self.at_head, false);
  ahttp_call_unref(self.call);
  client_run_close(&run);
  tls_host_stop(host);
}

static void certificate_is_kept_for_blocking_callers(void **state)
{
  (void)state;
  tls_host_opts host_opts = good_host;
  host_opts.end = TLS_HOST_NOTIFY;
  tls_host *host = tls_host_start(&host_opts);
  const char *url = test_url("https", tls_host_port(host), "/");
  ahttp_tls_opts tls = trusting();
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.keep_certificate = true;
  ahttp_client *client = NULL;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  for (int i = 0; i < 2; i++) { /* the second one of a resumed session */
    ahttp_response *response = NULL;
    ahttp_error err;
    const ahttp_certificate *cert = NULL;
    assert_int_equal(ahttp_get(client, url, &response, &err), AHTTP_OK);
    assert_int_equal(ahttp_response_certificate(response, &cert), AHTTP_OK);
    check_certificate(cert, true);
    ahttp_response_free(response);
  }
  ahttp_client_free(client);
  tls_host_stop(host);
}

/* A client that keeps certificates, from begin to end. */
static int get_and_ask(void *arg)
{
  const tls_host *host = arg;
  ahttp_tls_opts tls = trusting();
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.keep_certificate = true;
  ahttp_client *client = NULL;
  int rv = ahttp_client_new(&client, &opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_response *response = NULL;
  ahttp_error err;
  const ahttp_certificate *cert = NULL;
  rv = ahttp_get(client, test_url("https", tls_host_port(host), "/"), &response,
                 &err);
  if (rv == AHTTP_OK) {
    assert_int_equal(ahttp_response_certificate(response, &cert), AHTTP_OK);
    assert_string_equal(cert->subject, "CN=good");
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  return rv;
}

/* What only makes things faster, a kept session say, may be left out. */
static void every_allocation_may_fail(void **state)
{
  (void)state;
  tls_host *host = tls_host_start(&good_host);
  test_alloc_install();
  assert_int_equal(get_and_ask(host), AHTTP_OK);
  int total = test_alloc_count();
  int failures = 0;
  for (int nth = 1; nth <= total; nth++) {
    test_alloc_fail_nth(nth);
    int rv = get_and_ask(host);
    assert_true(rv == AHTTP_OK || rv == AHTTP_ENOMEM);
    failures += rv == AHTTP_ENOMEM;
    assert_int_equal(test_alloc_live(), 0);
  }
  assert_true(failures > total / 2);
  test_alloc_remove();
  tls_host_stop(host);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificate_is_there_for_who_asks_in_time),
      cmocka_unit_test(certificate_of_an_unverified_server_is_there_too),
      cmocka_unit_test(certificate_is_kept_for_blocking_callers),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
