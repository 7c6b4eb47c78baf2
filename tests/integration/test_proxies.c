/* SPDX-License-Identifier: MIT */
/* The library through real proxies, Squid and Dante, to nginx; and through
 * scripted ones that do what real ones seldom do. */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/nginx.h"
#include "support/proxy_servers.h"
#include "support/raw_peer.h"
#include "support/test_alloc.h"

static nginx origin;
static char *origin_ca_file;
static squid squids;        /* Digest and Basic */
static squid digest_squid;  /* Digest only */
static dante open_dante;    /* for everybody */
static dante guarded_dante; /* for those with the password */

enum {
  BIG = NGINX_FILES - 1
};
#define BIG_PATH "/f/7"

/* --- What the tests have in common. ----------------------------------------
 */

/* A proxy's URL, in static storage, four at a time. */
static const char *proxy_url(const char *scheme, const char *userinfo,
                             uint16_t port)
{
  static char urls[4][128];
  static unsigned next;
  char *url = urls[next++ % 4];
  (void)snprintf(url, sizeof(urls[0]), "%s://%s127.0.0.1:%u", scheme, userinfo,
                 (unsigned)port);
  return url;
}

#define USERINFO PROXY_USERNAME ":" PROXY_PASSWORD "@"

static void open_run(client_run *run, const ahttp_proxy *proxy,
                     ahttp_client_opts *more)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = origin.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  if (more != NULL) {
    opts = *more;
  }
  if (opts.tls == NULL) {
    opts.tls = &tls;
  }
  opts.proxy = proxy;
  client_run_open(run, &opts);
}

static uint64_t conns_made(const client_run *run)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(run->client, &stats);
  return stats.conns_made;
}

/* No secret is in what users are shown. */
static void check_no_secret(const call_record *record)
{
  assert_null(strstr(record->error.text, PROXY_PASSWORD));
  assert_null(strstr(record->error.text, "Basic"));
}

/* Gets |url|, which has the big file. */
static void check_big(client_run *run, const char *url, ahttp_version version)
{
  call_record record = {0};
  client_run_get(run, &record, url);
  if (record.code != AHTTP_OK) {
    fail_msg("%s", record.error.text);
  }
  assert_int_equal(record.status, 200);
  assert_int_equal(record.version, version);
  assert_int_equal(record.content_len, nginx_file_sizes[BIG]);
  assert_memory_equal(record.content, nginx_file(BIG), record.content_len);
  call_record_clear(&record);
}

/* Gets the big file in every way that there is. */
static void check_ways(const ahttp_proxy *proxy)
{
  client_run run;
  open_run(&run, proxy, NULL);
  for (int i = 0; i < 2; i++) { /* the second time on the same connection */
    check_big(&run, test_url("http", origin.http, BIG_PATH), AHTTP_VERSION_1_1);
    check_big(&run, test_url("https", origin.https, BIG_PATH),
              AHTTP_VERSION_1_1);
    check_big(&run, test_url("https", origin.h2, BIG_PATH), AHTTP_VERSION_2);
  }
  client_run_close(&run);
}

/* Gets |url| and expects |code|, and |text| in the error, or the status. */
static void check_get(const ahttp_proxy *proxy, const char *url, int code,
                      int status, const char *text)
{
  client_run run;
  call_record record = {0};
  open_run(&run, proxy, NULL);
  client_run_get(&run, &record, url);
  if (record.code != code) {
    fail_msg("%d: %s", record.code, record.error.text);
  }
  assert_int_equal(record.status, status);
  if (text != NULL && strstr(record.error.text, text) == NULL) {
    fail_msg("\"%s\" is not in: %s", text, record.error.text);
  }
  check_no_secret(&record);
  call_record_clear(&record);
  client_run_close(&run);
}

static const char *http_url(void)
{
  return test_url("http", origin.http, BIG_PATH);
}

static const char *https_url(void)
{
  return test_url("https", origin.h2, BIG_PATH);
}

