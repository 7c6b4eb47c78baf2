/* SPDX-License-Identifier: MIT */
/* A client's jar against nginx: cookies over redirects and hosts, one jar for
 * several clients and threads. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/raw_peer.h"
#include "support/server_process.h"
#include "support/test_alloc.h"

/* --- nginx. ----------------------------------------------------------------
 */

static const char config[] =
    "daemon off; worker_processes 1; pid %s/nginx.pid;\n"
    "error_log %s/nginx.err;\n"
    "events { worker_connections 1024; }\n"
    "http {\n"
    "  access_log off; large_client_header_buffers 4 64k;\n"
    "  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
    "  uwsgi_temp_path %s; scgi_temp_path %s;\n"
    "  ssl_certificate %s; ssl_certificate_key %s;\n"
    "  server {\n"
    "    listen 127.0.0.1:%u; listen 127.0.0.1:%u ssl http2;\n"
    "    location /echo { return 200 '$host: $http_cookie'; }\n"
    "    location /set { add_header Set-Cookie a=1 always; return 200; }\n"
    "    location /two { add_header Set-Cookie a=1;\n"
    "                    add_header Set-Cookie b=2; return 200; }\n"
    "    location /secure { add_header Set-Cookie 's=1; Secure'; return 200; "
    "}\n"
    "    location /below { add_header Set-Cookie 'd=1; Domain=example.test';\n"
    "                      return 200; }\n"
    "    location /lost { add_header Set-Cookie lost=1 always; return 404; }\n"
    "    location /login { add_header Set-Cookie 'session=new; Path=/';\n"
    "                      return 302 /echo; }\n"
    "    location /logout { add_header Set-Cookie\n"
    "                       'session=; Path=/; Max-Age=0';\n"
    "                       return 302 /echo; }\n"
    "    location /away { add_header Set-Cookie 'home=1; Path=/';\n"
    "                     return 307 http://other.test:%u/echo; }\n"
    "    location /round { add_header Set-Cookie 'home=1; Path=/';\n"
    "                      return 302 http://other.test:%u/back; }\n"
    "    location /back { add_header Set-Cookie 'other=2; Path=/';\n"
    "                     return 302 http://www.example.test:%u/echo; }\n"
    "    location /tls { add_header Set-Cookie 'home=1; Path=/';\n"
    "                    return 302 https://www.example.test:%u/echo; }\n"
    "    location /local { add_header Set-Cookie 'name=1; Path=/';\n"
    "                      return 302 http://127.0.0.1:%u/echo; }\n"
    "  }\n"
    "}\n";

static uint16_t http_port;
static uint16_t https_port;
static server_process *server;

static int server_open(void **state)
{
  (void)state;
  http_port = server_free_port();
  https_port = server_free_port();
  const test_certificate_files *files = test_certificates(server_dir());
  const char *d = server_dir();
  unsigned http = http_port;
  char *text;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  if (asprintf(&text, config, d, d, d, d, d, d, d, files->cert_file,
               files->key_file, http, (unsigned)https_port, http, http, http,
               (unsigned)https_port, http) < 0) {
    return 1;
  }
#pragma GCC diagnostic pop
  char *path = server_write_file("nginx.conf", text);
  const char *const argv[] = {"nginx", "-p", d, "-c", path, NULL};
  server = server_start(argv, https_port);
  free(path);
  free(text);
  return 0;
}

static int server_close(void **state)
{
  (void)state;
  server_stop(server);
  return 0;
}

/* --- A client with a jar. --------------------------------------------------
 */

static const ahttp_tls_opts any_certificate = {.size = sizeof(ahttp_tls_opts),
                                               .verify_off = true};

static const ahttp_resolve_entry all_here = {.host = "*",
                                             .addresses = "127.0.0.1"};

static void open_with(client_run *run, ahttp_cookie_jar *jar)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = &all_here;
  opts.resolve_count = 1;
  opts.tls = &any_certificate;
  opts.redirects_max = 5;
  opts.cookies = jar;
  opts.keep_cookies = jar == NULL;
  client_run_open(run, &opts);
}

static const char *url_at(const char *scheme, const char *host,
                          const char *path)
{
  static char url[256];
  bool is_tls = strcmp(scheme, "https") == 0;
  (void)snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, host,
                 (unsigned)(is_tls ? https_port : http_port), path);
  return url;
}

