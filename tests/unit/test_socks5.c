/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/socks5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "support/negotiator_talk.h"
#include "support/test_alloc.h"

/* A talk as it should go: what the proxy says, what we do, what comes of it. */
typedef struct scene {
  ah_socks5_opts opts;
  const char *says; /* the proxy */
  size_t says_len;
  size_t enough; /* bytes after which the outcome is known */
  const char *want;
  size_t want_len;
  int rv;
  const char *text; /* of the error; NULL: none */
} scene;

#define BYTES(literal) (literal), sizeof(literal) - 1

static ah_negotiator *scene_make(void *arg)
{
  const scene *it = arg;
  ah_negotiator *negotiator;
  ahttp_error err;
  assert_int_equal(ah_socks5_new(&negotiator, &it->opts, &err), AHTTP_OK);
  return negotiator;
}

static void scene_check(const negotiator_talk *talk, void *arg)
{
  const scene *it = arg;
  assert_int_equal(talk->rv, it->rv);
  if (it->text != NULL) {
    assert_string_equal(talk->err.text, it->text);
    assert_int_equal(talk->err.code, it->rv);
  }
  if (it->rv == AHTTP_OK) {
    assert_int_equal(talk->used, it->enough);
  }
  assert_int_equal(ah_buf_len(&talk->said), it->want_len);
  assert_memory_equal(ah_buf_bytes(&talk->said), it->want, it->want_len);
}

static void scene_play(scene *it)
{
  negotiator_talk_each(scene_make, it, it->says, it->says_len, it->enough,
                       scene_check);
}

#define ASK_NONE "\x05\x01\x00"
#define ASK_BOTH "\x05\x02\x00\x02"
#define TO_A_TEST        \
  "\x05\x01\x00\x03\x06" \
  "a.test"               \
  "\x01\xbb"
#define NONE "\x05\x00"
#define OK_V4 "\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34"

static const ah_socks5_opts a_test = {.host = {"a.test", 6}, .port = 443};

static ah_socks5_opts with_password(void)
{
  ah_socks5_opts opts = a_test;
  opts.username = AH_STR("me");
  opts.password = AH_STR("secret");
  return opts;
}

static void name_goes_to_the_proxy_as_it_is(void **state)
{
  (void)state;
  scene it = {.opts = a_test, .enough = 12, .rv = AHTTP_OK};
  it.says = NONE OK_V4;
  it.says_len = 12;
  it.want = ASK_NONE TO_A_TEST;
  it.want_len = sizeof(ASK_NONE TO_A_TEST) - 1;
  scene_play(&it);
}

static void what_follows_the_reply_is_the_tunnels(void **state)
{
  (void)state;
  scene it = {.opts = a_test, .enough = 12, .rv = AHTTP_OK};
  it.says = NONE OK_V4 "tunnel";
  it.says_len = 18;
  it.want = ASK_NONE TO_A_TEST;
  it.want_len = sizeof(ASK_NONE TO_A_TEST) - 1;
  scene_play(&it);
}

static void replies_have_addresses_of_any_kind(void **state)
{
  static const struct {
    const char *says;
    size_t len;
  } rows[] = {
      {BYTES(NONE "\x05\x00\x00\x04"
                  "0123456789abcdef"
                  "\x00\x50")},
      {BYTES(NONE "\x05\x00\x00\x03\x03"
                  "abc"
                  "\x00\x50")},
      {BYTES(NONE "\x05\x00\x00\x03\x00\x00\x50")},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.opts = a_test,
                .says = rows[i].says,
                .says_len = rows[i].len,
                .enough = rows[i].len,
                .want = ASK_NONE TO_A_TEST,
                .want_len = sizeof(ASK_NONE TO_A_TEST) - 1};
    scene_play(&it);
  }
}

static void literals_go_as_addresses(void **state)
{
  static const struct {
    const char *host;
    const char *want;
    size_t want_len;
  } rows[] = {
      {"192.0.2.1", BYTES(ASK_NONE "\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb")},
      {"2001:db8::1",
       BYTES(ASK_NONE "\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00"
                      "\x00\x00\x00\x00\x00\x01\x01\xbb")},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.opts = {.host = ah_str_from_c(rows[i].host), .port = 443},
                .says = NONE OK_V4,
                .says_len = 12,
                .enough = 12,
                .want = rows[i].want,
                .want_len = rows[i].want_len};
    scene_play(&it);
  }
}

