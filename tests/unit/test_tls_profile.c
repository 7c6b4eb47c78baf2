/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "net/trust_store.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_peer.h"

static certificate ca;
static char ca_file[400];
static char other_file[400];
static char hashed_dir[400];
static char empty_file[400];
static char keylog_file[400];

static void name_file(char path[400], const char *name)
{
  (void)snprintf(path, 400, "%s/%s", server_dir(), name);
}

/* A directory as c_rehash makes it. */
static void make_hashed_dir(void)
{
  char path[500];
  assert_int_equal(mkdir(hashed_dir, 0700), 0);
  unsigned long hash =
      X509_NAME_hash_ex(X509_get_subject_name(ca.x509), NULL, NULL, NULL);
  (void)snprintf(path, sizeof(path), "%s/%08lx.0", hashed_dir, hash);
  certificate_write(&ca, path);
}

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "CA of the profile tests");
  name_file(ca_file, "ca.pem");
  name_file(other_file, "other.pem");
  name_file(hashed_dir, "hashed");
  name_file(keylog_file, "keys.log");
  certificate_write(&ca, ca_file);
  certificate_write(&ca, other_file);
  make_hashed_dir();
  char *path = server_write_file("empty.pem", "");
  (void)snprintf(empty_file, sizeof(empty_file), "%s", path);
  free(path);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  certificate_clear(&ca);
  return 0;
}

static ah_tls_profile *profile_new(const char *file, const char *dir,
                                   bool verify_off)
{
  const ahttp_tls_opts opts = {
      .size = sizeof(opts),
      .ca_file = file,
      .ca_dir = dir,
      .verify_off = verify_off,
  };
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
  return profile;
}

/* --- Options. ------------------------------------------------------------- */

static void every_option_tells_profiles_apart(void **state)
{
  (void)state;
  ah_tls_profile *profiles[] = {
      profile_new(NULL, NULL, false),
      profile_new(NULL, NULL, true),
      profile_new(ca_file, NULL, false),
      profile_new(other_file, NULL, false),
      profile_new(NULL, hashed_dir, false),
      profile_new(ca_file, hashed_dir, false),
      profile_new(NULL, server_dir(), false),
      profile_new(ca_file, NULL, true),
  };
  const size_t count = sizeof(profiles) / sizeof(profiles[0]);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < count; j++) {
      assert_int_equal(ah_tls_profile_equal(profiles[i], profiles[j]), i == j);
    }
  }
  for (size_t i = 0; i < count; i++) {
    ah_tls_profile_unref(profiles[i]);
  }
}

static void same_options_are_equal_though_copied(void **state)
{
  (void)state;
  char name[400];
  memcpy(name, ca_file, sizeof(name));
  ah_tls_profile *a = profile_new(name, NULL, false);
  name[0] = 'x'; /* the profile has a copy */
  ah_tls_profile *b = profile_new(ca_file, NULL, false);
  assert_true(ah_tls_profile_equal(a, b));
  ah_tls_profile *none = NULL;
  assert_int_equal(ah_tls_profile_new(&none, NULL), AHTTP_OK);
  ah_tls_profile *plain = profile_new(NULL, NULL, false);
  assert_true(ah_tls_profile_equal(none, plain));
  ah_tls_profile_unref(plain);
  ah_tls_profile_unref(none);
  ah_tls_profile_unref(b);
  ah_tls_profile_unref(a);
}

static void options_of_another_size_are_understood_or_refused(void **state)
{
  (void)state;
  ahttp_tls_opts opts = {.ca_file = ca_file, .verify_off = true};
  ah_tls_profile *profile = NULL;
  opts.size = sizeof(opts) + 8;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_EINVAL);
  assert_null(profile);
  opts.size = 0;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_EINVAL);
  /* An older header, which did not have the last members. */
  opts.size = offsetof(ahttp_tls_opts, verify_off);
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
  assert_true(!ah_tls_profile_opts(profile)->verify_off);
  ah_tls_profile_unref(profile);
}

/* What ah_tls_profile_check() says of |opts|; the sentence is in |*err|. */
static int check_options(const ahttp_tls_opts *opts, ahttp_error *err)
{
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, opts), AHTTP_OK);
  int rv = ah_tls_profile_check(profile, err);
  assert_int_equal(ERR_peek_error(), 0);
  ah_tls_profile_unref(profile);
  return rv;
}

