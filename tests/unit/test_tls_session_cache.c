/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_session_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_peer.h"

/* --- The cache by itself. ------------------------------------------------- */

/* A resumable session of |version|, named |id|. */
static SSL_SESSION *session_new(int version, unsigned char id)
{
  SSL_SESSION *session = SSL_SESSION_new();
  assert_non_null(session);
  assert_int_equal(SSL_SESSION_set_protocol_version(session, version), 1);
  assert_int_equal(SSL_SESSION_set1_id(session, &id, 1), 1);
  return session;
}

/* The name of |session|, whose reference is given back; 0 for NULL. */
static unsigned id_of(SSL_SESSION *session)
{
  if (session == NULL) {
    return 0;
  }
  unsigned len = 0;
  unsigned id = SSL_SESSION_get_id(session, &len)[0];
  assert_int_equal(len, 1);
  SSL_SESSION_free(session);
  return id;
}

static void put(ah_tls_session_cache *cache, const char *key, int version,
                unsigned char id)
{
  SSL_SESSION *session = session_new(version, id);
  ah_tls_session_cache_put(cache, ah_str_from_c(key), session);
  SSL_SESSION_free(session);
}

static unsigned take(ah_tls_session_cache *cache, const char *key)
{
  return id_of(ah_tls_session_cache_take(cache, ah_str_from_c(key)));
}

static void tickets_are_given_out_once_newest_first(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  put(&cache, "a:443", TLS1_3_VERSION, 1);
  put(&cache, "a:443", TLS1_3_VERSION, 2);
  put(&cache, "b:443", TLS1_3_VERSION, 3);
  assert_int_equal(take(&cache, "a:443"), 2);
  assert_int_equal(take(&cache, "a:443"), 1);
  assert_int_equal(take(&cache, "a:443"), 0);
  assert_int_equal(take(&cache, "a:444"), 0);
  assert_int_equal(take(&cache, "b:443"), 3);
  ah_tls_session_cache_clear(&cache);
}

static void sessions_of_tls_1_2_stay(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  put(&cache, "a:443", TLS1_2_VERSION, 1);
  assert_int_equal(take(&cache, "a:443"), 1);
  assert_int_equal(take(&cache, "a:443"), 1);
  ah_tls_session_cache_clear(&cache);
}

static void one_session_is_kept_once(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  SSL_SESSION *session = session_new(TLS1_3_VERSION, 1);
  ah_tls_session_cache_put(&cache, AH_STR("a:443"), session);
  ah_tls_session_cache_put(&cache, AH_STR("a:443"), session);
  SSL_SESSION_free(session);
  assert_int_equal(take(&cache, "a:443"), 1);
  assert_int_equal(take(&cache, "a:443"), 0);
  ah_tls_session_cache_clear(&cache);
}

static void session_that_cannot_be_resumed_is_not_kept(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  SSL_SESSION *session = SSL_SESSION_new(); /* neither ticket nor id */
  ah_tls_session_cache_put(&cache, AH_STR("a:443"), session);
  SSL_SESSION_free(session);
  assert_int_equal(take(&cache, "a:443"), 0);
  assert_int_equal(cache.servers.count, 0);
  ah_tls_session_cache_clear(&cache);
}

static void oldest_session_of_a_server_goes_first(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  const unsigned char all = AH_TLS_SESSIONS_PER_SERVER_MAX + 3;
  for (unsigned char id = 1; id <= all; id++) {
    put(&cache, "a:443", TLS1_3_VERSION, id);
  }
  for (unsigned i = 0; i < AH_TLS_SESSIONS_PER_SERVER_MAX; i++) {
    assert_int_equal(take(&cache, "a:443"), all - i);
  }
  assert_int_equal(take(&cache, "a:443"), 0);
  ah_tls_session_cache_clear(&cache);
}

static void server_unused_longest_goes_first(void **state)
{
  (void)state;
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  char key[32];
  for (unsigned i = 0; i < AH_TLS_SERVERS_MAX; i++) {
    (void)snprintf(key, sizeof(key), "s%u:443", i);
    put(&cache, key, TLS1_2_VERSION, 7);
  }
  assert_int_equal(take(&cache, "s0:443"), 7); /* used: now the newest */
  put(&cache, "late:443", TLS1_2_VERSION, 8);
  assert_int_equal(cache.servers.count, AH_TLS_SERVERS_MAX);
  assert_int_equal(take(&cache, "s0:443"), 7);
  assert_int_equal(take(&cache, "s1:443"), 0);
  assert_int_equal(take(&cache, "s2:443"), 7);
  assert_int_equal(take(&cache, "late:443"), 8);
  ah_tls_session_cache_clear(&cache);
}

