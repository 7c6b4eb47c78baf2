/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/digest.h"
#include "support/test_alloc.h"

#define MUFASA_NONCE "dcd98b7102dd2f0e8b11d0f600bfb0c093"
#define RFC7616_NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define RFC7616_OPAQUE "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
#define RFC7616_CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"

static void read_challenge(ah_digest_challenge *out, const char *text,
                           ah_arena *arena)
{
  ahttp_str value = ah_str_from_c(text);
  ah_challenge challenge;
  const char *why = "";
  assert_true(ah_challenge_next(&value, &challenge));
  assert_int_equal(ah_digest_read(out, &challenge, arena, &why), AHTTP_OK);
}

typedef struct example {
  const char *challenge;
  const char *username;
  const char *password;
  const char *method;
  const char *target;
  const char *cnonce;
  const char *content_hash;
  const char *want;
} example;

static const example rows[] = {
    /* RFC 2069, section 2.4, with its erratum. */
    {"Digest realm=\"testrealm@host.com\", nonce=\"" MUFASA_NONCE "\", "
     "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
     "Mufasa", "CircleOfLife", "GET", "/dir/index.html", "", NULL,
     "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
     "nonce=\"" MUFASA_NONCE "\", uri=\"/dir/index.html\", "
     "response=\"1949323746fe6a43ef61f9606e7febea\", "
     "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""},
    /* RFC 2617, section 3.5. */
    {"Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
     "nonce=\"" MUFASA_NONCE "\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
     "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "0a4f113b", NULL,
     "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
     "nonce=\"" MUFASA_NONCE "\", uri=\"/dir/index.html\", "
     "response=\"6629fae49393a05397450978507c4ef1\", "
     "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", qop=auth, nc=00000001, "
     "cnonce=\"0a4f113b\""},
    /* RFC 7616, section 3.9.1. */
    {"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
     "algorithm=MD5, nonce=\"" RFC7616_NONCE "\", opaque=\"" RFC7616_OPAQUE
     "\"",
     "Mufasa", "Circle of Life", "GET", "/dir/index.html", RFC7616_CNONCE, NULL,
     "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
     "nonce=\"" RFC7616_NONCE "\", uri=\"/dir/index.html\", "
     "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, "
     "opaque=\"" RFC7616_OPAQUE "\", qop=auth, nc=00000001, "
     "cnonce=\"" RFC7616_CNONCE "\""},
    {"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
     "algorithm=SHA-256, nonce=\"" RFC7616_NONCE "\", opaque=\"" RFC7616_OPAQUE
     "\"",
     "Mufasa", "Circle of Life", "GET", "/dir/index.html", RFC7616_CNONCE, NULL,
     "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
     "nonce=\"" RFC7616_NONCE "\", uri=\"/dir/index.html\", "
     "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb"
     "6c1\", algorithm=SHA-256, opaque=\"" RFC7616_OPAQUE
     "\", qop=auth, nc=00000001, cnonce=\"" RFC7616_CNONCE "\""},
    /* RFC 7616, section 3.9.2, with its erratum 4897: the text truncated
     * SHA-512 instead of using SHA-512/256. */
    {"Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, "
     "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", "
     "opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", "
     "charset=UTF-8, userhash=true",
     "J\xc3\xa4s\xc3\xb8n Doe", "Secret, or not?", "GET", "/doe.json",
     "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", NULL,
     "Digest username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed"
     "06ece9b0b\", realm=\"api@example.org\", "
     "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", "
     "uri=\"/doe.json\", "
     "response=\"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec6"
     "8a5\", algorithm=SHA-512-256, "
     "opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", qop=auth, "
     "nc=00000001, cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v\", "
     "userhash=true"},
    /* Quotes are escaped, and the hashes are of what was meant. */
    {"Digest realm=\"a\\\"b\", nonce=n, algorithm=md5-SESS, qop=auth-int",
     "x\"y", "p", "PUT", "/", "c", "d41d8cd98f00b204e9800998ecf8427e",
     "Digest username=\"x\\\"y\", realm=\"a\\\"b\", nonce=\"n\", "
     "uri=\"/\", response=\"d8f9018ab409ba49791867d4cf1ea5e1\", "
     "algorithm=md5-SESS, qop=auth-int, nc=00000001, cnonce=\"c\""},
};

static int authorize(const example *row, ah_arena *arena, ahttp_str *out)
{
  ah_digest_challenge challenge;
  read_challenge(&challenge, row->challenge, arena);
  const ah_digest_answer answer = {.username = ah_str_from_c(row->username),
                                   .password = ah_str_from_c(row->password),
                                   .method = ah_str_from_c(row->method),
                                   .target = ah_str_from_c(row->target),
                                   .cnonce = ah_str_from_c(row->cnonce),
                                   .count = 1,
                                   .content_hash =
                                       ah_str_from_c(row->content_hash)};
  return ah_digest_authorize(&challenge, &answer, arena, out);
}

static void answers_are_those_of_the_rfcs(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_arena arena;
    ahttp_str got;
    ah_arena_init(&arena, NULL, 0);
    assert_int_equal(authorize(&rows[i], &arena, &got), AHTTP_OK);
    char text[1000] = "";
    assert_true(got.len < sizeof(text));
    memcpy(text, got.ptr, got.len);
    assert_string_equal(text, rows[i].want);
    ah_arena_clear(&arena);
  }
}

