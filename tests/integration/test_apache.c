/* SPDX-License-Identifier: MIT */
/* The whole library against Apache: connections that take four requests each,
 * chunked responses, authentication, ranges, validators, and HTTP/2. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/pattern.h"
#include "support/server_process.h"
#include "support/way.h"

enum {
  /* MaxKeepAliveRequests counts those after the first. */
  CONN_REQUESTS = 1 + 3,
  FILE_BYTES = 100000,
  PAGE_LINES = 4000
};

enum {
  WAY_HTTP,
  WAY_HTTPS,
  WAY_H2,
  WAYS
};

static way ways[WAYS] = {{"http", 0, AHTTP_VERSION_1_1},
                         {"https", 0, AHTTP_VERSION_1_1},
                         {"https", 0, AHTTP_VERSION_2}};
static server_process *apache;
static const test_certificate_files *files;

/* --- The server. --------------------------------------------------------- */

static const char *const modules[] = {
    "mpm_event",     "authn_core", "authn_file", "authz_core", "authz_user",
    "auth_basic",    "dir",        "mime",       "include",    "reflector",
    "socache_shmcb", "ssl",        "http2"};

/* @ is the folder. */
static const char config_start[] =
    "ServerRoot @\nServerName localhost\nDefaultRuntimeDir @\n"
    "PidFile @/apache.pid\nErrorLog @/apache.err\nMutex pthread\n"
    "<IfModule unixd_module>\nUser www-data\nGroup www-data\n</IfModule>\n"
    "TypesConfig /dev/null\nStartServers 1\nServerLimit 1\nThreadsPerChild 32\n"
    "MaxRequestWorkers 32\nDocumentRoot @/www\n"
    "KeepAlive On\nMaxKeepAliveRequests 3\nKeepAliveTimeout 5\n"
    "AddOutputFilter INCLUDES .shtml\nAddType text/html .shtml\n"
    "<Directory @/www>\nOptions +Includes\nRequire all granted\n</Directory>\n"
    "<Location /reflect>\nSetHandler reflector\n</Location>\n"
    "<Location /secret>\nAuthType Basic\nAuthName \"the vault\"\n"
    "AuthUserFile @/users\nRequire valid-user\n</Location>\n"
    "SSLCertificateFile @/server.pem\nSSLCertificateKeyFile @/server.key\n";

/* The password is "secret". */
static const char users[] = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

/* Prints |text| with server_dir() for every @. */
static void print_config(FILE *out, const char *text)
{
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '@') {
      (void)fputs(server_dir(), out);
    } else {
      (void)fputc(*at, out);
    }
  }
}

static char *write_config(void)
{
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  assert_non_null(out);
  for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
    (void)fprintf(out,
                  "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n",
                  modules[i], modules[i]);
  }
  print_config(out, config_start);
  for (int i = 0; i < WAYS; i++) {
    (void)fprintf(out,
                  "Listen 127.0.0.1:%u %s\n"
                  "<VirtualHost 127.0.0.1:%u>\nSSLEngine %s\nProtocols %s\n"
                  "</VirtualHost>\n",
                  (unsigned)ways[i].port, ways[i].scheme,
                  (unsigned)ways[i].port, i == WAY_HTTP ? "off" : "on",
                  i == WAY_H2 ? "h2 http/1.1" : "http/1.1");
  }
  (void)fclose(out);
  char *path = server_write_file("apache.conf", text);
  free(text);
  return path;
}

static void write_documents(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/www", server_dir());
  (void)mkdir(path, 0755);
  (void)snprintf(path, sizeof(path), "%s/www/file", server_dir());
  pattern_write_file(path, FILE_BYTES);
  (void)snprintf(path, sizeof(path), "%s/www/secret", server_dir());
  pattern_write_file(path, 100);
  char *page = malloc(PAGE_LINES * 32);
  assert_non_null(page);
  char *at = page;
  for (int i = 0; i < PAGE_LINES; i++) {
    at += sprintf(at, "<!--#echo var=\"LINE\" -->%04d\n", i);
  }
  free(server_write_file("www/page.shtml", page));
  free(page);
  free(server_write_file("users", users));
}

static int open_server(void **state)
{
  (void)state;
  files = test_certificates(server_dir());
  for (int i = 0; i < WAYS; i++) {
    ways[i].port = server_free_port();
  }
  write_documents();
  char *path = write_config();
  const char *const argv[] = {"apache2", "-D", "FOREGROUND", "-f", path, NULL};
  apache = server_start(argv, ways[WAY_H2].port);
  free(path);
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  server_stop(apache);
  return 0;
}

/* --- Connections. -------------------------------------------------------- */

/* Its last response says so by "Connection: close". */
static void connection_serves_as_many_requests_as_it_may(void **state)
{
  (void)state;
  enum {
    REQUESTS = 2 * CONN_REQUESTS + 1
  };
  for (int k = WAY_HTTP; k <= WAY_HTTPS; k++) {
    client_run run;
    client_run_open_for(&run, files->ca_file, AHTTP_HTTP_AUTO);
    for (int i = 0; i < REQUESTS; i++) {
      call_record record = {0};
      client_run_get(&run, &record, way_url(&ways[k], "/file"));
      assert_int_equal(record.info.reused, i % CONN_REQUESTS != 0);
      assert_int_equal(record.info.conn_id, 1 + i / CONN_REQUESTS);
      assert_int_equal(record.info.attempts, 1);
      call_record_check_pattern(&record, 200, FILE_BYTES);
    }
    assert_int_equal(client_run_stats(&run).conns_made, 3);
    client_run_close(&run);
  }
}

