/* SPDX-License-Identifier: MIT */
/* Every TLS option, against servers that notice. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include <ahttp/ahttp.h>

#include "net/tls_pins.h"
#include "support/certificates.h"
#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/server_process.h"
#include "support/tls_host.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define OTHER_PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static certificate ca;
static certificate good;  /* of |ca|, for this host */
static certificate named; /* of |ca|, for service.example and 192.0.2.7 */
static certificate mine;  /* of |ca|, a client's */
static char ca_file[300];
static char mine_file[300];
static char mine_key_file[300];

static void make_leaf(certificate *cert, const char *name, const char *names)
{
  const certificate_opts opts = {.name = name, .names = names, .issuer = &ca};
  certificate_init(cert, &opts);
}

static void name_file(char path[300], const char *name)
{
  (void)snprintf(path, 300, "%s/%s", server_dir(), name);
}

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "libahttp test CA");
  make_leaf(&good, "good", CERTIFICATE_LOOPBACK_NAMES);
  make_leaf(&named, "named", "DNS:service.example,IP:192.0.2.7");
  make_leaf(&mine, "my own", NULL);
  name_file(ca_file, "ca.pem");
  name_file(mine_file, "mine.pem");
  name_file(mine_key_file, "mine.key");
  certificate_write(&ca, ca_file);
  certificate_write(&mine, mine_file);
  certificate_write_locked_key(&mine, mine_key_file, "secret");
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  certificate_clear(&mine);
  certificate_clear(&named);
  certificate_clear(&good);
  certificate_clear(&ca);
  return 0;
}

static void open_run(client_run *run, const ahttp_tls_opts *tls)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = tls;
  client_run_open(run, &opts);
}

/* One GET from |port| by a client with |tls|. */
static void get(uint16_t port, const ahttp_tls_opts *tls, call_record *record)
{
  client_run run;
  open_run(&run, tls);
  client_run_get(&run, record, test_url("https", port, "/"));
  client_run_close(&run);
}

static void get_from(const tls_host_opts *opts, const ahttp_tls_opts *tls,
                     call_record *record)
{
  tls_host *host = tls_host_start(opts);
  get(tls_host_port(host), tls, record);
  tls_host_stop(host);
}

static void check_ok(const tls_host_opts *opts, const ahttp_tls_opts *tls)
{
  call_record record = {0};
  get_from(opts, tls, &record);
  if (record.code != AHTTP_OK) {
    fail_msg("%s", record.error.text);
  }
  assert_string_equal(record.content, "hello");
  call_record_clear(&record);
}

/* It fails with |code| in the TLS phase, or later, and |part| is told. */
static void check_fails(const tls_host_opts *opts, const ahttp_tls_opts *tls,
                        int code, const char *part)
{
  call_record record = {0};
  get_from(opts, tls, &record);
  print_message("%s: %s\n", ahttp_error_name(record.code), record.error.text);
  assert_int_equal(record.code, code);
  assert_true(record.error.phase >= AHTTP_PHASE_TLS);
  if (strstr(record.error.text, part) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", part, record.error.text);
  }
  call_record_clear(&record);
}

static const tls_host_opts good_host = {.cert = &good, .response = OK_HELLO};
static const tls_host_opts named_host = {.cert = &named, .response = OK_HELLO};

static ahttp_tls_opts trusting(void)
{
  ahttp_tls_opts tls = AHTTP_TLS_OPTS_INIT;
  tls.ca_file = ca_file;
  return tls;
}

/* --- Whom to trust. ------------------------------------------------------ */

static void certificates_in_memory_are_trusted(void **state)
{
  (void)state;
  char *text = certificate_text(&ca);
  ahttp_tls_opts tls = AHTTP_TLS_OPTS_INIT;
  tls.ca_pem = text;
  check_ok(&good_host, &tls);
  free(text);
}

static void host_alone_may_be_left_unverified(void **state)
{
  (void)state;
  ahttp_tls_opts tls = trusting();
  check_fails(&named_host, &tls, AHTTP_ECERT, "it is for service.example");
  tls.verify_host_off = true;
  check_ok(&named_host, &tls);
  certificate stranger;
  const certificate_opts opts = {.name = "stranger",
                                 .names = CERTIFICATE_LOOPBACK_NAMES};
  certificate_init(&stranger, &opts);
  const tls_host_opts strange_host = {.cert = &stranger, .response = OK_HELLO};
  check_fails(&strange_host, &tls, AHTTP_ECERT, "self-signed");
  certificate_clear(&stranger);
}