static void unreadable_places_are_refused_at_once(void **state)
{
  (void)state;
  ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
  ahttp_error err;
  opts.ca_file = "/nonexistent/ca";
  assert_int_equal(check_options(&opts, &err), AHTTP_ETLS);
  assert_int_equal(err.domain, AHTTP_DOMAIN_OS);
  assert_string_equal(err.text,
                      "the trusted certificates in /nonexistent/ca cannot be "
                      "read: No such file or directory");
  opts.ca_file = NULL;
  opts.ca_dir = "/nonexistent";
  assert_int_equal(check_options(&opts, &err), AHTTP_ETLS);
  opts.ca_dir = NULL;
  opts.ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  assert_int_equal(check_options(&opts, &err), AHTTP_ETLS);
  opts.ca_pem = "nothing";
  assert_int_equal(check_options(&opts, &err), AHTTP_ETLS);
  assert_non_null(strstr(err.text, "given text"));
}

static void unknown_algorithms_are_refused_at_once(void **state)
{
  (void)state;
  static const ahttp_tls_opts rows[] = {
      {.size = sizeof(ahttp_tls_opts), .ciphers = "ROT13"},
      {.size = sizeof(ahttp_tls_opts), .ciphers13 = "ROT13"},
      {.size = sizeof(ahttp_tls_opts), .groups = "ROT13"},
  };
  for (size_t i = 0; i < 3; i++) {
    ahttp_error err;
    assert_int_equal(check_options(&rows[i], &err), AHTTP_ETLS);
    assert_non_null(strstr(err.text, "\"ROT13\" cannot be used"));
  }
}

static void unopenable_key_log_is_refused_at_once(void **state)
{
  (void)state;
  ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
  ahttp_error err;
  opts.verify_off = true;
  opts.keylog_file = "/nonexistent/keys";
  assert_int_equal(check_options(&opts, &err), AHTTP_ETLS);
  assert_non_null(strstr(err.text, "key log /nonexistent/keys"));
}

static void versions_are_as_asked_for(void **state)
{
  (void)state;
  static const struct {
    ahttp_tls_version min;
    ahttp_tls_version max;
    long want_min;
    long want_max;
  } rows[] = {
      {AHTTP_TLS_1_2, AHTTP_TLS_DEFAULT, TLS1_2_VERSION, 0},
      {AHTTP_TLS_1_3, AHTTP_TLS_DEFAULT, TLS1_3_VERSION, 0},
      {AHTTP_TLS_DEFAULT, AHTTP_TLS_1_2, TLS1_2_VERSION, TLS1_2_VERSION},
      {AHTTP_TLS_1_3, AHTTP_TLS_1_3, TLS1_3_VERSION, TLS1_3_VERSION},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
    opts.verify_off = true;
    opts.version_min = rows[i].min;
    opts.version_max = rows[i].max;
    ah_tls_profile *profile = NULL;
    SSL_CTX *context = NULL;
    ahttp_error err;
    assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
    assert_int_equal(ah_tls_profile_context(profile, &context, &err), AHTTP_OK);
    assert_int_equal(SSL_CTX_get_min_proto_version(context), rows[i].want_min);
    assert_int_equal(SSL_CTX_get_max_proto_version(context), rows[i].want_max);
    ah_tls_profile_unref(profile);
  }
}

static int make_profile(void *arg)
{
  (void)arg;
  const ahttp_tls_opts opts = {
      .size = sizeof(opts), .ca_file = ca_file, .ca_dir = hashed_dir};
  ah_tls_profile *profile = NULL;
  int rv = ah_tls_profile_new(&profile, &opts);
  if (rv == AHTTP_OK) {
    SSL_CTX *context = NULL;
    ahttp_error err;
    rv = ah_tls_profile_context(profile, &context, &err);
    assert_int_equal(rv == AHTTP_OK, context != NULL);
  }
  ah_tls_profile_unref(profile);
  return rv;
}

static void every_allocation_may_fail(void **state)
{
  (void)state;
  test_alloc_fail_each(make_profile, NULL);
}

/* --- Trust. --------------------------------------------------------------- */