/* --- Squid. ----------------------------------------------------------------
 */

static void squid_forwards_and_tunnels(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("http", "", squids.open);
  check_ways(&proxy);
}

static void squid_behind_tls_forwards_and_tunnels(void **state)
{
  (void)state;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = squids.ca_file};
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("https", "", squids.tls);
  proxy.tls = &tls;
  check_ways(&proxy);
  proxy.url = proxy_url("https", USERINFO, squids.guarded_tls);
  check_ways(&proxy);
  proxy.auth = AHTTP_PROXY_AUTH_DIGEST;
  check_ways(&proxy);
}

static void squid_lets_in_by_basic(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("http", USERINFO, squids.guarded);
  check_ways(&proxy);
  proxy.auth = AHTTP_PROXY_AUTH_BASIC;
  check_ways(&proxy);
  proxy.url = proxy_url("http", "nobody:nothing@", squids.guarded);
  proxy.username = PROXY_USERNAME;
  proxy.password = PROXY_PASSWORD;
  check_ways(&proxy);
}

static void httpx_gap_no_digest_towards_proxies(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("http", USERINFO, digest_squid.guarded);
  check_ways(&proxy); /* Basic was tried first */
  proxy.auth = AHTTP_PROXY_AUTH_DIGEST;
  check_ways(&proxy);
  proxy.url = proxy_url("http", USERINFO, squids.guarded);
  check_ways(&proxy);
}

static void digest_costs_one_round_and_then_none(void **state)
{
  (void)state;
  client_run run;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("http", USERINFO, digest_squid.guarded);
  proxy.auth = AHTTP_PROXY_AUTH_DIGEST;
  size_t before = squid_count(&digest_squid, "/407");
  open_run(&run, &proxy, NULL);
  for (int i = 0; i < 3; i++) {
    check_big(&run, http_url(), AHTTP_VERSION_1_1);
    check_big(&run, test_url("https", origin.https, BIG_PATH),
              AHTTP_VERSION_1_1);
    check_big(&run, https_url(), AHTTP_VERSION_2);
  }
  client_run_close(&run);
  assert_int_equal(squid_count(&digest_squid, "/407") - before, 1);
}

static void wrong_credentials_are_told_and_not_shown(void **state)
{
  static const char *const userinfos[] = {"", "me:wrong@", "you:sEcret@"};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    for (int kind = 0; kind <= AHTTP_PROXY_AUTH_DIGEST; kind++) {
      ahttp_proxy proxy = AHTTP_PROXY_INIT;
      proxy.url = proxy_url("http", userinfos[i], squids.guarded);
      proxy.auth = (ahttp_proxy_auth)kind;
      check_get(&proxy, http_url(), AHTTP_OK, 407, NULL);
      check_get(&proxy, https_url(), AHTTP_EPROXY, 0,
                "the proxy refused a tunnel to 127.0.0.1:");
      check_get(&proxy, https_url(), AHTTP_EPROXY, 0, ": 407 Proxy Auth");
    }
  }
}

static void all_hosts_share_the_connections_of_who_forwards(void **state)
{
  (void)state;
  client_run run;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  char url[64];
  proxy.url = proxy_url("http", "", squids.open);
  open_run(&run, &proxy, NULL);
  (void)snprintf(url, sizeof(url), "http://localhost:%u" BIG_PATH,
                 (unsigned)origin.http);
  check_big(&run, http_url(), AHTTP_VERSION_1_1);
  check_big(&run, url, AHTTP_VERSION_1_1);
  assert_int_equal(conns_made(&run), 1);
  check_big(&run, test_url("https", origin.https, BIG_PATH), AHTTP_VERSION_1_1);
  assert_int_equal(conns_made(&run), 2);
  client_run_close(&run);
}

static void unreachable_server_is_the_proxys_status(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  uint16_t nowhere = server_free_port();
  proxy.url = proxy_url("http", "", squids.open);
  check_get(&proxy, test_url("http", nowhere, "/"), AHTTP_OK, 503, NULL);
  check_get(&proxy, test_url("https", nowhere, "/"), AHTTP_EPROXY, 0,
            ": 503 Service Unavailable");
}