static void without_memory_nothing_is_kept(void **state)
{
  (void)state;
  test_alloc_install();
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  for (int nth = 1; nth <= 2; nth++) { /* the server, the buckets */
    test_alloc_fail_nth(nth);
    put(&cache, "a:443", TLS1_3_VERSION, 1);
    assert_int_equal(take(&cache, "a:443"), 0);
  }
  put(&cache, "a:443", TLS1_3_VERSION, 2);
  assert_int_equal(take(&cache, "a:443"), 2);
  ah_tls_session_cache_clear(&cache);
  test_alloc_remove();
}

/* --- On connections. ------------------------------------------------------ */

static certificate ca;
static certificate leaf;
static char ca_file[400];

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "CA of the session tests");
  const certificate_opts opts = {
      .name = "server",
      .names = "DNS:a.example,DNS:b.example",
      .issuer = &ca,
  };
  certificate_init(&leaf, &opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  certificate_clear(&leaf);
  certificate_clear(&ca);
  return 0;
}

static SSL_CTX *server_of(int version_max)
{
  const tls_server_opts opts = {.cert = &leaf, .version_max = version_max};
  return tls_server_new(&opts);
}

static ah_tls_profile *profile_new(const char *trusted, bool verify_off)
{
  const ahttp_tls_opts opts = {
      .size = sizeof(opts), .ca_file = trusted, .verify_off = verify_off};
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &opts), AHTTP_OK);
  return profile;
}

/* How a connection ends. */
typedef enum ending {
  END_CLOSED, /* by us */
  END_CUT,    /* without a close_notify of either side */
  END_RESET,  /* by an error of the stream below */
  END_UNREAD  /* before the server's tickets were read */
} ending;

/* One connection to |host|:|port| from begin to end; true if it was resumed. */
static bool connect_once(SSL_CTX *server, ah_tls_profile *profile,
                         const char *host, uint16_t port, ending how)
{
  tls_peer peer;
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts(host);
  opts.port = port;
  assert_int_equal(tls_peer_open(&peer, server, profile, &opts, &err),
                   AHTTP_OK);
  if (how == END_UNREAD) {
    peer.client.close_at = CLOSE_AT_OPEN;
  }
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 1);
  bool resumed = SSL_session_reused(peer.ssl) == 1;
  if (how != END_UNREAD) {
    ah_stream_info info;
    memset(&info, 0, sizeof(info));
    peer.client.stream->ops->info(peer.client.stream, &info);
    assert_int_equal(info.tls_resumed, resumed);
  }
  if (how == END_CUT) {
    fake_stream_feed_end(peer.below, true);
  } else if (how == END_RESET) {
    fake_stream_break(peer.below, AHTTP_EREAD);
  }
  tls_peer_close(&peer);
  return resumed;
}

static void second_connection_is_resumed(void **state)
{
  (void)state;
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; i++) {
    SSL_CTX *server = server_of(versions[i]);
    ah_tls_profile *profile = profile_new(ca_file, false);
    assert_false(connect_once(server, profile, "a.example", 443, END_CLOSED));
    static const ending endings[] = {END_CLOSED, END_CUT, END_RESET};
    for (size_t j = 0; j < 9; j++) {
      assert_true(
          connect_once(server, profile, "a.example", 443, endings[j % 3]));
    }
    ah_tls_profile_unref(profile);
    tls_server_free(server);
  }
}

static void ticket_is_used_once(void **state)
{
  (void)state;
  SSL_CTX *server = server_of(0);
  assert_int_equal(SSL_CTX_set_num_tickets(server, 1), 1);
  ah_tls_profile *profile = profile_new(ca_file, false);
  assert_false(connect_once(server, profile, "a.example", 443, END_CLOSED));
  assert_true(connect_once(server, profile, "a.example", 443, END_UNREAD));
  /* That one used up the only ticket and brought none. */
  assert_false(connect_once(server, profile, "a.example", 443, END_CLOSED));
  ah_tls_profile_unref(profile);
  tls_server_free(server);
}

static void sessions_are_for_their_server_only(void **state)
{
  (void)state;
  SSL_CTX *server = server_of(0);
  ah_tls_profile *profile = profile_new(ca_file, false);
  assert_false(connect_once(server, profile, "a.example", 443, END_CLOSED));
  assert_false(connect_once(server, profile, "b.example", 443, END_CLOSED));
  assert_false(connect_once(server, profile, "a.example", 444, END_CLOSED));
  assert_true(connect_once(server, profile, "a.example", 443, END_CLOSED));
  ah_tls_profile_unref(profile);
  tls_server_free(server);
}

