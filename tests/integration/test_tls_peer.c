/* SPDX-License-Identifier: MIT */
/* The whole library over TLS against a server that does what it must not. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/cut_proxy.h"
#include "support/server_process.h"
#include "support/tls_host.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OK_TO_THE_END "HTTP/1.1 200 OK\r\n\r\nhello to the end"
#define OK_CHUNKED                                        \
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
  "5\r\nhello\r\n0\r\n\r\n"

static certificate ca;
static certificate good; /* of |ca|, for this host */
static char ca_file[300];

static void make_leaf(certificate *cert, const char *names, long from_s,
                      long until_s)
{
  const certificate_opts opts = {.name = "leaf",
                                 .names = names,
                                 .issuer = &ca,
                                 .from_s = from_s,
                                 .until_s = until_s};
  certificate_init(cert, &opts);
}

static int make_certificates(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "libahttp test CA");
  make_leaf(&good, CERTIFICATE_LOOPBACK_NAMES, 0, 0);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  return 0;
}

static int forget_certificates(void **state)
{
  (void)state;
  certificate_clear(&good);
  certificate_clear(&ca);
  return 0;
}

static void get(uint16_t port, call_record *record)
{
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
  client_run_get(&run, record, test_url("https", port, "/"));
  client_run_close(&run);
}

/* One GET from a host with |opts|. */
static void get_from(const tls_host_opts *opts, call_record *record)
{
  tls_host *host = tls_host_start(opts);
  get(tls_host_port(host), record);
  tls_host_stop(host);
}

static void assert_text(const call_record *record, const char *part)
{
  if (strstr(record->error.text, part) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", part, record->error.text);
  }
}

/* --- The end of the connection. ------------------------------------------ */

static void closing_alert_ends_a_body_without_length(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good, .response = OK_TO_THE_END, .end = TLS_HOST_NOTIFY};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(record.content, "hello to the end");
  call_record_clear(&record);
}

/* RFC 9112, section 9.8: anybody could have cut the connection. */
static void body_without_length_or_alert_is_truncated(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good, .response = OK_TO_THE_END, .end = TLS_HOST_FIN};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_ETRUNCATED);
  assert_string_equal(record.content, "hello to the end");
  call_record_clear(&record);
}

static void complete_body_needs_no_alert(void **state)
{
  (void)state;
  static const char *const responses[] = {OK_HELLO, OK_CHUNKED};
  for (size_t i = 0; i < 2; i++) {
    const tls_host_opts opts = {
        .cert = &good, .response = responses[i], .end = TLS_HOST_FIN};
    call_record record = {0};
    get_from(&opts, &record);
    assert_int_equal(record.code, AHTTP_OK);
    assert_string_equal(record.content, "hello");
    call_record_clear(&record);
  }
}

static void incomplete_body_is_truncated_with_and_without_alert(void **state)
{
  (void)state;
  static const tls_host_end ends[] = {TLS_HOST_NOTIFY, TLS_HOST_FIN,
                                      TLS_HOST_RST};
  for (size_t i = 0; i < 3; i++) {
    const tls_host_opts opts = {
        .cert = &good,
        .response = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        .end = ends[i]};
    call_record record = {0};
    get_from(&opts, &record);
    assert_int_equal(record.dones, 1);
    assert_true(record.code == AHTTP_ETRUNCATED ||
                (ends[i] == TLS_HOST_RST && record.code == AHTTP_EREAD));
    call_record_clear(&record);
  }
}

/* --- Death at every byte. ------------------------------------------------ */

/* Bytes from one cut to the next.  Under valgrind a handshake takes so long
 * that only some of the places can be tried. */
static size_t stride_of(cut_kind kind)
{
  const char *preload = getenv("LD_PRELOAD");
  bool is_slow = preload != NULL && strstr(preload, "vgpreload") != NULL;
  return (kind == CUT_RST ? 5U : 1U) * (is_slow ? 23U : 1U);
}

static void check_cut(const call_record *record, cut_kind kind)
{
  assert_int_equal(record->dones, 1);
  if (record->code == AHTTP_OK) {
    assert_string_equal(record->content, "hello");
    return;
  }
  bool is_reset = kind == CUT_RST;
  if (record->error.phase == AHTTP_PHASE_TLS) {
    assert_true(record->code == AHTTP_ETLS ||
                (is_reset && record->code == AHTTP_EREAD));
  } else if (record->error.phase == AHTTP_PHASE_CONNECT) {
    assert_true(is_reset); /* gone before the handshake began */
  } else {
    assert_true(record->code == AHTTP_ETRUNCATED ||
                record->code == AHTTP_EDISCONNECTED ||
                (is_reset && record->code == AHTTP_EREAD));
  }
}

/* Cuts connections to a host with |version_max| after one number of bytes after
 * the other, until one is long enough for the whole response. */