static X509_STORE *store_of(ah_tls_profile *profile)
{
  SSL_CTX *context = NULL;
  ahttp_error err;
  int rv = ah_tls_profile_context(profile, &context, &err);
  if (rv != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  return SSL_CTX_get_cert_store(context);
}

static void same_trust_is_one_store(void **state)
{
  (void)state;
  ah_tls_profile *a = profile_new(ca_file, NULL, false);
  ah_tls_profile *b = profile_new(ca_file, NULL, false);
  ah_tls_profile *c = profile_new(other_file, NULL, false);
  ah_tls_profile *d = profile_new(ca_file, hashed_dir, false);
  assert_ptr_equal(store_of(a), store_of(b));
  assert_ptr_not_equal(store_of(a), store_of(c));
  assert_ptr_not_equal(store_of(a), store_of(d));
  ah_tls_profile_unref(a);
  assert_non_null(store_of(b)); /* still there for the other */
  ah_tls_profile_unref(b);
  ah_tls_profile_unref(c);
  ah_tls_profile_unref(d);
}

static void context_is_made_once(void **state)
{
  (void)state;
  ah_tls_profile *profile = profile_new(ca_file, NULL, false);
  SSL_CTX *first = NULL;
  SSL_CTX *second = NULL;
  ahttp_error err;
  assert_int_equal(ah_tls_profile_context(profile, &first, &err), AHTTP_OK);
  assert_int_equal(ah_tls_profile_context(profile, &second, &err), AHTTP_OK);
  assert_ptr_equal(first, second);
  assert_true(SSL_CTX_get_min_proto_version(first) >= TLS1_2_VERSION);
  ah_tls_profile_unref(profile);
}

static void changed_file_is_loaded_anew(void **state)
{
  (void)state;
  char path[400];
  name_file(path, "changing.pem");
  certificate_write(&ca, path);
  ah_tls_profile *before = profile_new(path, NULL, false);
  X509_STORE *old = store_of(before);
  assert_int_equal(unlink(path), 0);
  certificate next;
  certificate_init_ca(&next, "the CA that took over");
  certificate_write(&next, path);
  certificate_clear(&next);
  ah_tls_profile *after = profile_new(path, NULL, false);
  assert_ptr_not_equal(store_of(after), old);
  ah_tls_profile_unref(after);
  ah_tls_profile_unref(before);
}

static void file_without_certificates_is_an_error(void **state)
{
  (void)state;
  ah_tls_profile *profile = profile_new(empty_file, NULL, false);
  SSL_CTX *context = NULL;
  ahttp_error err;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ah_tls_profile_context(profile, &context, &err),
                     AHTTP_ETLS);
    assert_int_equal(err.code, AHTTP_ETLS);
    assert_non_null(strstr(err.text, empty_file));
    assert_null(context);
    assert_int_equal(ERR_peek_error(), 0);
  }
  ah_tls_profile_unref(profile);
}

/* True if a server that |ca| vouches for is accepted. */
static bool is_accepted(ah_tls_profile *profile)
{
  certificate leaf;
  const certificate_opts leaf_opts = {
      .name = "s", .names = "DNS:a.example", .issuer = &ca};
  certificate_init(&leaf, &leaf_opts);
  const tls_server_opts server_opts = {.cert = &leaf};
  SSL_CTX *server = tls_server_new(&server_opts);
  tls_peer peer;
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  assert_int_equal(tls_peer_open(&peer, server, profile, &opts, &err),
                   AHTTP_OK);
  tls_peer_run(&peer, SIZE_MAX);
  bool accepted = peer.client.opens == 1;
  tls_peer_close(&peer);
  tls_server_free(server);
  certificate_clear(&leaf);
  return accepted;
}

static void certificates_in_memory_are_trusted(void **state)
{
  (void)state;
  char *text = certificate_text(&ca);
  ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
  opts.ca_pem = text;
  ah_tls_profile *profile = NULL;
  ah_tls_profile *other = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
  assert_int_equal(ah_tls_profile_new(&other, &opts), AHTTP_OK);
  free(text);
  assert_true(is_accepted(profile));
  assert_ptr_equal(store_of(profile), store_of(other));
  ah_tls_profile_unref(other);
  ah_tls_profile_unref(profile);
}

static void key_log_of_the_profile_is_written_as_well(void **state)
{
  (void)state;
  char path[400];
  name_file(path, "own-keys.log");
  ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
  opts.ca_file = ca_file;
  opts.keylog_file = path;
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
  assert_true(is_accepted(profile));
  ah_tls_profile_unref(profile);
  struct stat facts;
  assert_int_equal(stat(path, &facts), 0);
  assert_true(facts.st_size > 100);
  assert_int_equal(facts.st_mode & 0777, 0600);
}