static void unreachable_proxy_is_named(void **state)
{
  static const char *const schemes[] = {"http", "https", "socks5", "socks5h"};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    ahttp_proxy proxy = AHTTP_PROXY_INIT;
    proxy.url = proxy_url(schemes[i], USERINFO, server_free_port());
    check_get(&proxy, http_url(), AHTTP_EREFUSED, 0, "the proxy 127.0.0.1:");
    check_get(&proxy, https_url(), AHTTP_EREFUSED, 0, "the proxy 127.0.0.1:");
  }
}

/* undici's CVE-2022-32210 was an HTTPS proxy that nobody verified. */
static void proxys_certificate_is_verified_by_its_own_options(void **state)
{
  (void)state;
  client_run run;
  ahttp_tls_opts careless = {.size = sizeof(careless), .verify_off = true};
  ahttp_tls_opts origins = {.size = sizeof(origins), .ca_file = origin.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  opts.tls = &careless;
  proxy.url = proxy_url("https", "", squids.tls);
  const char *const urls[] = {http_url(), https_url()};
  for (int i = 0; i < 4; i++) {
    call_record record = {0};
    proxy.tls = i < 2 ? NULL : &origins;
    open_run(&run, &proxy, &opts);
    client_run_get(&run, &record, urls[i % 2]);
    assert_int_equal(record.code, AHTTP_ECERT);
    assert_non_null(strstr(record.error.text, "the proxy 127.0.0.1:"));
    call_record_clear(&record);
    client_run_close(&run);
  }
  /* And the other way round. */
  proxy.tls = &careless;
  check_get(&proxy, https_url(), AHTTP_OK, 200, NULL);
  ahttp_tls_opts proxys = {.size = sizeof(proxys), .ca_file = squids.ca_file};
  opts.tls = &proxys;
  proxy.tls = &proxys;
  call_record record = {0};
  open_run(&run, &proxy, &opts);
  client_run_get(&run, &record, https_url());
  assert_int_equal(record.code, AHTTP_ECERT);
  assert_null(strstr(record.error.text, "the proxy"));
  call_record_clear(&record);
  client_run_close(&run);
}

/* --- Dante. ----------------------------------------------------------------
 */

static void dante_makes_tunnels_for_everything(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("socks5", "", open_dante.port);
  check_ways(&proxy);
  proxy.url = proxy_url("socks5h", "", open_dante.port);
  check_ways(&proxy);
  proxy.url = proxy_url("socks5h", USERINFO, open_dante.port);
  check_ways(&proxy); /* it does not ask for them */
}

static void dante_lets_in_by_password(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("socks5", USERINFO, guarded_dante.port);
  check_ways(&proxy);
  proxy.url = proxy_url("socks5h", "", guarded_dante.port);
  check_get(&proxy, http_url(), AHTTP_EPROXY, 0,
            "asks for a username and password");
  proxy.url = proxy_url("socks5h", "me:wrong@", guarded_dante.port);
  check_get(&proxy, http_url(), AHTTP_EPROXY, 0,
            "refused the username and password");
}

static void names_are_resolved_here_or_by_the_socks_proxy(void **state)
{
  (void)state;
  const ahttp_resolve_entry entry = {"only.here", 0, "127.0.0.1"};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  client_run run;
  char url[64];
  opts.resolve = &entry;
  opts.resolve_count = 1;
  (void)snprintf(url, sizeof(url), "http://only.here:%u" BIG_PATH,
                 (unsigned)origin.http);
  proxy.url = proxy_url("socks5", "", open_dante.port);
  open_run(&run, &proxy, &opts);
  check_big(&run, url, AHTTP_VERSION_1_1);
  client_run_close(&run);
  proxy.url = proxy_url("socks5h", "", open_dante.port);
  open_run(&run, &proxy, &opts);
  call_record record = {0};
  client_run_get(&run, &record, url);
  assert_int_equal(record.code, AHTTP_EPROXY);
  call_record_clear(&record);
  client_run_close(&run);
}

static void socks_refusals_are_told(void **state)
{
  (void)state;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = proxy_url("socks5h", "", open_dante.port);
  check_get(&proxy, test_url("http", server_free_port(), "/"), AHTTP_EPROXY, 0,
            "connection refused (5)");
}

/* --- Who goes where. -------------------------------------------------------
 */

static void set_environment(const char *name, const char *value)
{
  static const char *const names[] = {
      "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",   "all_proxy",
      "ALL_PROXY",  "no_proxy",   "NO_PROXY",    "REQUEST_METHOD"};
  if (name == NULL) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      (void)unsetenv(names[i]);
    }
  } else {
    (void)setenv(name, value, 1);
  }
}