/* Sends a request with the Cookie field |own| (NULL: none); the answer is for
 * call_record_clear(). */
static void get(client_run *run, call_record *record, const char *url,
                const char *own)
{
  ahttp_request *request;
  *record = (call_record){.run = run};
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  if (own != NULL) {
    assert_int_equal(ahttp_request_add_field(request, "Cookie", own), AHTTP_OK);
  }
  client_run_start_request(run, record, request, NULL);
  client_run_wait(run);
  ahttp_request_free(request);
  assert_string_equal(record->error.text, "");
}

static void check_get(client_run *run, const char *url, const char *own,
                      const char *want)
{
  call_record record;
  get(run, &record, url, own);
  assert_string_equal(record.content, want);
  call_record_clear(&record);
}

static void visit(client_run *run, const char *url)
{
  call_record record;
  get(run, &record, url, NULL);
  call_record_clear(&record);
}

#define HOME "www.example.test"

/* --- HTTPX's tests: test_cookie_persistence, test_set_cookie_with_cookiejar,
 * test_redirect_cookie_behavior. --------------------------------------------
 */

static void cookies_persist_in_a_client(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": ");
  visit(&run, url_at("http", HOME, "/two"));
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": a=1; b=2");
  assert_int_equal(ahttp_cookie_jar_count(ahttp_client_cookies(run.client)), 2);
  client_run_close(&run);
}

static void cookies_of_the_program_are_sent(void **state)
{
  (void)state;
  ahttp_cookie_jar *jar;
  ahttp_cookie cookie = AHTTP_COOKIE_INIT;
  cookie.name = (ahttp_str){"mine", 4};
  cookie.value = (ahttp_str){"7", 1};
  cookie.domain = (ahttp_str){"example.test", 12};
  assert_int_equal(ahttp_cookie_jar_new(&jar), AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_set(jar, &cookie), AHTTP_OK);
  client_run run;
  open_with(&run, jar);
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": mine=7");
  check_get(&run, url_at("http", "other.test", "/echo"), NULL, "other.test: ");
  client_run_close(&run);
  assert_int_equal(ahttp_cookie_jar_count(jar), 1);
  ahttp_cookie_jar_free(jar);
}

static void redirects_log_in_and_out(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  check_get(&run, url_at("http", HOME, "/login"), NULL, HOME ": session=new");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": session=new");
  check_get(&run, url_at("http", HOME, "/logout"), NULL, HOME ": ");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": ");
  client_run_close(&run);
}

static void client_without_a_jar_takes_no_notice(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = &all_here;
  opts.resolve_count = 1;
  opts.redirects_max = 5;
  client_run run;
  client_run_open(&run, &opts);
  assert_null(ahttp_client_cookies(run.client));
  check_get(&run, url_at("http", HOME, "/login"), NULL, HOME ": ");
  check_get(&run, url_at("http", HOME, "/login"), "own=1", HOME ": own=1");
  check_get(&run, url_at("http", HOME, "/away"), "own=1", "other.test: ");
  client_run_close(&run);
}

/* HTTPX: response.cookies, those of one response. */
static void response_can_be_asked_for_its_own_cookies(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_response *response;
  ahttp_cookie_jar *jar;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = &all_here;
  opts.resolve_count = 1;
  opts.read_ms = 60000;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(
      ahttp_get(client, url_at("http", HOME, "/two"), &response, NULL),
      AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_new(&jar), AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_store_response(jar, response), AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_count(jar), 2);
  ahttp_cookie_jar_free(jar);
  ahttp_response_free(response);
  ahttp_client_free(client);
}

/* --- Hosts. ----------------------------------------------------------------
 */

/* The gap "host-only cookie not to subdomain". */
static void host_only_cookie_stays_off_the_subdomain(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  visit(&run, url_at("http", "example.test", "/set"));
  check_get(&run, url_at("http", "example.test", "/echo"), NULL,
            "example.test: a=1");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": ");
  visit(&run, url_at("http", HOME, "/below"));
  check_get(&run, url_at("http", "sub.example.test", "/echo"), NULL,
            "sub.example.test: d=1");
  client_run_close(&run);
}

/* HTTPX's trap: cookies of a plain dict go to every host, also after a redirect
 * to another site. */
