/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url_host.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static ah_arena arena;

static int setup(void **state)
{
  (void)state;
  ah_arena_init(&arena, NULL, 0);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  ah_arena_clear(&arena);
  return 0;
}

/* Parses a copy in a block of its exact size, which is gone afterwards. */
static int parse_exact(ah_url_host *host, ahttp_str text, bool is_special,
                       const char **why)
{
  char *block = malloc(text.len > 0 ? text.len : 1);
  assert_non_null(block);
  memcpy(block, text.ptr, text.len);
  int rv =
      ah_url_host_parse(host, &arena, ah_str(block, text.len), is_special, why);
  free(block);
  return rv;
}

static void check_host(const char *text, const char *want, bool is_ip)
{
  ah_url_host host;
  const char *why = "";
  if (parse_exact(&host, ah_str_from_c(text), true, &why) != AHTTP_OK) {
    fail_msg("%s: %s", text, why);
  }
  assert_text(host.text, want);
  assert_int_equal(host.is_ip, is_ip);
}

static void check_invalid(ahttp_str text, const char *want)
{
  ah_url_host host;
  const char *why = "accepted";
  int rv = parse_exact(&host, text, true, &why);
  if (rv != AHTTP_EURL || strcmp(why, want) != 0) {
    fail_msg("%.*s: \"%s\", not \"%s\"", (int)text.len, text.ptr, why, want);
  }
}

static void host_name_becomes_lower_case(void **state)
{
  (void)state;
  check_host("ExAmple.org.", "example.org.", false);
  check_host("%65x%41mple", "example", false);
  check_host("a_b~c!$&'()*+,;=", "a_b~c!$&'()*+,;=", false);
  check_host("XN--bcher-kva.example", "xn--bcher-kva.example", false);
  check_host(".", ".", false);
  check_host("1.2.3.a", "1.2.3.a", false);
  check_host("1.2.3.4..", "1.2.3.4..", false);
  check_host("0x7f.0.0.g", "0x7f.0.0.g", false);
}

static void host_forbidden_characters_are_named(void **state)
{
  (void)state;
  const char *want = "the host has a character that is not allowed";
  for (int c = 0; c < 0x80; c++) {
    char text[] = {'a', (char)c, 'b'};
    bool is_forbidden =
        c <= 0x20 || c == 0x7f || strchr("#/:<>?@[\\]^|%", c) != NULL;
    if (is_forbidden) {
      check_invalid(ah_str(text, sizeof(text)), want);
    } else {
      ah_url_host host;
      const char *why = NULL;
      assert_int_equal(
          parse_exact(&host, ah_str(text, sizeof(text)), true, &why), AHTTP_OK);
    }
  }
  check_invalid(AH_STR("a%00b"), want);
  check_invalid(AH_STR("a%2fb"), want);
  check_invalid(AH_STR("a%"), want);
  check_invalid(AH_STR("a%4"), want);
  check_invalid(AH_STR("a%4g"), want);
}

static void host_beyond_ascii_is_encoded_where_idna_is(void **state)
{
  (void)state;
#ifdef HAVE_LIBIDN2
  check_host("B\xc3\xbc"
             "cher.example",
             "xn--bcher-kva.example", false);
  check_host("b%c3%bccher.example", "xn--bcher-kva.example", false);
  check_host("\xef\xbc\x91.\xef\xbc\x92", "1.0.0.2", true);
  check_invalid(AH_STR("\xc3"), "the host is no valid internationalized "
                                "domain name");
  check_invalid(AH_STR("\xef\xbc\x85"), /* a full-width % */
                "the host has a character that is not allowed");
#else
  check_invalid(AH_STR("b\xc3\xbc"
                       "cher.example"),
                "host names beyond ASCII are not supported: libahttp was "
                "built without libidn2");
#endif
}

static void host_ipv4_numbers_have_many_forms(void **state)
{
  (void)state;
  check_host("1.2.3.4", "1.2.3.4", true);
  check_host("1.2.3.4.", "1.2.3.4", true);
  check_host("127.1", "127.0.0.1", true);
  check_host("1.2.65535", "1.2.255.255", true);
  check_host("0x7f000001", "127.0.0.1", true);
  check_host("0X7F.1", "127.0.0.1", true);
  check_host("017700000001", "127.0.0.1", true);
  check_host("0x", "0.0.0.0", true);
  check_host("0", "0.0.0.0", true);
  check_host("4294967295", "255.255.255.255", true);
  check_host("%31.%32.3.4", "1.2.3.4", true);
}