/* Gets |url| by a client of |opts|; true if Squid was asked. */
static bool goes_to_squid(ahttp_client_opts *opts, const char *url)
{
  client_run run;
  call_record record = {0};
  open_run(&run, opts->proxy, opts);
  client_run_get(&run, &record, url);
  if (record.code != AHTTP_OK) {
    fail_msg("%s", record.error.text);
  }
  bool rv = record.info.remote_port == squids.open;
  call_record_clear(&record);
  client_run_close(&run);
  return rv;
}

static void environment_says_which_proxy(void **state)
{
  (void)state;
  const char *squid_url = proxy_url("http", "", squids.open);
  const struct {
    const char *names[4];
    const char *values[4];
    bool http;
    bool https;
  } rows[] = {
      {{NULL}, {NULL}, false, false},
      {{"http_proxy"}, {squid_url}, true, false},
      {{"HTTP_PROXY"}, {squid_url}, true, false},
      {{"HTTP_PROXY"}, {squid_url + strlen("http://")}, true, false},
      {{"HTTP_PROXY", "http_proxy"}, {squid_url, ""}, false, false},
      {{"HTTP_PROXY", "http_proxy"},
       {"http://x.invalid", squid_url},
       true,
       false},
      {{"HTTP_PROXY", "REQUEST_METHOD"}, {squid_url, "GET"}, false, false},
      {{"http_proxy", "REQUEST_METHOD"}, {squid_url, "GET"}, true, false},
      {{"HTTPS_PROXY", "REQUEST_METHOD"}, {squid_url, "GET"}, false, true},
      {{"HTTPS_PROXY"}, {squid_url}, false, true},
      {{"https_proxy"}, {squid_url}, false, true},
      {{"ALL_PROXY"}, {squid_url}, true, true},
      {{"all_proxy", "https_proxy"},
       {squid_url, "http://x.invalid"},
       true,
       false},
      {{"ALL_PROXY", "NO_PROXY"}, {squid_url, "127.0.0.0/8"}, false, false},
      {{"ALL_PROXY", "no_proxy"}, {squid_url, "*"}, false, false},
      {{"ALL_PROXY", "NO_PROXY", "no_proxy"}, {squid_url, "*", ""}, true, true},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    set_environment(NULL, NULL);
    for (size_t j = 0; j < 4 && rows[i].names[j] != NULL; j++) {
      set_environment(rows[i].names[j], rows[i].values[j]);
    }
    if (goes_to_squid(&opts, http_url()) != rows[i].http) {
      fail_msg("http, row %zu", i);
    }
    bool is_there = rows[i].names[1] == NULL ||
                    strcmp(rows[i].names[1], "https_proxy") != 0;
    if (is_there && goes_to_squid(&opts, https_url()) != rows[i].https) {
      fail_msg("https, row %zu", i);
    }
    opts.env_off = true;
    assert_false(goes_to_squid(&opts, http_url()));
    set_environment(NULL, NULL);
  }
}