static void hashed_directory_is_searched(void **state)
{
  (void)state;
  ah_tls_profile *profile = profile_new(NULL, hashed_dir, false);
  assert_true(is_accepted(profile));
  ah_tls_profile_unref(profile);
}

static void environment_replaces_the_system(void **state)
{
  (void)state;
  static const char *const names[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};
  const char *const values[] = {ca_file, hashed_dir};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(setenv(names[i], values[i], 1), 0);
    ah_tls_profile *profile = profile_new(NULL, NULL, false);
    assert_true(is_accepted(profile));
    ah_tls_profile_unref(profile);
    /* Options come before the environment. */
    certificate stranger;
    certificate_init_ca(&stranger, "stranger");
    certificate_write(&stranger, other_file);
    certificate_clear(&stranger);
    profile = profile_new(other_file, NULL, false);
    assert_false(is_accepted(profile));
    ah_tls_profile_unref(profile);
    assert_int_equal(unsetenv(names[i]), 0);
  }
}

static void missing_file_in_the_environment_is_an_error(void **state)
{
  (void)state;
  assert_int_equal(setenv("SSL_CERT_FILE", "/nonexistent/ca.pem", 1), 0);
  ah_tls_profile *profile = profile_new(NULL, NULL, false);
  SSL_CTX *context = NULL;
  ahttp_error err;
  assert_int_equal(ah_tls_profile_context(profile, &context, &err), AHTTP_ETLS);
  assert_string_equal(err.text,
                      "the trusted certificates in /nonexistent/ca.pem cannot "
                      "be read: No such file or directory");
  /* It can be mended: nothing of the failure is kept. */
  assert_int_equal(setenv("SSL_CERT_FILE", ca_file, 1), 0);
  assert_int_equal(ah_tls_profile_context(profile, &context, &err), AHTTP_OK);
  ah_tls_profile_unref(profile);
  assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

static void system_does_not_trust_a_stranger(void **state)
{
  (void)state;
  ah_tls_profile *profile = profile_new(NULL, NULL, false);
  SSL_CTX *context = NULL;
  ahttp_error err;
  if (ah_tls_profile_context(profile, &context, &err) == AHTTP_OK) {
    assert_false(is_accepted(profile));
  } else {
    assert_string_equal(err.text,
                        "no trusted certificates were found on this system");
  }
  ah_tls_profile_unref(profile);
}

/* --- The key log. --------------------------------------------------------- */

static void secrets_are_logged_if_asked_for(void **state)
{
  (void)state;
  FILE *file = fopen(keylog_file, "r");
  assert_non_null(file);
  char text[8192];
  size_t len = fread(text, 1, sizeof(text) - 1, file);
  assert_int_equal(fclose(file), 0);
  text[len] = '\0';
  assert_int_equal(strncmp(text, "# kept\n", 7), 0); /* appended, not erased */
  assert_non_null(strstr(text, "\nCLIENT_TRAFFIC_SECRET_0 "));
  assert_int_equal(text[len - 1], '\n');
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_option_tells_profiles_apart),
      cmocka_unit_test(same_options_are_equal_though_copied),
      cmocka_unit_test(options_of_another_size_are_understood_or_refused),
      cmocka_unit_test(unreadable_places_are_refused_at_once),
      cmocka_unit_test(unknown_algorithms_are_refused_at_once),
      cmocka_unit_test(unopenable_key_log_is_refused_at_once),
      cmocka_unit_test(versions_are_as_asked_for),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(same_trust_is_one_store),
      cmocka_unit_test(context_is_made_once),
      cmocka_unit_test(changed_file_is_loaded_anew),
      cmocka_unit_test(file_without_certificates_is_an_error),
      cmocka_unit_test(certificates_in_memory_are_trusted),
      cmocka_unit_test(key_log_of_the_profile_is_written_as_well),
      cmocka_unit_test(hashed_directory_is_searched),
      cmocka_unit_test(environment_replaces_the_system),
      cmocka_unit_test(missing_file_in_the_environment_is_an_error),
      cmocka_unit_test(system_does_not_trust_a_stranger),
      cmocka_unit_test(secrets_are_logged_if_asked_for),
  };
  /* Before the first context: it is looked at once per process. */
  char *path = server_write_file("keys.log", "# kept\n");
  (void)setenv("SSLKEYLOGFILE", path, 1);
  free(path);
  (void)unsetenv("SSL_CERT_FILE");
  (void)unsetenv("SSL_CERT_DIR");
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
