/* SPDX-License-Identifier: MIT */
/* Authentication against real servers: Apache's mod_auth_digest, httpbin and
 * nginx. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "base/str.h"
#include "http/digest.h"
#include "support/client_run.h"
#include "support/httpbin.h"
#include "support/server_process.h"

static server_process *apache;
static server_process *nginx;
static uint16_t apache_port;
static uint16_t nginx_port;
static httpbin bin;

/* --- The servers. ----------------------------------------------------------
 */

/* @ is the folder, # the port. */
static const char apache_config[] =
    "LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
    "LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so\n"
    "LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so\n"
    "LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
    "LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so\n"
    "LoadModule auth_digest_module "
    "/usr/lib/apache2/modules/mod_auth_digest.so\n"
    "ServerRoot @\nServerName localhost\nDefaultRuntimeDir @\n"
    "PidFile @/apache.pid\nErrorLog @/apache.err\nMutex pthread\n"
    "<IfModule unixd_module>\nUser www-data\nGroup www-data\n</IfModule>\n"
    "StartServers 1\nServerLimit 1\nThreadsPerChild 8\nMaxRequestWorkers 8\n"
    "DocumentRoot @/www\nListen 127.0.0.1:#\n"
    "<Location />\nAuthType Digest\nAuthName \"the vault\"\n"
    "AuthDigestDomain /\nAuthDigestAlgorithm MD5\nAuthDigestQop auth\n"
    "AuthUserFile @/users\nRequire valid-user\n</Location>\n"
    /* Every answer names the nonce of the next. */
    "<Location /once>\nAuthDigestNonceLifetime 0\n</Location>\n";

static const char nginx_config[] =
    "daemon off;\npid @/nginx.pid;\nerror_log @/nginx.err;\n"
    "events {}\nhttp {\naccess_log off;\n"
    "client_body_temp_path @/t1; proxy_temp_path @/t2;\n"
    "fastcgi_temp_path @/t3; uwsgi_temp_path @/t4; scgi_temp_path @/t5;\n"
    "server {\nlisten 127.0.0.1:#;\n"
    "auth_basic \"the vault\";\nauth_basic_user_file @/basic;\n"
    "location / { return 200 \"in\"; }\n"
    "location = /file { root @/www; }\n}\n}\n";

/* Writes |text| to the file |name|. */
static char *write_config(const char *name, const char *text, uint16_t port)
{
  char *config = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&config, &len);
  assert_non_null(out);
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '@') {
      (void)fputs(server_dir(), out);
    } else if (*at == '#') {
      (void)fprintf(out, "%u", (unsigned)port);
    } else {
      (void)fputc(*at, out);
    }
  }
  (void)fclose(out);
  char *path = server_write_file(name, config);
  free(config);
  return path;
}

