/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "support/server_process.h"
#include "support/tls_peer.h"

enum {
  HOUR_S = 60 * 60
};

static certificate ca;
static certificate stranger; /* an authority nobody trusts */
static certificate middle;   /* an authority that |ca| vouches for */
static char ca_file[400];
static char middle_file[400];

static void name_file(char *path, size_t cap, const char *name)
{
  (void)snprintf(path, cap, "%s/%s", server_dir(), name);
}

static int set_up(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "trusted CA");
  certificate_init_ca(&stranger, "strange CA");
  const certificate_opts opts = {
      .name = "middle CA", .is_ca = true, .issuer = &ca};
  certificate_init(&middle, &opts);
  name_file(ca_file, sizeof(ca_file), "ca.pem");
  name_file(middle_file, sizeof(middle_file), "middle.pem");
  certificate_write(&ca, ca_file);
  certificate_write(&middle, middle_file);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  certificate_clear(&middle);
  certificate_clear(&stranger);
  certificate_clear(&ca);
  return 0;
}

/* One server's certificate and what is to come of it. */
typedef struct verification {
  certificate_opts cert;
  const certificate *chain; /* sent along */
  const char *host;
  bool host_is_ip;
  const char *ca_file; /* trusted; NULL: |ca_file| */
  bool verify_off;
  int result;       /* X509_V_..., X509_V_OK: it is accepted */
  const char *text; /* the error's text has it; NULL: any */
} verification;

/* What the client got to know, into |*err|; true if it was accepted. */
static bool handshake(const verification *v, ahttp_error *err)
{
  certificate leaf;
  certificate_init(&leaf, &v->cert);
  const tls_server_opts server_opts = {.cert = &leaf, .chain = v->chain};
  SSL_CTX *server = tls_server_new(&server_opts);
  const ahttp_tls_opts tls_opts = {
      .size = sizeof(tls_opts),
      .ca_file = v->ca_file == NULL ? ca_file : v->ca_file,
      .verify_off = v->verify_off,
  };
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &tls_opts), AHTTP_OK);
  ah_tls_stream_opts opts = tls_peer_opts(v->host);
  opts.host_is_ip = v->host_is_ip;
  tls_peer peer;
  assert_int_equal(tls_peer_open(&peer, server, profile, &opts, err), AHTTP_OK);
  tls_peer_run(&peer, SIZE_MAX);
  *err = peer.client.error;
  bool accepted = peer.client.opens == 1;
  assert_int_equal(peer.client.opens + peer.client.errors, 1);
  assert_int_equal(ERR_peek_error(), 0);
  tls_peer_close(&peer);
  ah_tls_profile_unref(profile);
  tls_server_free(server);
  certificate_clear(&leaf);
  return accepted;
}

static void check(const verification *v)
{
  ahttp_error err;
  bool accepted = handshake(v, &err);
  if (v->result == X509_V_OK) {
    if (!accepted) {
      fail_msg("%s: %s", v->cert.names, err.text);
    }
    return;
  }
  if (accepted) {
    fail_msg("%s was accepted", v->cert.names);
  }
  assert_int_equal(err.code, AHTTP_ECERT);
  assert_int_equal(err.phase, AHTTP_PHASE_TLS);
  assert_int_equal(err.domain, AHTTP_DOMAIN_X509);
  assert_int_equal(err.native, v->result);
  if (v->text != NULL && strstr(err.text, v->text) == NULL) {
    fail_msg("\"%s\" has no \"%s\"", err.text, v->text);
  }
}

static void check_all(const verification *table, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    check(&table[i]);
  }
}