static void cut_everywhere(int version_max, cut_kind kind)
{
  const tls_host_opts opts = {.cert = &good,
                              .version_max = version_max,
                              .response = OK_CHUNKED,
                              .end = TLS_HOST_NOTIFY};
  tls_host *host = tls_host_start(&opts);
  const cut_proxy_opts front = {.server_port = tls_host_port(host)};
  cut_proxy *proxy = cut_proxy_start(&front);
  size_t tls_failures = 0;
  bool is_whole = false;
  for (size_t bytes = 0; !is_whole; bytes += stride_of(kind)) {
    cut_proxy_set(proxy, kind, bytes);
    call_record record = {0};
    get(cut_proxy_port(proxy), &record);
    check_cut(&record, kind);
    tls_failures += record.code == AHTTP_ETLS;
    is_whole = record.code == AHTTP_OK;
    call_record_clear(&record);
  }
  assert_true(tls_failures > 0);
  cut_proxy_stop(proxy);
  tls_host_stop(host);
}

static void death_at_every_byte_is_told(void **state)
{
  (void)state;
  cut_everywhere(0, CUT_FIN);
}

static void death_at_every_byte_of_tls12_is_told(void **state)
{
  (void)state;
  cut_everywhere(TLS1_2_VERSION, CUT_FIN);
}

static void reset_within_the_stream_is_told(void **state)
{
  (void)state;
  cut_everywhere(0, CUT_RST);
}

/* --- Certificates. ------------------------------------------------------- */

/* A handshake with |cert| is refused; |part| of the reason is told. */
static void check_refused(const certificate *cert, const char *part)
{
  const tls_host_opts opts = {.cert = cert, .response = OK_HELLO};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_ECERT);
  assert_int_equal(record.error.phase, AHTTP_PHASE_TLS);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_X509);
  assert_int_not_equal(record.error.native, 0);
  assert_int_equal(record.info.attempts, 0);
  assert_text(&record, part);
  assert_text(&record, "https://127.0.0.1:");
}

static void expired_certificate_is_refused(void **state)
{
  (void)state;
  certificate cert;
  make_leaf(&cert, CERTIFICATE_LOOPBACK_NAMES, -7200, -3600);
  check_refused(&cert, "expired on 20");
  certificate_clear(&cert);
}

static void certificate_of_the_future_is_refused(void **state)
{
  (void)state;
  certificate cert;
  make_leaf(&cert, CERTIFICATE_LOOPBACK_NAMES, 3600, 7200);
  check_refused(&cert, "valid from 20");
  certificate_clear(&cert);
}

static void certificate_of_another_host_is_refused(void **state)
{
  (void)state;
  certificate cert;
  make_leaf(&cert, "DNS:example.org,IP:127.0.0.2", 0, 0);
  check_refused(&cert, "it is for example.org, 127.0.0.2");
  certificate_clear(&cert);
}

static void self_signed_certificate_is_refused(void **state)
{
  (void)state;
  certificate cert;
  const certificate_opts opts = {.name = "vain",
                                 .names = CERTIFICATE_LOOPBACK_NAMES};
  certificate_init(&cert, &opts);
  check_refused(&cert, "self-signed certificate");
  certificate_clear(&cert);
}

static void certificate_of_an_unknown_authority_is_refused(void **state)
{
  (void)state;
  certificate other_ca;
  certificate cert;
  certificate_init_ca(&other_ca, "Other CA");
  const certificate_opts opts = {
      .name = "leaf", .names = CERTIFICATE_LOOPBACK_NAMES, .issuer = &other_ca};
  certificate_init(&cert, &opts);
  check_refused(&cert, "it was issued by Other CA");
  certificate_clear(&cert);
  certificate_clear(&other_ca);
}

/* A refused certificate fails all who wait for it, by one handshake. */
static void refused_certificate_fails_all_waiters(void **state)
{
  (void)state;
  enum {
    CALLS = 10
  };
  certificate cert;
  make_leaf(&cert, "DNS:example.org", 0, 0);
  const tls_host_opts opts = {.cert = &cert, .response = OK_HELLO};
  tls_host *host = tls_host_start(&opts);
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
  call_record *records = client_run_start_many(
      &run, test_url("https", tls_host_port(host), "/"), CALLS);
  client_run_wait(&run);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(records[i].dones, 1);
    assert_int_equal(records[i].code, AHTTP_ECERT);
  }
  free(records);
  assert_int_equal(tls_host_accepted(host), 1);
  client_run_close(&run);
  tls_host_stop(host);
  certificate_clear(&cert);
}

/* --- Handshakes. --------------------------------------------------------- */