static void many_requests_within_the_limits(void **state)
{
  (void)state;
  enum {
    REQUESTS = 60,
    CONNS = 6
  };
  for (int k = 0; k < WAYS; k++) {
    ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = files->ca_file};
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.tls = &tls;
    opts.conns_per_origin_max = CONNS;
    opts.pool_ms = AHTTP_NO_LIMIT;
    client_run run;
    client_run_open(&run, &opts);
    call_record *records =
        client_run_start_many(&run, way_url(&ways[k], "/file"), REQUESTS);
    client_run_wait(&run);
    for (int i = 0; i < REQUESTS; i++) {
      assert_int_equal(records[i].version, ways[k].version);
    }
    call_records_check_pattern(records, REQUESTS, FILE_BYTES);
    client_run_close(&run);
  }
}

/* --- Responses. ---------------------------------------------------------- */

static ahttp_client *new_client(void)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = files->ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  return client;
}

static void each_way(void (*check)(ahttp_client *client, const way *w))
{
  for (int i = 0; i < WAYS; i++) {
    ahttp_client *client = new_client();
    check(client, &ways[i]);
    ahttp_client_free(client);
  }
}

static void check_page(ahttp_client *client, const way *w)
{
  const char *const none[] = {NULL};
  ahttp_response *response = way_fetch(w, client, "/page.shtml", none);
  assert_int_equal(ahttp_response_status(response), 200);
  assert_int_equal(response_has_field(response, "transfer-encoding", "chunked"),
                   w->version == AHTTP_VERSION_1_1);
  ahttp_str content = ahttp_response_content(response);
  const char *at = content.ptr;
  char want[32];
  for (int i = 0; i < PAGE_LINES; i++) {
    int len = snprintf(want, sizeof(want), "(none)%04d\n", i);
    assert_int_equal(strncmp(at, want, (size_t)len), 0);
    at += len;
  }
  assert_int_equal(at - content.ptr, content.len);
  ahttp_response_free(response);
}

static void page_of_unknown_length_is_whole(void **state)
{
  (void)state;
  each_way(check_page);
}

static void check_range(ahttp_client *client, const way *w)
{
  const char *const fields[] = {"range", "bytes=50000-50099", NULL};
  ahttp_response *response = way_fetch(w, client, "/file", fields);
  assert_int_equal(ahttp_response_status(response), 206);
  assert_true(response_has_field(response, "content-range",
                                 "bytes 50000-50099/100000"));
  uint8_t want[100];
  pattern_fill(want, 50000, sizeof(want));
  assert_int_equal(ahttp_response_content(response).len, sizeof(want));
  assert_memory_equal(ahttp_response_content(response).ptr, want, sizeof(want));
  ahttp_response_free(response);
}

static void range_is_answered_in_part(void **state)
{
  (void)state;
  each_way(check_range);
}

static void check_validator(ahttp_client *client, const way *w)
{
  const char *const none[] = {NULL};
  ahttp_response *response = way_fetch(w, client, "/file", none);
  ahttp_str etag;
  assert_true(ahttp_fields_get(ahttp_response_fields(response), "etag", &etag));
  const char *const fields[] = {"if-none-match", etag.ptr, NULL};
  ahttp_response *second = way_fetch(w, client, "/file", fields);
  assert_int_equal(ahttp_response_status(second), 304);
  assert_int_equal(ahttp_response_content(second).len, 0);
  assert_true(ahttp_fields_get(ahttp_response_fields(second), "etag", NULL));
  ahttp_response_free(second);
  /* The connection is in order after a response without content. */
  second = way_fetch(w, client, "/file", none);
  assert_int_equal(ahttp_response_content(second).len, FILE_BYTES);
  ahttp_response_free(second);
  ahttp_response_free(response);
}

static void unchanged_file_is_not_sent_again(void **state)
{
  (void)state;
  each_way(check_validator);
}

static void check_password(ahttp_client *client, const way *w)
{
  const char *const none[] = {NULL};
  ahttp_response *response = way_fetch(w, client, "/secret", none);
  assert_int_equal(ahttp_response_status(response), 401);
  assert_true(response_has_field(response, "www-authenticate",
                                 "Basic realm=\"the vault\""));
  ahttp_response_free(response);
  const char *const fields[] = {"authorization",
                                "Basic YW5uOnNlY3JldA==", NULL};
  response = way_fetch(w, client, "/secret", fields);
  assert_int_equal(ahttp_response_status(response), 200);
  assert_int_equal(ahttp_response_content(response).len, 100);
  ahttp_response_free(response);
}

static void password_opens_the_vault(void **state)
{
  (void)state;
  each_way(check_password);
}

/* --- Uploads. ------------------------------------------------------------ */

/* The server answers while it reads.  Over HTTP/2 its mod_reflector loses small
 * content, whoever sends it. */
static void reflected_uploads_come_back_whole(void **state)
{
  (void)state;
  static const size_t sizes[] = {0, 1, 8000, 16385, 1000000, 5000000};
  for (int k = 0; k < WAY_H2; k++) {
    client_run run;
    client_run_open_for(&run, files->ca_file, AHTTP_HTTP_AUTO);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      way_check_echo(&ways[k], &run, "/reflect", sizes[i], true);
      way_check_echo(&ways[k], &run, "/reflect", sizes[i], false);
    }
    client_run_close(&run);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(connection_serves_as_many_requests_as_it_may),
      cmocka_unit_test(many_requests_within_the_limits),
      cmocka_unit_test(page_of_unknown_length_is_whole),
      cmocka_unit_test(range_is_answered_in_part),
      cmocka_unit_test(unchanged_file_is_not_sent_again),
      cmocka_unit_test(password_opens_the_vault),
      cmocka_unit_test(reflected_uploads_come_back_whole),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