static void environments_trouble_names_the_variable_not_its_value(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_error err;
  set_environment("HTTPS_PROXY", "socks4://me:" PROXY_PASSWORD "@h");
  assert_int_equal(ahttp_client_new_err(&client, NULL, &err), AHTTP_EINVAL);
  assert_null(client);
  assert_non_null(strstr(err.text, "https_proxy"));
  assert_null(strstr(err.text, PROXY_PASSWORD));
  set_environment(NULL, NULL);
}

static void options_come_before_the_environment(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  set_environment("ALL_PROXY", "http://x.invalid");
  set_environment("NO_PROXY", "*");
  proxy.url = proxy_url("http", "", squids.open);
  opts.proxy = &proxy;
  assert_true(goes_to_squid(&opts, http_url()));
  opts.no_proxy = "127.0.0.1";
  assert_false(goes_to_squid(&opts, http_url()));
  opts.no_proxy = "";
  assert_true(goes_to_squid(&opts, http_url()));
  opts.proxy = NULL;
  opts.no_proxy = "10.0.0.0/8,127.0.0.0/8"; /* instead of NO_PROXY */
  assert_false(goes_to_squid(&opts, http_url()));
  set_environment(NULL, NULL);
}

static void most_specific_rule_decides(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy nowhere = AHTTP_PROXY_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  char pattern[64];
  (void)snprintf(pattern, sizeof(pattern), "all://127.0.0.1:%u",
                 (unsigned)origin.h2);
  const ahttp_proxy_rule rules[] = {
      {"all://", &nowhere}, {"http://127.0.0.1", &proxy}, {pattern, NULL}};
  proxy.url = proxy_url("http", "", squids.open);
  nowhere.url = "http://x.invalid";
  opts.proxies = rules;
  opts.proxy_count = 3;
  assert_true(goes_to_squid(&opts, http_url()));
  assert_false(goes_to_squid(&opts, https_url()));
}

static void unix_socket_and_proxy_exclude_each_other(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  proxy.url = "http://p.test";
  opts.proxy = &proxy;
  opts.unix_socket = "/run/x";
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  opts.proxy = NULL;
  set_environment("ALL_PROXY", "http://p.test");
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_client_free(client);
  set_environment(NULL, NULL);
}

/* --- Who is told what. -----------------------------------------------------
 */

static const raw_step answer_once[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    {RAW_EXPECT_EOF, NULL, 0},
    {RAW_END, NULL, 0},
};

/* Sends a request with a Proxy-Authorization of its own to |url|. */
static void get_with_own_credentials(client_run *run, const char *url)
{
  call_record record = {0};
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  assert_int_equal(
      ahttp_request_add_field(request, "Proxy-Authorization", "Bearer own"),
      AHTTP_OK);
  client_run_start_request(run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(run);
  assert_int_equal(record.code, AHTTP_OK);
  call_record_clear(&record);
}

static void what_proxies_are_told_stays_out_of_tunnels(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answer_once);
  client_run run;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  size_t len;
  proxy.url = proxy_url("socks5h", USERINFO, open_dante.port);
  open_run(&run, &proxy, NULL);
  get_with_own_credentials(&run, test_url("http", raw_peer_port(peer), "/x"));
  client_run_close(&run);
  const char *got = raw_peer_received(peer, &len);
  assert_non_null(strstr(got, "GET /x HTTP/1.1\r\n"));
  assert_null(strstr(got, "roxy-"));
  raw_peer_stop(peer);
}

static void own_credentials_come_before_the_proxys_when_forwarded(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answer_once);
  client_run run;
  const ahttp_proxy_field fields[] = {{"X-Team", "blue"},
                                      {"user-agent", "other"}};
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  size_t len;
  proxy.url = proxy_url("http", USERINFO, raw_peer_port(peer));
  proxy.fields = fields;
  proxy.field_count = 2;
  open_run(&run, &proxy, NULL);
  get_with_own_credentials(&run, "http://u:p@a.test/x?y#z");
  client_run_close(&run);
  const char *got = raw_peer_received(peer, &len);
  assert_non_null(strstr(got, "GET http://a.test/x?y HTTP/1.1\r\n"
                              "Host: a.test\r\n"));
  assert_non_null(strstr(got, "X-Team: blue\r\n"));
  assert_null(strstr(got, "other"));
  assert_non_null(strstr(got, "Bearer own\r\n"));
  assert_null(strstr(got, "Proxy-Authorization: Basic"));
  raw_peer_stop(peer);
}