static void control_characters_in_names_are_extended(void **state)
{
  (void)state;
  const example odd = {"Digest realm=r, nonce=n",
                       "a\nb~\xc3\xa4",
                       "p",
                       "GET",
                       "/",
                       "",
                       NULL,
                       NULL};
  ah_arena arena;
  ahttp_str got;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(authorize(&odd, &arena, &got), AHTTP_OK);
  const ahttp_str want = AH_STR("Digest username*=UTF-8''a%0Ab~%C3%A4, ");
  assert_true(got.len > want.len);
  assert_memory_equal(got.ptr, want.ptr, want.len);
  ah_arena_clear(&arena);
}

static void bad_challenges_say_why(void **state)
{
  static const struct {
    const char *challenge;
    const char *why; /* NULL: it is fine */
  } bad[] = {
      {"Digest nonce=n", "it has no realm"},
      {"Digest realm=r", "it has no nonce"},
      {"Digest realm=r, nonce=n, algorithm=MD6", "its algorithm is not known"},
      {"Digest realm=r, nonce=n, algorithm=-sess",
       "its algorithm is not known"},
      {"Digest realm=r, nonce=n, qop=token",
       "its qop is neither auth nor auth-int"},
      /* HTTPX takes none of these. */
      {"Digest Realm=r, NONCE=n, Algorithm=Sha-256-Sess", NULL},
      {"Digest realm=r, nonce=n, opaque=", NULL},
      {"Digest realm=\"\", nonce=\"\", qop=\"\"", NULL},
      {"Digest realm=r, nonce=n, qop=\"token , auth\"", NULL},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ah_arena arena;
    ah_arena_init(&arena, NULL, 0);
    ahttp_str value = ah_str_from_c(bad[i].challenge);
    ah_challenge challenge;
    ah_digest_challenge read;
    const char *why = NULL;
    assert_true(ah_challenge_next(&value, &challenge));
    int rv = ah_digest_read(&read, &challenge, &arena, &why);
    assert_int_equal(rv, bad[i].why == NULL ? AHTTP_OK : AHTTP_EPROTO);
    if (bad[i].why != NULL) {
      assert_string_equal(why, bad[i].why);
    }
    ah_arena_clear(&arena);
  }
}

static void flags_are_read(void **state)
{
  (void)state;
  ah_arena arena;
  ah_digest_challenge read;
  ah_arena_init(&arena, NULL, 0);
  read_challenge(&read,
                 "Digest realm=r, nonce=n, stale=TRUE, userhash=\"true\", "
                 "domain=\"/a /b\", qop=\"auth-int\"",
                 &arena);
  assert_true(read.is_stale);
  assert_true(read.wants_userhash);
  assert_int_equal(read.qop, AH_DIGEST_AUTH_INT);
  assert_true(ah_str_eq(read.domain, AH_STR("/a /b")));
  read_challenge(&read, "Digest realm=r, nonce=n, stale=false", &arena);
  assert_false(read.is_stale || read.wants_userhash);
  assert_int_equal(read.qop, 0);
  ah_arena_clear(&arena);
}

/* The strongest of those in |lines|, or the code. */
static int choose(const char *const *lines, ah_digest_challenge *out,
                  ah_arena *arena)
{
  ahttp_fields fields;
  const char *why;
  ah_fields_init(&fields, arena);
  for (; *lines != NULL; lines++) {
    assert_int_equal(ah_fields_add(&fields, AH_STR("WWW-Authenticate"),
                                   ah_str_from_c(*lines)),
                     AHTTP_OK);
  }
  return ah_digest_choose(out, &fields, AH_FIELD_WWW_AUTHENTICATE, arena, &why);
}