static void server_name_of_the_profile_is_sent_and_verified(void **state)
{
  (void)state;
  ahttp_tls_opts tls = trusting();
  tls.sni = "service.example.";
  tls_host *host = tls_host_start(&named_host);
  call_record record = {0};
  get(tls_host_port(host), &tls, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(tls_host_name(host), "service.example");
  call_record_clear(&record);

  /* An address is verified, but not sent. */
  tls.sni = "192.0.2.7";
  get(tls_host_port(host), &tls, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(tls_host_name(host), "");
  call_record_clear(&record);
  tls_host_stop(host);

  tls.sni = "service.example";
  check_fails(&good_host, &tls, AHTTP_ECERT,
              "the certificate of service.example");
}

/* Sends a GET under |sni| and returns the connection that it went on. */
static uint64_t send_under(client_run *run, uint16_t port, const char *sni,
                           int code)
{
  char name[64] = "";
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  if (sni != NULL) {
    (void)snprintf(name, sizeof(name), "%s", sni);
    opts.sni = name;
  }
  call_record record = {0};
  client_run_start(run, &record, "GET", test_url("https", port, "/"), &opts);
  memset(name, 'x', sizeof(name)); /* the call has a copy */
  client_run_wait(run);
  assert_int_equal(record.code, code);
  uint64_t conn_id = record.info.conn_id;
  call_record_clear(&record);
  return conn_id;
}

static void server_name_of_a_send_has_connections_of_its_own(void **state)
{
  (void)state;
  tls_host *host = tls_host_start(&named_host);
  uint16_t port = tls_host_port(host);
  ahttp_tls_opts tls = trusting();
  client_run run;
  open_run(&run, &tls);
  (void)send_under(&run, port, NULL, AHTTP_ECERT);
  uint64_t first = send_under(&run, port, "service.example", AHTTP_OK);
  assert_string_equal(tls_host_name(host), "service.example");
  assert_int_equal(send_under(&run, port, "service.example", AHTTP_OK), first);
  assert_int_not_equal(send_under(&run, port, "192.0.2.7", AHTTP_OK), first);
  (void)send_under(&run, port, "other.example", AHTTP_ECERT);
  (void)send_under(&run, port, "", AHTTP_ECERT);
  client_run_close(&run);
  tls_host_stop(host);
}

/* Like credentials it holds for the host it was given for. */
static void server_name_of_a_send_does_not_follow_to_another_host(void **state)
{
  (void)state;
  char response[200];
  tls_host_opts opts = named_host;
  opts.response = response;
  tls_host *host = tls_host_start(&opts);
  (void)snprintf(response, sizeof(response),
                 "HTTP/1.1 302 Found\r\nLocation: https://localhost:%u/\r\n"
                 "Content-Length: 0\r\n\r\n",
                 (unsigned)tls_host_port(host));
  ahttp_tls_opts tls = trusting();
  client_run run;
  open_run(&run, &tls);
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.sni = "service.example";
  send.redirects_max = 3;
  call_record record = {0};
  client_run_start(&run, &record, "GET",
                   test_url("https", tls_host_port(host), "/"), &send);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ECERT);
  assert_non_null(strstr(record.error.text, "the certificate of localhost"));
  call_record_clear(&record);
  client_run_close(&run);
  tls_host_stop(host);
}

static void pinned_key_is_checked(void **state)
{
  (void)state;
  char pin[AH_TLS_PIN_BYTES];
  char pins[3 * AH_TLS_PIN_BYTES];
  assert_true(ah_tls_pin_print(good.x509, pin));
  ahttp_tls_opts tls = trusting();
  tls.pinned_keys = pin;
  check_ok(&good_host, &tls);
  (void)snprintf(pins, sizeof(pins), OTHER_PIN ";%s", pin);
  tls.pinned_keys = pins;
  check_ok(&good_host, &tls);
  tls.pinned_keys = OTHER_PIN;
  check_fails(&good_host, &tls, AHTTP_EPIN, pin);
  tls.verify_off = true;
  check_fails(&good_host, &tls, AHTTP_EPIN, "is not a pinned one");
  check_fails(&named_host, &tls, AHTTP_EPIN, "is not a pinned one");
  tls.pinned_keys = pins;
  check_ok(&good_host, &tls);
}

/* --- Who we are. --------------------------------------------------------- */

static const int both_versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void client_certificate_is_shown(void **state)
{
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    tls_host_opts host = good_host;
    host.client_ca = &ca;
    host.version_max = both_versions[i];
    ahttp_tls_opts tls = trusting();
    check_fails(&host, &tls, AHTTP_ETLS, "certificate");
    tls.cert_file = mine_file;
    tls.key_file = mine_key_file;
    tls.password = "secret";
    check_ok(&host, &tls);
  }
}