static void server_of_tls12_only_is_fine(void **state)
{
  (void)state;
  const tls_host_opts opts = {.cert = &good,
                              .version_max = TLS1_2_VERSION,
                              .response = OK_HELLO,
                              .end = TLS_HOST_KEEP};
  tls_host *host = tls_host_start(&opts);
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
  for (int i = 0; i < 3; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("https", tls_host_port(host), "/"));
    assert_int_equal(record.code, AHTTP_OK);
    assert_string_equal(record.info.tls_version, "TLSv1.2");
    assert_int_equal(record.info.reused, i > 0);
    call_record_clear(&record);
  }
  client_run_close(&run);
  tls_host_stop(host);
}

static void server_of_tls11_only_is_refused(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good, .version_max = TLS1_1_VERSION, .response = OK_HELLO};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_ETLS);
  assert_int_equal(record.error.phase, AHTTP_PHASE_TLS);
}

static void server_without_tls_is_recognised(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good,
      .is_no_tls = true,
      .response = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_ETLS);
  assert_text(&record, "does not speak TLS");
}

static void protocol_nobody_offered_is_refused(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good, .alpn = "http/0.9", .response = OK_HELLO};
  call_record record = {0};
  get_from(&opts, &record);
  assert_int_equal(record.code, AHTTP_ETLS);
}

static void http2_is_not_made_up_when_required(void **state)
{
  (void)state;
  const tls_host_opts opts = {.cert = &good, .response = OK_HELLO};
  tls_host *host = tls_host_start(&opts);
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_2);
  call_record record = {0};
  client_run_get(&run, &record, test_url("https", tls_host_port(host), "/"));
  assert_int_equal(record.code, AHTTP_EPROTO);
  assert_text(&record, "HTTP/2");
  client_run_close(&run);
  tls_host_stop(host);
}

static void stalled_handshake_is_a_connect_timeout(void **state)
{
  (void)state;
  const tls_host_opts opts = {.cert = &good, .is_mute = true};
  tls_host *host = tls_host_start(&opts);
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
  ahttp_send_opts send_opts = AHTTP_SEND_OPTS_INIT;
  send_opts.connect_ms = 100;
  call_record record = {0};
  client_run_start(&run, &record, "GET",
                   test_url("https", tls_host_port(host), "/"), &send_opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_CONNECT);
  assert_int_equal(record.error.phase, AHTTP_PHASE_TLS);
  assert_text(&record, "TLS handshake with 127.0.0.1");
  assert_text(&record, "100 ms");
  client_run_close(&run);
  tls_host_stop(host);
}

/* Cancelling at each turn of handshake and response leaves nothing behind. */
static void cancel_after_each_turn(void **state)
{
  (void)state;
  const tls_host_opts opts = {
      .cert = &good, .response = OK_HELLO, .end = TLS_HOST_KEEP};
  tls_host *host = tls_host_start(&opts);
  for (unsigned turns = 0; turns < 30; turns++) {
    client_run run;
    client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
    call_record record = {0};
    client_run_start(&run, &record, "GET",
                     test_url("https", tls_host_port(host), "/"), NULL);
    for (unsigned i = 0; i < turns && record.call != NULL; i++) {
      (void)uv_run(&run.loop, UV_RUN_ONCE);
    }
    bool is_done = record.call == NULL;
    if (!is_done) {
      ahttp_call_cancel(record.call);
    }
    client_run_wait(&run);
    assert_int_equal(record.dones, 1);
    assert_int_equal(record.code, is_done ? AHTTP_OK : AHTTP_ECANCELED);
    assert_int_equal(client_run_stats(&run).conns_dialing, 0);
    call_record_clear(&record);
    client_run_close(&run);
  }
  tls_host_stop(host);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closing_alert_ends_a_body_without_length),
      cmocka_unit_test(body_without_length_or_alert_is_truncated),
      cmocka_unit_test(complete_body_needs_no_alert),
      cmocka_unit_test(incomplete_body_is_truncated_with_and_without_alert),
      cmocka_unit_test(death_at_every_byte_is_told),
      cmocka_unit_test(death_at_every_byte_of_tls12_is_told),
      cmocka_unit_test(reset_within_the_stream_is_told),
      cmocka_unit_test(expired_certificate_is_refused),
      cmocka_unit_test(certificate_of_the_future_is_refused),
      cmocka_unit_test(certificate_of_another_host_is_refused),
      cmocka_unit_test(self_signed_certificate_is_refused),
      cmocka_unit_test(certificate_of_an_unknown_authority_is_refused),
      cmocka_unit_test(refused_certificate_fails_all_waiters),
      cmocka_unit_test(server_of_tls12_only_is_fine),
      cmocka_unit_test(server_of_tls11_only_is_refused),
      cmocka_unit_test(server_without_tls_is_recognised),
      cmocka_unit_test(protocol_nobody_offered_is_refused),
      cmocka_unit_test(http2_is_not_made_up_when_required),
      cmocka_unit_test(stalled_handshake_is_a_connect_timeout),
      cmocka_unit_test(cancel_after_each_turn),
  };
  return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