static void names_are_matched(void **state)
{
  (void)state;
#define NAMES(list) {.name = "x", .names = (list), .issuer = &ca}
  const int mismatch = X509_V_ERR_HOSTNAME_MISMATCH;
  const verification table[] = {
      {.cert = NAMES("DNS:a.example"), .host = "a.example"},
      {.cert = NAMES("DNS:a.example"), .host = "a.example."},
      {.cert = NAMES("DNS:A.Example"), .host = "a.example"},
      {.cert = NAMES("DNS:b.example,DNS:a.example"), .host = "a.example"},
      {.cert = NAMES("DNS:*.b.example"), .host = "a.b.example"},
      {.cert = NAMES("DNS:a.example"),
       .host = "b.example",
       .result = mismatch,
       .text = "the certificate of b.example could not be verified: hostname "
               "mismatch (it is for a.example)"},
      {.cert = NAMES("DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g"),
       .host = "h.example",
       .result = mismatch,
       .text = "(it is for a, b, c, d, e, ...)"},
      {.cert = NAMES("DNS:*.b.example"),
       .host = "a.a.b.example",
       .result = mismatch},
      {.cert = NAMES("DNS:*.b.example"),
       .host = "b.example",
       .result = mismatch},
      {.cert = NAMES("DNS:a*.b.example"),
       .host = "aa.b.example",
       .result = mismatch},
      /* A whole top-level domain. */
      {.cert = NAMES("DNS:*.example"), .host = "a.example", .result = mismatch},
      {.cert = NAMES("DNS:a.example"),
       .host = "xa.example",
       .result = mismatch},
      {.cert = NAMES("email:a@a.example"),
       .host = "a.example",
       .result = mismatch,
       .text = "(it names no host)"},
  };
  check_all(table, sizeof(table) / sizeof(table[0]));
}

static void common_name_is_no_host_name(void **state)
{
  (void)state;
  const verification v = {
      .cert = {.name = "a.example", .issuer = &ca},
      .host = "a.example",
      .result = X509_V_ERR_HOSTNAME_MISMATCH,
  };
  check(&v);
}

static void addresses_are_matched_as_addresses(void **state)
{
  (void)state;
  const int mismatch = X509_V_ERR_IP_ADDRESS_MISMATCH;
  const verification table[] = {
      {.cert = NAMES("IP:192.0.2.1"), .host = "192.0.2.1", .host_is_ip = true},
      {.cert = NAMES("IP:::1"), .host = "::1", .host_is_ip = true},
      {.cert = NAMES("IP:fe80::1"), .host = "fe80::1%lo", .host_is_ip = true},
      {.cert = NAMES("IP:192.0.2.1,IP:2001:db8::1"),
       .host = "192.0.2.2",
       .host_is_ip = true,
       .result = mismatch,
       .text = "(it is for 192.0.2.1, 2001:db8::1)"},
      /* An address written as a name is none. */
      {.cert = NAMES("DNS:192.0.2.1"),
       .host = "192.0.2.1",
       .host_is_ip = true,
       .result = mismatch},
      {.cert = NAMES("DNS:*.0.2.1"),
       .host = "192.0.2.1",
       .host_is_ip = true,
       .result = mismatch},
  };
  check_all(table, sizeof(table) / sizeof(table[0]));
}

static void dates_are_checked(void **state)
{
  (void)state;
  const verification table[] = {
      {.cert = {.name = "old",
                .names = "DNS:a.example",
                .issuer = &ca,
                .from_s = -48 * HOUR_S,
                .until_s = -24 * HOUR_S},
       .host = "a.example",
       .result = X509_V_ERR_CERT_HAS_EXPIRED,
       .text = "the certificate of a.example could not be verified: "
               "certificate has expired (expired on 20"},
      {.cert = {.name = "early",
                .names = "DNS:a.example",
                .issuer = &ca,
                .from_s = 24 * HOUR_S},
       .host = "a.example",
       .result = X509_V_ERR_CERT_NOT_YET_VALID,
       .text = "certificate is not yet valid (valid from 20"},
  };
  check_all(table, sizeof(table) / sizeof(table[0]));
}