static void resolved_address_goes_instead_of_the_name(void **state)
{
  (void)state;
  ah_address address;
  assert_true(ah_address_parse(&address, AH_STR("192.0.2.7"), 0));
  scene it = {.opts = a_test, .says = NONE OK_V4, .says_len = 12, .enough = 12};
  it.opts.address = &address;
  it.want = ASK_NONE "\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb";
  it.want_len = sizeof(ASK_NONE) - 1 + 10;
  scene_play(&it);
}

static void password_is_sent_if_the_proxy_wants_it(void **state)
{
  (void)state;
  scene it = {.opts = with_password(), .enough = 14};
  it.says = "\x05\x02\x01\x00" OK_V4;
  it.says_len = 14;
  it.want = ASK_BOTH "\x01\x02me\x06secret" TO_A_TEST;
  it.want_len = sizeof(ASK_BOTH "\x01\x02me\x06secret" TO_A_TEST) - 1;
  scene_play(&it);
}

static void password_is_not_sent_to_who_wants_none(void **state)
{
  (void)state;
  scene it = {.opts = with_password(), .enough = 12};
  it.says = NONE OK_V4;
  it.says_len = 12;
  it.want = ASK_BOTH TO_A_TEST;
  it.want_len = sizeof(ASK_BOTH TO_A_TEST) - 1;
  scene_play(&it);
}

static void refusals_are_sentences(void **state)
{
#define REFUSED "the SOCKS5 proxy could not connect to a.test port 443: "
  static const struct {
    const char *says;
    size_t len;
    const char *text;
  } rows[] = {
      {BYTES(NONE "\x05\x01"), REFUSED "general failure (1)"},
      {BYTES(NONE "\x05\x02"), REFUSED "not allowed by its rules (2)"},
      {BYTES(NONE "\x05\x03"), REFUSED "network unreachable (3)"},
      {BYTES(NONE "\x05\x04"), REFUSED "host unreachable (4)"},
      {BYTES(NONE "\x05\x05"), REFUSED "connection refused (5)"},
      {BYTES(NONE "\x05\x06"), REFUSED "time to live expired (6)"},
      {BYTES(NONE "\x05\x07"), REFUSED "it knows no CONNECT (7)"},
      {BYTES(NONE "\x05\x08"), REFUSED "it knows no such kind of address (8)"},
      {BYTES(NONE "\x05\xff"), REFUSED "unknown reason (255)"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.opts = a_test,
                .says = rows[i].says,
                .says_len = rows[i].len,
                .enough = rows[i].len,
                .want = ASK_NONE TO_A_TEST,
                .want_len = sizeof(ASK_NONE TO_A_TEST) - 1,
                .rv = AHTTP_EPROXY,
                .text = rows[i].text};
    scene_play(&it);
  }
}