static void client_certificate_of_a_stranger_is_refused(void **state)
{
  (void)state;
  certificate stranger;
  const certificate_opts opts = {.name = "stranger"};
  certificate_init(&stranger, &opts);
  char *cert = certificate_text(&stranger);
  char *key = certificate_key_text(&stranger);
  for (size_t i = 0; i < 2; i++) {
    tls_host_opts host = good_host;
    host.client_ca = &ca;
    host.version_max = both_versions[i];
    ahttp_tls_opts tls = trusting();
    tls.cert_pem = cert;
    tls.key_pem = key;
    check_fails(&host, &tls, AHTTP_ETLS, "the server sent the alert");
  }
  free(key);
  free(cert);
  certificate_clear(&stranger);
}

/* --- What is negotiated. ------------------------------------------------- */

static void versions_are_kept_to(void **state)
{
  (void)state;
  ahttp_tls_opts tls = trusting();
  tls.version_max = AHTTP_TLS_1_2;
  call_record record = {0};
  get_from(&good_host, &tls, &record);
  assert_string_equal(record.info.tls_version, "TLSv1.2");
  call_record_clear(&record);

  tls_host_opts host = good_host;
  host.version_min = TLS1_3_VERSION;
  check_fails(&host, &tls, AHTTP_ETLS, "no TLS version in common");

  tls.version_max = AHTTP_TLS_DEFAULT;
  tls.version_min = AHTTP_TLS_1_3;
  host = good_host;
  host.version_max = TLS1_2_VERSION;
  check_fails(&host, &tls, AHTTP_ETLS, "no TLS version in common");
}

static void ciphers_and_groups_are_kept_to(void **state)
{
  (void)state;
  ahttp_tls_opts tls = trusting();
  tls.version_max = AHTTP_TLS_1_2;
  tls.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
  call_record record = {0};
  get_from(&good_host, &tls, &record);
  assert_string_equal(record.info.tls_cipher, "ECDHE-ECDSA-CHACHA20-POLY1305");
  call_record_clear(&record);
  tls_host_opts host = good_host;
  host.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  check_fails(&host, &tls, AHTTP_ETLS, "nothing in common");

  tls = trusting();
  tls.ciphers13 = "TLS_CHACHA20_POLY1305_SHA256";
  get_from(&good_host, &tls, &record);
  assert_string_equal(record.info.tls_cipher, "TLS_CHACHA20_POLY1305_SHA256");
  call_record_clear(&record);

  tls = trusting();
  tls.groups = "X25519";
  check_ok(&good_host, &tls);
  host = good_host;
  host.groups = "P-384";
  check_fails(&host, &tls, AHTTP_ETLS, "nothing in common");
}

static void sessions_are_resumed_unless_that_is_off(void **state)
{
  (void)state;
  tls_host_opts opts = good_host;
  opts.end = TLS_HOST_NOTIFY; /* every request makes a connection */
  for (int off = 0; off < 2; off++) {
    tls_host *host = tls_host_start(&opts);
    ahttp_tls_opts tls = trusting();
    tls.resume_off = off == 1;
    client_run run;
    open_run(&run, &tls);
    for (int i = 0; i < 3; i++) {
      call_record record = {0};
      client_run_get(&run, &record,
                     test_url("https", tls_host_port(host), "/"));
      assert_int_equal(record.code, AHTTP_OK);
      assert_int_equal(record.info.tls_resumed, i > 0 && off == 0);
      call_record_clear(&record);
    }
    client_run_close(&run);
    tls_host_stop(host);
  }
}

static void secrets_are_logged_to_a_file(void **state)
{
  (void)state;
  char path[300];
  name_file(path, "secrets");
  ahttp_tls_opts tls = trusting();
  tls.keylog_file = path;
  check_ok(&good_host, &tls);
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_true(facts.st_size > 0);
}

/* --- What is wrong is told when the client is made. ---------------------- */