static void sessions_are_for_their_profile_only(void **state)
{
  (void)state;
  SSL_CTX *server = server_of(0);
  ah_tls_profile *lax = profile_new(NULL, true);
  ah_tls_profile *strict = profile_new(ca_file, false);
  assert_false(connect_once(server, lax, "a.example", 443, END_CLOSED));
  assert_false(connect_once(server, strict, "a.example", 443, END_CLOSED));
  assert_true(connect_once(server, lax, "a.example", 443, END_CLOSED));
  assert_true(connect_once(server, strict, "a.example", 443, END_CLOSED));
  ah_tls_profile_unref(strict);
  ah_tls_profile_unref(lax);
  tls_server_free(server);
}

static void refused_server_leaves_no_session(void **state)
{
  (void)state;
  static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
  for (size_t i = 0; i < 2; i++) {
    SSL_CTX *server = server_of(versions[i]);
    ah_tls_profile *profile = profile_new(ca_file, false);
    for (int j = 0; j < 2; j++) {
      tls_peer peer;
      ahttp_error err;
      ah_tls_stream_opts opts = tls_peer_opts("c.example");
      assert_int_equal(tls_peer_open(&peer, server, profile, &opts, &err),
                       AHTTP_OK);
      tls_peer_run(&peer, SIZE_MAX);
      assert_int_equal(peer.client.error.code, AHTTP_ECERT);
      tls_peer_close(&peer);
    }
    assert_int_equal(ah_tls_profile_sessions(profile)->servers.count, 0);
    ah_tls_profile_unref(profile);
    tls_server_free(server);
  }
}

static void session_of_a_refused_certificate_is_not_kept(void **state)
{
  (void)state;
  SSL_CTX *server = server_of(0); /* any context will do */
  SSL *ssl = SSL_new(server);
  ah_tls_session_cache cache;
  ah_tls_session_cache_init(&cache);
  ah_tls_session_slot slot = {.cache = &cache, .key = AH_STR("a:443")};
  ah_tls_session_slot_attach(&slot, ssl);
  SSL_SESSION *session = session_new(TLS1_3_VERSION, 1);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
  SSL_set_verify_result(ssl, X509_V_ERR_CERT_HAS_EXPIRED);
  assert_int_equal(ah_tls_session_on_new(ssl, session), 0);
  assert_int_equal(take(&cache, "a:443"), 0);
  SSL_set_verify_result(ssl, X509_V_OK);
  assert_int_equal(ah_tls_session_on_new(ssl, session), 0);
  assert_int_equal(take(&cache, "a:443"), 1);
  SSL_SESSION_free(session);
  SSL_free(ssl);
  ah_tls_session_cache_clear(&cache);
  tls_server_free(server);
}

static void profile_may_go_before_its_connections(void **state)
{
  (void)state;
  SSL_CTX *server = server_of(0);
  ah_tls_profile *profile = profile_new(ca_file, false);
  tls_peer peer;
  ahttp_error err;
  ah_tls_stream_opts opts = tls_peer_opts("a.example");
  assert_int_equal(tls_peer_open(&peer, server, profile, &opts, &err),
                   AHTTP_OK);
  ah_tls_profile_unref(profile);
  tls_peer_run(&peer, SIZE_MAX);
  assert_int_equal(peer.client.opens, 1);
  tls_peer_close(&peer);
  tls_server_free(server);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tickets_are_given_out_once_newest_first),
      cmocka_unit_test(sessions_of_tls_1_2_stay),
      cmocka_unit_test(one_session_is_kept_once),
      cmocka_unit_test(session_that_cannot_be_resumed_is_not_kept),
      cmocka_unit_test(oldest_session_of_a_server_goes_first),
      cmocka_unit_test(server_unused_longest_goes_first),
      cmocka_unit_test(without_memory_nothing_is_kept),
      cmocka_unit_test(second_connection_is_resumed),
      cmocka_unit_test(ticket_is_used_once),
      cmocka_unit_test(sessions_are_for_their_server_only),
      cmocka_unit_test(sessions_are_for_their_profile_only),
      cmocka_unit_test(refused_server_leaves_no_session),
      cmocka_unit_test(session_of_a_refused_certificate_is_not_kept),
      cmocka_unit_test(profile_may_go_before_its_connections),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