static void other_trouble_is_a_sentence_too(void **state)
{
  static const struct {
    const char *says;
    size_t len;
    bool has_password;
    int rv;
    const char *text;
  } rows[] = {
      {BYTES("HT"), false, AHTTP_EPROTO, "the proxy does not speak SOCKS5"},
      {BYTES("\x04\x00"), true, AHTTP_EPROTO,
       "the proxy does not speak SOCKS5"},
      {BYTES("\x05\xff"), false, AHTTP_EPROXY,
       "the SOCKS5 proxy asks for a username and password"},
      {BYTES("\x05\xff"), true, AHTTP_EPROXY,
       "the SOCKS5 proxy accepts neither a password nor none"},
      {BYTES("\x05\x02"), false, AHTTP_EPROTO,
       "the SOCKS5 proxy chose an authentication that was not offered"},
      {BYTES("\x05\x01"), true, AHTTP_EPROTO,
       "the SOCKS5 proxy chose an authentication that was not offered"},
      {BYTES("\x05\x02\x01\x01"), true, AHTTP_EPROXY,
       "the SOCKS5 proxy refused the username and password"},
      {BYTES(NONE "\x04\x00\x00\x01\x00"), true, AHTTP_EPROTO,
       "the proxy does not speak SOCKS5"},
      {BYTES(NONE "\x05\x00\x00\x02\x00"), true, AHTTP_EPROTO,
       "the SOCKS5 proxy answered with an unknown kind of address"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_negotiator *negotiator;
    ahttp_error err;
    negotiator_talk talk;
    const ah_socks5_opts opts = rows[i].has_password ? with_password() : a_test;
    assert_int_equal(ah_socks5_new(&negotiator, &opts, &err), AHTTP_OK);
    negotiator_talk_run(&talk, negotiator, rows[i].says, rows[i].len, 0, 1);
    assert_int_equal(talk.rv, rows[i].rv);
    assert_string_equal(talk.err.text, rows[i].text);
    negotiator_talk_clear(&talk);
  }
}

static void end_says_how_far_it_came(void **state)
{
  static const struct {
    const char *says;
    size_t len;
    const char *text;
  } rows[] = {
      {BYTES(""), "the SOCKS5 proxy closed the connection at once"},
      {BYTES("\x05\x02"), "the SOCKS5 proxy closed the connection after the "
                          "username and password"},
      {BYTES(NONE "\x05"), "the SOCKS5 proxy closed the connection before it "
                           "said whether it could connect"},
      {BYTES(NONE "\x05\x00\x00\x01\x00"),
       "the SOCKS5 proxy closed the connection in the middle of its answer"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_negotiator *self;
    ahttp_error err;
    ah_buf said;
    size_t consumed;
    const ah_socks5_opts opts = with_password();
    assert_int_equal(ah_socks5_new(&self, &opts, &err), AHTTP_OK);
    ah_buf_init(&said, SIZE_MAX);
    assert_int_equal(self->ops->begin(self, &said, &err), AHTTP_OK);
    assert_int_equal(self->ops->read(self, (const uint8_t *)rows[i].says,
                                     rows[i].len, &consumed, &said, &err),
                     AH_MORE);
    self->ops->end(self, &err);
    assert_int_equal(err.code, AHTTP_EPROXY);
    assert_string_equal(err.text, rows[i].text);
    ah_buf_clear(&said);
    self->ops->free(self);
  }
}

/* CVE-2023-38545 was a name of more than 255 bytes. */
static void texts_of_more_than_255_bytes_are_refused(void **state)
{
  static char text[256];
  (void)state;
  memset(text, 'a', sizeof(text));
  for (int i = 0; i < 3; i++) {
    for (size_t len = 255; len <= 256; len++) {
      ah_socks5_opts opts = with_password();
      ahttp_str *const member[] = {&opts.host, &opts.username, &opts.password};
      *member[i] = ah_str(text, len);
      ah_negotiator *negotiator;
      ahttp_error err;
      int rv = ah_socks5_new(&negotiator, &opts, &err);
      assert_int_equal(rv, len == 255 ? AHTTP_OK : AHTTP_EINVAL);
      if (rv == AHTTP_OK) {
        negotiator_talk talk;
        negotiator_talk_run(&talk, negotiator, "\x05\x02\x01\x00" OK_V4, 14, 0,
                            1);
        assert_int_equal(talk.rv, AHTTP_OK);
        negotiator_talk_clear(&talk);
      } else {
        assert_null(negotiator);
        assert_int_equal(err.code, rv);
      }
    }
  }
}

static int talk_once(void *arg)
{
  ah_negotiator *negotiator;
  ahttp_error err;
  negotiator_talk talk;
  (void)arg;
  const ah_socks5_opts opts = with_password();
  int rv = ah_socks5_new(&negotiator, &opts, &err);
  if (rv != AHTTP_OK) {
    assert_int_equal(err.code, rv);
    return rv;
  }
  negotiator_talk_run(&talk, negotiator, "\x05\x02\x01\x00" OK_V4, 14, 0, 14);
  negotiator_talk_clear(&talk);
  return talk.rv;
}

static void socks5_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(talk_once, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_goes_to_the_proxy_as_it_is),
      cmocka_unit_test(what_follows_the_reply_is_the_tunnels),
      cmocka_unit_test(replies_have_addresses_of_any_kind),
      cmocka_unit_test(literals_go_as_addresses),
      cmocka_unit_test(resolved_address_goes_instead_of_the_name),
      cmocka_unit_test(password_is_sent_if_the_proxy_wants_it),
      cmocka_unit_test(password_is_not_sent_to_who_wants_none),
      cmocka_unit_test(refusals_are_sentences),
      cmocka_unit_test(other_trouble_is_a_sentence_too),
      cmocka_unit_test(end_says_how_far_it_came),
      cmocka_unit_test(texts_of_more_than_255_bytes_are_refused),
      cmocka_unit_test(socks5_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