static void trust_is_checked(void **state)
{
  (void)state;
  const certificate_opts by_stranger = {
      .name = "s", .names = "DNS:a.example", .issuer = &stranger};
  const certificate_opts by_itself = {.name = "self", .names = "DNS:a.example"};
  const certificate_opts by_middle = {
      .name = "m", .names = "DNS:a.example", .issuer = &middle};
  const verification table[] = {
      {.cert = by_stranger,
       .host = "a.example",
       .result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
       .text = "(it was issued by strange CA)"},
      {.cert = by_stranger,
       .chain = &stranger,
       .host = "a.example",
       .result = X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
       .text = "(strange CA)"},
      {.cert = by_itself,
       .host = "a.example",
       .result = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
       .text = "self-signed certificate (self)"},
      {.cert = by_middle, .chain = &middle, .host = "a.example"},
      {.cert = by_middle,
       .host = "a.example",
       .result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
      /* What is listed as trusted is, though it is no root. */
      {.cert = by_middle, .host = "a.example", .ca_file = middle_file},
  };
  check_all(table, sizeof(table) / sizeof(table[0]));
}

static void leaf_cannot_vouch_for_others(void **state)
{
  (void)state;
  certificate leaf;
  const certificate_opts leaf_opts = {
      .name = "leaf", .names = "DNS:leaf.example", .issuer = &ca};
  certificate_init(&leaf, &leaf_opts);
  const verification v = {
      .cert = {.name = "x", .names = "DNS:a.example", .issuer = &leaf},
      .chain = &leaf,
      .host = "a.example",
      .result = X509_V_ERR_INVALID_CA,
  };
  check(&v);
  certificate_clear(&leaf);
}

static void anything_is_accepted_if_asked_for(void **state)
{
  (void)state;
  const verification table[] = {
      {.cert = {.name = "self"}, .host = "a.example", .verify_off = true},
      {.cert = NAMES("DNS:b.example"), .host = "a.example", .verify_off = true},
      {.cert = {.name = "old", .from_s = -48 * HOUR_S, .until_s = -HOUR_S},
       .host = "192.0.2.1",
       .host_is_ip = true,
       .verify_off = true},
  };
  check_all(table, sizeof(table) / sizeof(table[0]));
}

static void unprintable_names_do_not_reach_the_text(void **state)
{
  (void)state;
  const verification v = {
      .cert = {.name = "evil\x1b[31m\xc3\xa9", .names = "DNS:a.example"},
      .host = "a.example",
      .result = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
      .text = "(evil?[31m?"
              "?)",
  };
  check(&v);
}

/* What the server was asked for by name; "" if it was not. */
static void check_server_name(const char *host, bool is_ip, const char *want)
{
  certificate leaf;
  const certificate_opts leaf_opts = {.name = "any"};
  certificate_init(&leaf, &leaf_opts);
  const tls_server_opts server_opts = {.cert = &leaf};
  SSL_CTX *server = tls_server_new(&server_opts);
  const ahttp_tls_opts tls_opts = {.size = sizeof(tls_opts),
                                   .verify_off = true};
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &tls_opts), AHTTP_OK);
  ah_tls_stream_opts opts = tls_peer_opts(host);
  opts.host_is_ip = is_ip;
  tls_peer peer;
  ahttp_error err;
  assert_int_equal(tls_peer_open(&peer, server, profile, &opts, &err),
                   AHTTP_OK);
  tls_peer_run(&peer, SIZE_MAX);
  const char *name = SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name);
  assert_string_equal(name == NULL ? "" : name, want);
  tls_peer_close(&peer);
  ah_tls_profile_unref(profile);
  tls_server_free(server);
  certificate_clear(&leaf);
}

static void server_name_is_sent_for_names_only(void **state)
{
  (void)state;
  check_server_name("a.example", false, "a.example");
  check_server_name("a.example.", false, "a.example");
  check_server_name("192.0.2.1", true, "");
  check_server_name("::1", true, "");
}

static void impossible_names_are_refused_at_once(void **state)
{
  (void)state;
  char long_name[257];
  memset(long_name, 'a', sizeof(long_name) - 1);
  long_name[sizeof(long_name) - 1] = '\0';
  const ahttp_str names[] = {
      {"", 0}, {".", 1}, {"a.example\0.evil", 15}, {long_name, 256}};
  const ahttp_tls_opts tls_opts = {.size = sizeof(tls_opts),
                                   .verify_off = true};
  ah_tls_profile *profile = NULL;
  assert_int_equal(ah_tls_profile_new(&profile, &tls_opts), AHTTP_OK);
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    ah_tls_stream_opts opts = tls_peer_opts("");
    opts.host = names[i];
    tls_peer peer;
    ahttp_error err;
    assert_int_equal(tls_peer_open(&peer, NULL, profile, &opts, &err),
                     AHTTP_ETLS);
    assert_int_equal(err.code, AHTTP_ETLS);
    assert_true(peer.below->closed); /* it was taken over all the same */
    tls_peer_close(&peer);
  }
  ah_tls_profile_unref(profile);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_matched),
      cmocka_unit_test(common_name_is_no_host_name),
      cmocka_unit_test(addresses_are_matched_as_addresses),
      cmocka_unit_test(dates_are_checked),
      cmocka_unit_test(trust_is_checked),
      cmocka_unit_test(leaf_cannot_vouch_for_others),
      cmocka_unit_test(anything_is_accepted_if_asked_for),
      cmocka_unit_test(unprintable_names_do_not_reach_the_text),
      cmocka_unit_test(server_name_is_sent_for_names_only),
      cmocka_unit_test(impossible_names_are_refused_at_once),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