static void no_cookie_follows_a_redirect_to_another_host(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  visit(&run, url_at("http", HOME, "/set"));
  check_get(&run, url_at("http", HOME, "/away"), "own=1", "other.test: ");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": a=1; home=1");
  client_run_close(&run);
}

static void every_hop_sends_and_stores_its_own(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  check_get(&run, url_at("http", HOME, "/round"), NULL, HOME ": home=1");
  check_get(&run, url_at("http", "other.test", "/echo"), NULL,
            "other.test: other=2");
  client_run_close(&run);
}

static void localhost_and_its_address_are_two_hosts(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  check_get(&run, url_at("http", "localhost", "/local"), NULL, "127.0.0.1: ");
  check_get(&run, url_at("http", "localhost", "/echo"), NULL,
            "localhost: name=1");
  visit(&run, url_at("http", "127.0.0.1", "/set"));
  check_get(&run, url_at("http", "127.0.0.1", "/echo"), NULL, "127.0.0.1: a=1");
  client_run_close(&run);
}

static void secure_cookies_go_over_tls_alone(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  visit(&run, url_at("http", HOME, "/secure"));
  check_get(&run, url_at("https", HOME, "/echo"), NULL, HOME ": ");
  visit(&run, url_at("https", HOME, "/secure"));
  check_get(&run, url_at("https", HOME, "/echo"), NULL, HOME ": s=1");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": ");
  check_get(&run, url_at("http", HOME, "/tls"), NULL, HOME ": s=1; home=1");
  client_run_close(&run);
}

static void every_status_may_set_cookies(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  visit(&run, url_at("http", HOME, "/lost"));
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": lost=1");
  client_run_close(&run);
}

static void interim_response_sets_none(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nSet-Cookie: final=1\r\n"
                    "Content-Length: 0\r\n\r\n"),
      {RAW_HOLD, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  open_with(&run, NULL);
  char url[64];
  (void)snprintf(url, sizeof(url), "http://x.test:%u/",
                 (unsigned)raw_peer_port(peer));
  visit(&run, url);
  ahttp_cookie_list *list;
  assert_int_equal(
      ahttp_cookie_jar_find(ahttp_client_cookies(run.client), NULL, &list),
      AHTTP_OK);
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  assert_string_equal(ahttp_cookie_list_at(list, 0)->name.ptr, "final");
  ahttp_cookie_list_free(list);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* --- A Cookie field of the request's own. ----------------------------------
 */

static void own_field_is_kept_and_joined_by_the_jar(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  visit(&run, url_at("http", HOME, "/two"));
  check_get(&run, url_at("http", HOME, "/echo"), "b=own; c=3",
            HOME ": b=own; c=3; a=1");
  check_get(&run, url_at("http", HOME, "/echo"), NULL, HOME ": a=1; b=2");
  client_run_close(&run);
}

/* HTTPX drops it on every redirect and asks the jar. */
static void own_field_does_not_outlive_a_redirect(void **state)
{
  (void)state;
  client_run run;
  open_with(&run, NULL);
  check_get(&run, url_at("http", HOME, "/login"), "session=old",
            HOME ": session=new");
  check_get(&run, url_at("http", HOME, "/round"), "own=1",
            HOME ": session=new; home=1");
  client_run_close(&run);
}

/* --- Shared jars. ----------------------------------------------------------
 */

static void clients_share_a_jar(void **state)
{
  (void)state;
  ahttp_cookie_jar *jar;
  assert_int_equal(ahttp_cookie_jar_new(&jar), AHTTP_OK);
  client_run first;
  client_run second;
  open_with(&first, jar);
  open_with(&second, jar);
  ahttp_cookie_jar_free(jar); /* the clients hold it */
  visit(&first, url_at("http", HOME, "/set"));
  client_run_close(&first);
  check_get(&second, url_at("http", HOME, "/echo"), NULL, HOME ": a=1");
  client_run_close(&second);
}

static void two_jars_contradict_each_other(void **state)
{
  (void)state;
  ahttp_cookie_jar *jar;
  ahttp_client *client;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  assert_int_equal(ahttp_cookie_jar_new(&jar), AHTTP_OK);
  opts.cookies = jar;
  opts.keep_cookies = true;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  ahttp_cookie_jar_free(jar);
}

enum {
  THREADS = 16,
  ROUNDS = 10
};

static void thread_fetch(void *arg)
{
  ahttp_client *client = arg;
  char url[256];
  (void)snprintf(url, sizeof(url), "http://" HOME ":%u/login",
                 (unsigned)http_port);
  for (int i = 0; i < ROUNDS; i++) {
    ahttp_response *response;
    ahttp_error err;
    if (ahttp_get(client, url, &response, &err) != AHTTP_OK ||
        strcmp(ahttp_response_content(response).ptr, HOME ": session=new") !=
            0) {
      abort();
    }
    ahttp_response_free(response);
  }
}

static void sixteen_threads_fetch_with_one_jar(void **state)
{
  (void)state;
  ahttp_cookie_jar *jar;
  ahttp_client *clients[2];
  uv_thread_t threads[THREADS];
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  assert_int_equal(ahttp_cookie_jar_new(&jar), AHTTP_OK);
  opts.resolve = &all_here;
  opts.resolve_count = 1;
  opts.redirects_max = 5;
  opts.cookies = jar;
  opts.connect_ms = opts.read_ms = opts.pool_ms = 60000;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ahttp_client_new(&clients[i], &opts), AHTTP_OK);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(
        uv_thread_create(&threads[i], thread_fetch, clients[i % 2]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&threads[i]), 0);
  }
  ahttp_client_free(clients[0]);
  ahttp_client_free(clients[1]);
  assert_int_equal(ahttp_cookie_jar_count(jar), 1);
  ahttp_cookie_jar_free(jar);
}