static void wrong_options_are_told_in_a_sentence(void **state)
{
  (void)state;
  const struct {
    ahttp_tls_opts tls;
    int code;
    const char *text;
  } rows[] = {
      {{.size = sizeof(ahttp_tls_opts), .ca_file = "/nonexistent"},
       AHTTP_ETLS,
       "the trusted certificates in /nonexistent cannot be read"},
      {{.size = sizeof(ahttp_tls_opts),
        .cert_file = mine_file,
        .key_file = mine_key_file,
        .password = "guess"},
       AHTTP_ETLS,
       "the password may be wrong"},
      {{.size = sizeof(ahttp_tls_opts), .ciphers = "ROT13"},
       AHTTP_ETLS,
       "ROT13"},
      {{.size = sizeof(ahttp_tls_opts), .pinned_keys = "sha1//"},
       AHTTP_EINVAL,
       "pinned"},
      {{.size = sizeof(ahttp_tls_opts) + 1}, AHTTP_EINVAL, "invalid argument"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.tls = &rows[i].tls;
    ahttp_client *client = NULL;
    ahttp_error err;
    assert_int_equal(ahttp_client_new_err(&client, &opts, &err), rows[i].code);
    assert_null(client);
    assert_int_equal(err.code, rows[i].code);
    assert_int_equal(err.phase, AHTTP_PHASE_NONE);
    assert_non_null(strstr(err.text, rows[i].text));
    assert_int_equal(ahttp_client_new(&client, &opts), rows[i].code);
    assert_int_equal(ahttp_client_new_err(&client, &opts, NULL), rows[i].code);
  }
  ahttp_error err = {.code = 1};
  ahttp_client *client = NULL;
  assert_int_equal(ahttp_client_new_err(&client, NULL, &err), AHTTP_OK);
  assert_int_equal(err.code, AHTTP_OK);
  assert_string_equal(err.text, "");
  ahttp_client_free(client);
}

/* --- nginx. -------------------------------------------------------------- */

/* Relative paths are below the folder that -p names. */
static const char nginx_config[] =
    "daemon off; worker_processes 1; pid nginx.pid; error_log nginx.err;\n"
    "events { worker_connections 64; }\n"
    "http { access_log off; client_body_temp_path .; proxy_temp_path .;"
    "  fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;\n"
    "  server { listen 127.0.0.1:%u ssl http2; ssl_verify_client on;"
    "    ssl_certificate nginx.pem; ssl_certificate_key nginx.key;"
    "    ssl_client_certificate ca.pem;"
    "    location / { return 200 \"$ssl_client_s_dn|$ssl_server_name\"; }\n"
    "  }\n"
    "}\n";

static server_process *start_nginx(uint16_t port)
{
  char path[300];
  name_file(path, "nginx.pem");
  certificate_write(&named, path);
  name_file(path, "nginx.key");
  certificate_write_key(&named, path);
  char *text = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  assert_true(asprintf(&text, nginx_config, (unsigned)port) > 0);
#pragma GCC diagnostic pop
  char *config = server_write_file("nginx.conf", text);
  const char *const argv[] = {"nginx", "-p", server_dir(), "-c", config, NULL};
  server_process *process = server_start(argv, port);
  free(config);
  free(text);
  return process;
}

static void nginx_is_shown_the_client_certificate(void **state)
{
  (void)state;
  uint16_t port = server_free_port();
  server_process *process = start_nginx(port);
  ahttp_tls_opts tls = trusting();
  tls.sni = "service.example";
  call_record record = {0};
  get(port, &tls, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 400); /* it says so by HTTP */
  assert_non_null(strstr(record.content, "No required SSL certificate"));
  call_record_clear(&record);

  tls.cert_file = mine_file;
  tls.key_file = mine_key_file;
  tls.password = "secret";
  memset(&record, 0, sizeof(record));
  get(port, &tls, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.version, AHTTP_VERSION_2);
  assert_string_equal(record.info.alpn, "h2");
  assert_string_equal(record.content, "CN=my own|service.example");
  call_record_clear(&record);
  server_stop(process);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificates_in_memory_are_trusted),
      cmocka_unit_test(host_alone_may_be_left_unverified),
      cmocka_unit_test(server_name_of_the_profile_is_sent_and_verified),
      cmocka_unit_test(server_name_of_a_send_has_connections_of_its_own),
      cmocka_unit_test(server_name_of_a_send_does_not_follow_to_another_host),
      cmocka_unit_test(pinned_key_is_checked),
      cmocka_unit_test(client_certificate_is_shown),
      cmocka_unit_test(client_certificate_of_a_stranger_is_refused),
      cmocka_unit_test(versions_are_kept_to),
      cmocka_unit_test(ciphers_and_groups_are_kept_to),
      cmocka_unit_test(sessions_are_resumed_unless_that_is_off),
      cmocka_unit_test(secrets_are_logged_to_a_file),
      cmocka_unit_test(wrong_options_are_told_in_a_sentence),
      cmocka_unit_test(nginx_is_shown_the_client_certificate),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