static void strongest_challenge_of_all_lines_is_chosen(void **state)
{
  static const struct {
    const char *lines[4];
    int rv;
    const char *nonce;
  } table[] = {
      {{"Basic realm=x", NULL}, AHTTP_ENOTFOUND, NULL},
      {{NULL}, AHTTP_ENOTFOUND, NULL},
      {{"Digest realm=x", NULL}, AHTTP_EPROTO, NULL},
      {{"Basic realm=\"a\", Digest realm=r, nonce=1", NULL}, AHTTP_OK, "1"},
      {{"Digest realm=r, nonce=1, algorithm=MD5",
        "Digest realm=r, nonce=2, algorithm=SHA-256", NULL},
       AHTTP_OK,
       "2"},
      {{"Digest realm=r, nonce=1, algorithm=SHA-256, Digest realm=r, nonce=2",
        NULL},
       AHTTP_OK,
       "1"},
      {{"Digest realm=r, nonce=1, algorithm=NEW", "Digest realm=r, nonce=2",
        NULL},
       AHTTP_OK,
       "2"},
      {{"Digest realm=r, nonce=1", "Digest realm=r, nonce=2", NULL},
       AHTTP_OK,
       "1"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
    ah_arena arena;
    ah_digest_challenge got;
    ah_arena_init(&arena, NULL, 0);
    assert_int_equal(choose(table[i].lines, &got, &arena), table[i].rv);
    if (table[i].rv == AHTTP_OK) {
      assert_true(ah_str_eq(got.nonce, ah_str_from_c(table[i].nonce)));
    }
    ah_arena_clear(&arena);
  }
}

static void content_is_hashed_in_pieces(void **state)
{
  (void)state;
  ah_digest_hash *hash;
  char hex[AH_DIGEST_HEX_MAX];
  assert_int_equal(ah_digest_hash_new(&hash, AH_DIGEST_MD5), AHTTP_OK);
  assert_int_equal(ah_digest_hash_add(hash, "u:", 2), AHTTP_OK);
  assert_int_equal(ah_digest_hash_add(hash, "r:p", 3), AHTTP_OK);
  assert_int_equal(ah_digest_hash_end(hash, hex), AHTTP_OK);
  assert_string_equal(hex, "44add22b6f3179b751eafd68ee370f7d");
  ah_digest_hash_free(hash);
  ah_digest_hash_free(NULL);
}

/* RFC 2617, section 3.5, and section 3.2.3 for the server's part, computed with
 * Python's hashlib. */
static void servers_prove_that_they_know_the_password(void **state)
{
  (void)state;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ah_digest_challenge challenge;
  char hex[AH_DIGEST_HEX_MAX];
  const ah_digest_answer answer = {.username = AH_STR("Mufasa"),
                                   .password = AH_STR("Circle Of Life"),
                                   .method = AH_STR("GET"),
                                   .target = AH_STR("/dir/index.html"),
                                   .cnonce = AH_STR("0a4f113b"),
                                   .count = 1};
  read_challenge(&challenge, rows[1].challenge, &arena);
  assert_int_equal(ah_digest_rspauth(&challenge, &answer, hex), AHTTP_OK);
  assert_string_equal(hex, "376602cfd2f4e8e5e78b948a85263e85");
  ah_arena_clear(&arena);
}

static void client_nonces_differ(void **state)
{
  (void)state;
  char one[AH_DIGEST_CNONCE_LEN];
  char two[AH_DIGEST_CNONCE_LEN];
  assert_true(ah_digest_cnonce(one));
  assert_true(ah_digest_cnonce(two));
  assert_memory_not_equal(one, two, sizeof(one));
  assert_true(ah_str_all(ah_str(one, sizeof(one)), AH_CHAR_HEX));
}

static int authorize_all(void *arg)
{
  (void)arg;
  ah_arena arena;
  ahttp_str out;
  ah_arena_init(&arena, NULL, 0);
  ah_challenge challenge;
  ahttp_str value = ah_str_from_c(rows[5].challenge);
  assert_true(ah_challenge_next(&value, &challenge));
  ah_digest_challenge read;
  const char *why;
  int rv = ah_digest_read(&read, &challenge, &arena, &why);
  if (rv == AHTTP_OK) {
    const ah_digest_answer answer = {.content_hash = AH_STR("00")};
    rv = ah_digest_authorize(&read, &answer, &arena, &out);
  }
  ah_arena_clear(&arena);
  return rv;
}

static void every_allocation_may_fail(void **state)
{
  (void)state;
  test_alloc_fail_each(authorize_all, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_those_of_the_rfcs),
      cmocka_unit_test(control_characters_in_names_are_extended),
      cmocka_unit_test(bad_challenges_say_why),
      cmocka_unit_test(flags_are_read),
      cmocka_unit_test(strongest_challenge_of_all_lines_is_chosen),
      cmocka_unit_test(content_is_hashed_in_pieces),
      cmocka_unit_test(servers_prove_that_they_know_the_password),
      cmocka_unit_test(client_nonces_differ),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