/* CVE-2023-32681 and others: a redirect took the proxy's password along. */
static void redirect_chooses_anew_and_leaves_the_password_behind(void **state)
{
  (void)state;
  raw_peer *server = raw_peer_start_one(answer_once);
  char location[200];
  (void)snprintf(location, sizeof(location),
                 "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
                 "Location: http://127.0.0.1:%u/there\r\n\r\n",
                 (unsigned)raw_peer_port(server));
  const raw_step redirects[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                {RAW_SEND, location, strlen(location)},
                                {RAW_EXPECT_EOF, NULL, 0},
                                {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(redirects);
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_proxy proxy = AHTTP_PROXY_INIT;
  const ahttp_proxy_field field = {"X-Team", "blue"};
  call_record record = {0};
  size_t len;
  opts.redirects_max = 1;
  opts.no_proxy = "127.0.0.1";
  proxy.url = proxy_url("http", USERINFO, raw_peer_port(peer));
  proxy.fields = &field;
  proxy.field_count = 1;
  open_run(&run, &proxy, &opts);
  client_run_get(&run, &record, "http://a.test/here");
  assert_int_equal(record.status, 200);
  call_record_clear(&record);
  client_run_close(&run);
  assert_non_null(strstr(raw_peer_received(peer, &len), "GET http://a.test/"));
  assert_non_null(strstr(raw_peer_received(peer, &len), "X-Team"));
  const char *got = raw_peer_received(server, &len);
  assert_non_null(strstr(got, "GET /there HTTP/1.1\r\n"));
  assert_null(strstr(got, "roxy-"));
  assert_null(strstr(got, "X-Team"));
  raw_peer_stop(peer);
  raw_peer_stop(server);
}

/* --- Proxies that do not do what they should. ------------------------------
 */

static const raw_step silent[] = {{RAW_HOLD, NULL, 0}};
static const raw_step silent_after_head[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                             {RAW_HOLD, NULL, 0}};
static const raw_step silent_in_answer[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_TEXT("HTTP/1.1 200"),
    {RAW_HOLD, NULL, 0},
};
static const raw_step socks_chooses[] = {
    {RAW_EXPECT, NULL, 3},
    RAW_SEND_TEXT("\x05"),
    {RAW_HOLD, NULL, 0},
};
static const raw_step tunnel_is_silent[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_EACH_TEXT("HTTP/1.1 200 OK\r\n\r\n"),
    {RAW_HOLD, NULL, 0},
};

typedef struct silent_row {
  const char *scheme;
  const raw_step *script;
  const char *text; /* of the timeout */
} silent_row;

static const silent_row silent_rows[] = {
    {"http", silent, "waiting for the proxy's answer (127.0.0.1:"},
    {"http", silent_after_head, "waiting for the proxy's answer (127.0.0.1:"},
    {"http", silent_in_answer, "waiting for the proxy's answer (127.0.0.1:"},
    {"https", silent, "TLS handshake with the proxy (127.0.0.1:"},
    {"socks5h", silent, "waiting for the proxy's answer (127.0.0.1:"},
    {"socks5h", socks_chooses, "waiting for the proxy's answer (127.0.0.1:"},
    {"http", tunnel_is_silent, "TLS handshake with"},
};

enum {
  SILENT_ROWS = sizeof(silent_rows) / sizeof(silent_rows[0])
};

static void httpx_bug_no_timeout_while_talking_to_the_proxy(void **state)
{
  (void)state;
  for (size_t i = 0; i < SILENT_ROWS; i++) {
    raw_peer *peer = raw_peer_start_one(silent_rows[i].script);
    client_run run;
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    ahttp_proxy proxy = AHTTP_PROXY_INIT;
    call_record record = {0};
    opts.connect_ms = 200;
    proxy.url = proxy_url(silent_rows[i].scheme, "", raw_peer_port(peer));
    open_run(&run, &proxy, &opts);
    client_run_get(&run, &record, "https://a.test/");
    assert_int_equal(record.code, AHTTP_ETIMEOUT_CONNECT);
    if (strstr(record.error.text, silent_rows[i].text) == NULL) {
      fail_msg("row %zu: %s", i, record.error.text);
    }
    call_record_clear(&record);
    client_run_close(&run);
    raw_peer_stop(peer);
  }
}

static void on_cancel_timer(uv_timer_t *timer)
{
  ahttp_call_cancel(timer->data);
}

static void call_can_be_cancelled_at_every_step(void **state)
{
  (void)state;
  for (size_t i = 0; i < SILENT_ROWS; i++) {
    raw_peer *peer = raw_peer_start_one(silent_rows[i].script);
    client_run run;
    ahttp_proxy proxy = AHTTP_PROXY_INIT;
    call_record record = {0};
    uv_timer_t timer;
    proxy.url = proxy_url(silent_rows[i].scheme, "", raw_peer_port(peer));
    open_run(&run, &proxy, NULL);
    client_run_start(&run, &record, "GET", "https://a.test/", NULL);
    assert_int_equal(uv_timer_init(&run.loop, &timer), 0);
    timer.data = record.call;
    assert_int_equal(uv_timer_start(&timer, on_cancel_timer, 50, 0), 0);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_ECANCELED);
    uv_close((uv_handle_t *)&timer, NULL);
    call_record_clear(&record);
    client_run_close(&run);
    raw_peer_stop(peer);
  }
}

static const raw_step early_bytes[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_TEXT("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n"),
    {RAW_HOLD, NULL, 0},
};
static const raw_step endless_refusal[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_TEXT("HTTP/1.1 403 No\r\n\r\n"),
    {RAW_FILL, NULL, 100 * 1000 * 1000},
    {RAW_END, NULL, 0},
};
static const raw_step hangs_up[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    {RAW_END, NULL, 0},
};
static const raw_step socks_splits[] = {
    {RAW_EXPECT, NULL, 3},
    RAW_SEND_EACH_TEXT("\x05\x00"),
    {RAW_EXPECT, NULL, 13},
    RAW_SEND_EACH_TEXT("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"),
    {RAW_HOLD, NULL, 0},
};

static void misbehaviour_ends_with_a_sentence(void **state)
{
  static const struct {
    const char *scheme;
    const raw_step *script;
    int code;
    const char *text;
  } rows[] = {
      {"http", early_bytes, AHTTP_EPROTO, "before any went in"},
      {"http", endless_refusal, AHTTP_EPROXY, ": 403 No"},
      {"http", hangs_up, AHTTP_EPROXY, "instead of answering CONNECT"},
      {"socks5h", socks_splits, AHTTP_EPROXY, "connection refused (5)"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    raw_peer *peer = raw_peer_start_one(rows[i].script);
    ahttp_proxy proxy = AHTTP_PROXY_INIT;
    proxy.url = proxy_url(rows[i].scheme, "", raw_peer_port(peer));
    check_get(&proxy, "https://a.test/", rows[i].code, 0, rows[i].text);
    raw_peer_stop(peer);
  }
}

/* --- Memory. ---------------------------------------------------------------
 */

/* Makes a client and gets |url|; AHTTP_OK or the error. */
static int get_once(const ahttp_proxy *proxy, const char *url)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = origin.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  ahttp_response *response;
  ahttp_error err;
  opts.tls = &tls;
  opts.proxy = proxy;
  int rv = ahttp_client_new_err(&client, &opts, &err);
  assert_int_equal(err.code, rv);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_get(client, url, &response, &err);
  if (rv == AHTTP_OK && ahttp_response_status(response) != 200) {
    fail_msg("status %d", ahttp_response_status(response));
  }
  if (rv != AHTTP_OK && rv != AHTTP_ENOMEM) {
    fail_msg("%s", err.text);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  return rv;
}

static void every_failed_allocation_is_survived(void **state)
{
  (void)state;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = squids.ca_file};
  char local_url[64];
  (void)snprintf(local_url, sizeof(local_url), "http://localhost:%u/f/1",
                 (unsigned)origin.http);
  const struct {
    const char *scheme;
    uint16_t port;
    const char *url;
  } rows[] = {
      {"http", digest_squid.guarded, test_url("http", origin.http, "/f/1")},
      {"http", digest_squid.guarded, test_url("https", origin.https, "/f/1")},
      {"https", squids.guarded_tls, test_url("https", origin.h2, "/f/1")},
      {"socks5", guarded_dante.port, local_url},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_proxy proxy = AHTTP_PROXY_INIT;
    proxy.url = proxy_url(rows[i].scheme, USERINFO, rows[i].port);
    proxy.tls = &tls;
    int failed = 0;
    int asked = INT_MAX;
    for (int nth = 1; asked >= nth - 1; nth++) { /* until none failed */
      test_alloc_install();
      test_alloc_fail_nth(nth);
      failed += get_once(&proxy, rows[i].url) == AHTTP_ENOMEM;
      asked = test_alloc_count();
      test_alloc_remove();
    }
    assert_true(failed > 10);
  }
}

static int open_servers(void **state)
{
  (void)state;
  set_environment(NULL, NULL);
  nginx_open(&origin);
  origin_ca_file = strdup(origin.ca_file); /* the next ones are others' */
  origin.ca_file = origin_ca_file;
  squid_open(&squids, true);
  squid_open(&digest_squid, false);
  dante_open(&open_dante, false);
  dante_open(&guarded_dante, true);
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  dante_close(&guarded_dante);
  dante_close(&open_dante);
  squid_close(&digest_squid);
  squid_close(&squids);
  nginx_close(&origin);
  free(origin_ca_file);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(squid_forwards_and_tunnels),
      cmocka_unit_test(squid_behind_tls_forwards_and_tunnels),
      cmocka_unit_test(squid_lets_in_by_basic),
      cmocka_unit_test(httpx_gap_no_digest_towards_proxies),
      cmocka_unit_test(digest_costs_one_round_and_then_none),
      cmocka_unit_test(wrong_credentials_are_told_and_not_shown),
      cmocka_unit_test(all_hosts_share_the_connections_of_who_forwards),
      cmocka_unit_test(unreachable_server_is_the_proxys_status),
      cmocka_unit_test(unreachable_proxy_is_named),
      cmocka_unit_test(proxys_certificate_is_verified_by_its_own_options),
      cmocka_unit_test(dante_makes_tunnels_for_everything),
      cmocka_unit_test(dante_lets_in_by_password),
      cmocka_unit_test(names_are_resolved_here_or_by_the_socks_proxy),
      cmocka_unit_test(socks_refusals_are_told),
      cmocka_unit_test(environment_says_which_proxy),
      cmocka_unit_test(environments_trouble_names_the_variable_not_its_value),
      cmocka_unit_test(options_come_before_the_environment),
      cmocka_unit_test(most_specific_rule_decides),
      cmocka_unit_test(unix_socket_and_proxy_exclude_each_other),
      cmocka_unit_test(what_proxies_are_told_stays_out_of_tunnels),
      cmocka_unit_test(own_credentials_come_before_the_proxys_when_forwarded),
      cmocka_unit_test(redirect_chooses_anew_and_leaves_the_password_behind),
      cmocka_unit_test(httpx_bug_no_timeout_while_talking_to_the_proxy),
      cmocka_unit_test(call_can_be_cancelled_at_every_step),
      cmocka_unit_test(misbehaviour_ends_with_a_sentence),
      cmocka_unit_test(every_failed_allocation_is_survived),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