/* --- Memory. ---------------------------------------------------------------
 */

/* One redirect with a jar; the allocations of another thread's are not there,
 * so the nth is always the same. */
static int fetch_once(void *arg)
{
  ahttp_client *client;
  ahttp_response *response = NULL;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = &all_here;
  opts.resolve_count = 1;
  opts.redirects_max = 5;
  opts.keep_cookies = true;
  opts.read_ms = 60000;
  int rv = ahttp_client_new(&client, &opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_get(client, arg, &response, NULL);
  if (rv == AHTTP_OK) {
    assert_string_equal(ahttp_response_content(response).ptr,
                        HOME ": session=new");
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  return rv;
}

/* Some allocations the library can do without; none may crash it, leak or send
 * something else. */
static void failed_allocations_end_the_call(void **state)
{
  (void)state;
  char url[256];
  (void)snprintf(url, sizeof(url), "%s", url_at("http", HOME, "/login"));
  test_alloc_install();
  assert_int_equal(fetch_once(url), AHTTP_OK);
  int total = test_alloc_count();
  for (int nth = 1; nth <= total; nth++) {
    test_alloc_fail_nth(nth);
    int rv = fetch_once(url);
    if (rv != AHTTP_OK && rv != AHTTP_ENOMEM) {
      fail_msg("%s when allocation %d of %d fails", ahttp_error_name(rv), nth,
               total);
    }
  }
  test_alloc_remove();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cookies_persist_in_a_client),
      cmocka_unit_test(cookies_of_the_program_are_sent),
      cmocka_unit_test(redirects_log_in_and_out),
      cmocka_unit_test(client_without_a_jar_takes_no_notice),
      cmocka_unit_test(response_can_be_asked_for_its_own_cookies),
      cmocka_unit_test(host_only_cookie_stays_off_the_subdomain),
      cmocka_unit_test(no_cookie_follows_a_redirect_to_another_host),
      cmocka_unit_test(every_hop_sends_and_stores_its_own),
      cmocka_unit_test(localhost_and_its_address_are_two_hosts),
      cmocka_unit_test(secure_cookies_go_over_tls_alone),
      cmocka_unit_test(every_status_may_set_cookies),
      cmocka_unit_test(interim_response_sets_none),
      cmocka_unit_test(own_field_is_kept_and_joined_by_the_jar),
      cmocka_unit_test(own_field_does_not_outlive_a_redirect),
      cmocka_unit_test(clients_share_a_jar),
      cmocka_unit_test(two_jars_contradict_each_other),
      cmocka_unit_test(sixteen_threads_fetch_with_one_jar),
      cmocka_unit_test(failed_allocations_end_the_call),
  };
  return cmocka_run_group_tests(tests, server_open, server_close);
}