/* Apache's users: name:realm:MD5(name:realm:password). */
static void write_users(void)
{
  static const char secret[] = "ann:the vault:secret";
  char hex[AH_DIGEST_HEX_MAX];
  char line[300];
  ah_digest_hash *hash;
  assert_int_equal(ah_digest_hash_new(&hash, AH_DIGEST_MD5), AHTTP_OK);
  (void)ah_digest_hash_add(hash, secret, sizeof(secret) - 1);
  (void)ah_digest_hash_end(hash, hex);
  ah_digest_hash_free(hash);
  (void)snprintf(line, sizeof(line), "ann:the vault:%s\n", hex);
  free(server_write_file("users", line));
  free(server_write_file("basic", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"));
}

static void write_documents(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/www", server_dir());
  (void)mkdir(path, 0755);
  free(server_write_file("www/file", "in"));
  free(server_write_file("www/once", "in"));
}

static int open_servers(void **state)
{
  (void)state;
  apache_port = server_free_port();
  nginx_port = server_free_port();
  write_users();
  write_documents();
  char *path = write_config("apache.conf", apache_config, apache_port);
  const char *const argv[] = {"apache2", "-D", "FOREGROUND", "-f", path, NULL};
  apache = server_start(argv, apache_port);
  free(path);
  path = write_config("nginx.conf", nginx_config, nginx_port);
  const char *const nginx_argv[] = {"nginx", "-p", server_dir(),
                                    "-c",    path, NULL};
  nginx = server_start(nginx_argv, nginx_port);
  free(path);
  httpbin_open(&bin);
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  server_stop(apache);
  server_stop(nginx);
  httpbin_close(&bin);
  return 0;
}

/* --- Requests. -------------------------------------------------------------
 */

/* Counts the requests that are sent. */
static int count_request(ahttp_call *call, ahttp_outgoing *outgoing,
                         void *user_data)
{
  unsigned *count = user_data;
  (void)call;
  (void)outgoing;
  (*count)++;
  return AHTTP_OK;
}

typedef struct visit {
  ahttp_client *client;
  unsigned requests;
} visit;

static void visit_open(visit *self, ahttp_auth *auth)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  const ahttp_hook hook = {.on_request = count_request,
                           .user_data = &self->requests};
  self->requests = 0;
  opts.auth = auth;
  opts.hooks = &hook;
  opts.hook_count = 1;
  assert_int_equal(ahttp_cookie_jar_new(&opts.cookies), AHTTP_OK);
  assert_int_equal(ahttp_client_new(&self->client, &opts), AHTTP_OK);
  ahttp_cookie_jar_free(opts.cookies);
  ahttp_auth_free(auth);
}

static void visit_close(visit *self)
{
  ahttp_client_free(self->client);
}

/* The status, or the error code; |content| (NULL: GET) is POSTed. */
static int visit_send(visit *self, const char *url, const char *content)
{
  ahttp_response *response;
  ahttp_request *request;
  ahttp_error err;
  assert_int_equal(
      ahttp_request_new(&request, content == NULL ? "GET" : "POST", url),
      AHTTP_OK);
  if (content != NULL) {
    assert_int_equal(
        ahttp_request_set_content(request, content, strlen(content)), AHTTP_OK);
  }
  int rv = ahttp_send(self->client, request, NULL, &response, &err);
  if (rv != AHTTP_OK) {
    print_message("%s\n", err.text);
  }
  int status = rv == AHTTP_OK ? ahttp_response_status(response) : rv;
  ahttp_response_free(response);
  ahttp_request_free(request);
  return status;
}

static ahttp_auth *digest(const char *username, const char *password)
{
  ahttp_auth *auth;
  assert_int_equal(ahttp_auth_new_digest(&auth, ah_str_from_c(username),
                                         ah_str_from_c(password)),
                   AHTTP_OK);
  return auth;
}

static ahttp_auth *any(const char *username, const char *password)
{
  ahttp_auth *auth;
  assert_int_equal(ahttp_auth_new_any(&auth, ah_str_from_c(username),
                                      ah_str_from_c(password), true),
                   AHTTP_OK);
  return auth;
}

/* --- Apache. ---------------------------------------------------------------
 */

/* It also proves that it knows the password (rspauth), which is checked. */
static void apache_takes_answers_before_it_asks(void **state)
{
  visit self;
  (void)state;
  visit_open(&self, digest("ann", "secret"));
  for (int i = 0; i < 5; i++) {
    assert_int_equal(
        visit_send(&self, test_url("http", apache_port, "/file?a=b"), NULL),
        200);
  }
  assert_int_equal(self.requests, 6);
  visit_close(&self);
}

static void apache_refuses_a_wrong_password(void **state)
{
  visit self;
  (void)state;
  visit_open(&self, digest("ann", "wrong"));
  assert_int_equal(
      visit_send(&self, test_url("http", apache_port, "/file"), NULL), 401);
  assert_int_equal(self.requests, 2);
  visit_close(&self);
}

static void apache_names_the_next_nonce(void **state)
{
  visit self;
  (void)state;
  visit_open(&self, any("ann", "secret"));
  for (int i = 0; i < 4; i++) {
    assert_int_equal(
        visit_send(&self, test_url("http", apache_port, "/once"), NULL), 200);
  }
  assert_int_equal(self.requests, 5);
  visit_close(&self);
}

/* --- httpbin. --------------------------------------------------------------
 */

static void httpbin_takes_every_algorithm_and_qop(void **state)
{
  static const char *const paths[] = {
      "/digest-auth/auth/ann/secret",
      "/digest-auth/auth/ann/secret/MD5",
      "/digest-auth/auth/ann/secret/SHA-256",
      "/digest-auth/auth/ann/secret/SHA-512",
      "/digest-auth/auth-int/ann/secret/MD5",
      "/digest-auth/auth-int/ann/secret/SHA-256",
      "/digest-auth/auth-int/ann/secret/SHA-512",
      "/digest-auth/none/ann/secret",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
    visit self;
    visit_open(&self, digest("ann", "secret"));
    int status = visit_send(&self, test_url("http", bin.port, paths[i]), NULL);
    if (status != 200) {
      fail_msg("%s: %d", paths[i], status);
    }
    assert_int_equal(self.requests, 2);
    visit_close(&self);
    visit_open(&self, digest("ann", "wrong"));
    assert_int_equal(
        visit_send(&self, test_url("http", bin.port, paths[i]), NULL), 401);
    assert_int_equal(self.requests, 2);
    visit_close(&self);
  }
}

/* It calls a nonce stale after two requests. */
static void httpbin_lets_nonces_grow_stale(void **state)
{
  visit self;
  (void)state;
  visit_open(&self, digest("ann", "secret"));
  for (int i = 0; i < 6; i++) {
    assert_int_equal(visit_send(&self,
                                test_url("http", bin.port,
                                         "/digest-auth/auth/ann/secret/MD5/2"),
                                NULL),
                     200);
  }
  assert_true(self.requests > 7);
  visit_close(&self);
}

static void httpbin_takes_basic_and_bearer(void **state)
{
  visit self;
  ahttp_auth *auth;
  (void)state;
  visit_open(&self, any("ann", "secret"));
  assert_int_equal(
      visit_send(&self, test_url("http", bin.port, "/basic-auth/ann/secret"),
                 NULL),
      200);
  assert_int_equal(self.requests, 2);
  visit_close(&self);
  assert_int_equal(ahttp_auth_new_bearer(&auth, AH_STR("token")), AHTTP_OK);
  visit_open(&self, auth);
  assert_int_equal(
      visit_send(&self, test_url("http", bin.port, "/bearer"), NULL), 200);
  assert_int_equal(self.requests, 1);
  visit_close(&self);
}

/* --- nginx. ----------------------------------------------------------------
 */

static void nginx_takes_basic(void **state)
{
  visit self;
  ahttp_auth *auth;
  ahttp_error err;
  char text[200];
  (void)state;
  assert_int_equal(ahttp_auth_new_basic(&auth, AH_STR("ann"), AH_STR("secret")),
                   AHTTP_OK);
  visit_open(&self, auth);
  assert_int_equal(
      visit_send(&self, test_url("http", nginx_port, "/file"), NULL), 200);
  assert_int_equal(self.requests, 1);
  visit_close(&self);

  visit_open(&self, any("ann", "wrong"));
  assert_int_equal(
      visit_send(&self, test_url("http", nginx_port, "/file"), NULL), 401);
  assert_int_equal(self.requests, 2);
  visit_close(&self);

  (void)snprintf(text, sizeof(text),
                 "machine 127.0.0.1\n  login ann\n  password secret\n");
  char *path = server_write_file("netrc", text);
  assert_int_equal(chmod(path, 0600), 0);
  assert_int_equal(ahttp_auth_new_netrc(&auth, path, &err), AHTTP_OK);
  free(path);
  visit_open(&self, auth);
  assert_int_equal(
      visit_send(&self, test_url("http", nginx_port, "/file"), NULL), 200);
  visit_close(&self);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(apache_takes_answers_before_it_asks),
      cmocka_unit_test(apache_refuses_a_wrong_password),
      cmocka_unit_test(apache_names_the_next_nonce),
      cmocka_unit_test(httpbin_takes_every_algorithm_and_qop),
      cmocka_unit_test(httpbin_lets_nonces_grow_stale),
      cmocka_unit_test(httpbin_takes_basic_and_bearer),
      cmocka_unit_test(nginx_takes_basic),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