static void host_ipv4_out_of_range_is_invalid(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "1.2.3.256",
      "1.2.3.4.5",
      "256.1.1.1",
      "4294967296",
      "1..2",
      "foo.09",
      "foo.0x1",
      "1.2.65536",
      "1.16777216",
      "0.0.0.09",
      "99999999999999999999999999",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    check_invalid(ah_str_from_c(texts[i]),
                  "the host is an invalid IPv4 address");
  }
}

static void host_ipv6_is_compressed(void **state)
{
  (void)state;
  check_host("[::]", "[::]", true);
  check_host("[::1]", "[::1]", true);
  check_host("[1::]", "[1::]", true);
  check_host("[0:0:1:0:0:0:0:A]", "[0:0:1::a]", true);
  check_host("[1:0:0:2:0:0:3:4]", "[1::2:0:0:3:4]", true);
  check_host("[1:0:2:0:3:0:4:0]", "[1:0:2:0:3:0:4:0]", true);
  check_host("[00FF:0::0]", "[ff::]", true);
  check_host("[::ffff:1.2.3.4]", "[::ffff:102:304]", true);
  check_host("[1:2:3:4:5:6:7.8.9.10]", "[1:2:3:4:5:6:708:90a]", true);
  check_host("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]", true);
  check_host("[::2:3:4:5:6:7:8]", "[0:2:3:4:5:6:7:8]", true);
  check_host("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]",
             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", true);
}

static void host_ipv6_must_be_whole(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "[",
      "[]",
      "[::1",
      "[:]",
      "[1:2:3]",
      "[1::2::3]",
      "[::1:2:3:4:5:6:7:8]",
      "[1:2:3:4:5:6:7:8:9]",
      "[1:2:3:4:5:6:7:8::]",
      "[1:2:3:4:5:6:7:]",
      "[:1:2:3:4:5:6:7]",
      "[1:2:3:4:5:6:7:1.2.3.4]",
      "[::12345]",
      "[::g]",
      "[::1.2.3]",
      "[::1.2.3.256]",
      "[::01.2.3.4]",
      "[::1.2.3.4.]",
      "[::1.2..4]",
      "[::.1.2.3]",
      "[::1.2.3.4.5]",
      "[::1.2.3.4:5]",
      "[1.2.3.4]",
      "[fe80::1%25eth0]",
      "[::1]x",
      "[:::]",
      "[::1 ]",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    check_invalid(ah_str_from_c(texts[i]),
                  "the host is an invalid IPv6 address");
  }
}

static void host_opaque_keeps_its_case(void **state)
{
  (void)state;
  ah_url_host host;
  const char *why = NULL;
  assert_int_equal(
      parse_exact(&host, AH_STR("HoSt%20\x01\xc3\xa4\""), false, &why),
      AHTTP_OK);
  assert_text(host.text, "HoSt%20%01%C3%A4\"");
  assert_int_equal(parse_exact(&host, AH_STR("1.2"), false, &why), AHTTP_OK);
  assert_text(host.text, "1.2");
  assert_false(host.is_ip);
  assert_int_equal(parse_exact(&host, AH_STR("[0::1]"), false, &why), AHTTP_OK);
  assert_text(host.text, "[::1]");
  assert_true(host.is_ip);
  assert_int_equal(parse_exact(&host, AH_STR("a b"), false, &why), AHTTP_EURL);
}

static int parse_kinds(void *arg)
{
  (void)arg;
  ah_arena own;
  ah_url_host host;
  const char *why = NULL;
  int rv = AHTTP_OK;
  ah_arena_init(&own, NULL, 0);
  /* Past the first chunk, so that each kind has to grow at some time. */
  for (int i = 0; i < 2000 && rv == AHTTP_OK; i++) {
    const ahttp_str texts[] = {AH_STR("example.org"), AH_STR("1.2.3.4"),
                               AH_STR("[::1]"), AH_STR("opaque")};
    rv = ah_url_host_parse(&host, &own, texts[i % 4], i % 4 != 3, &why);
  }
  ah_arena_clear(&own);
  return rv;
}

static void host_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(parse_kinds, NULL);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      HOST_TEST(host_name_becomes_lower_case),
      HOST_TEST(host_forbidden_characters_are_named),
      HOST_TEST(host_beyond_ascii_is_encoded_where_idna_is),
      HOST_TEST(host_ipv4_numbers_have_many_forms),
      HOST_TEST(host_ipv4_out_of_range_is_invalid),
      HOST_TEST(host_ipv6_is_compressed),
      HOST_TEST(host_ipv6_must_be_whole),
      HOST_TEST(host_opaque_keeps_its_case),
      cmocka_unit_test(host_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
