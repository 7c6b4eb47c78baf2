/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/address.h"

/* Parses a copy in a block of its exact size. */
static bool parse(bool (*function)(ah_address *, ahttp_str, uint16_t),
                  ah_address *out, const char *text, size_t len)
{
  char *exact = malloc(len == 0 ? 1 : len);
  assert_non_null(exact);
  memcpy(exact, text, len);
  bool is_address = function(out, ah_str(exact, len), 80);
  free(exact);
  return is_address;
}

static void address_reads_and_prints(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *printed; /* NULL: no address */
    const char *with_port;
  } rows[] = {
      {"192.0.2.1", "192.0.2.1", "192.0.2.1:80"},
      {"9.10.99.100", "9.10.99.100", "9.10.99.100:80"},
      {"101.109.200.230", "101.109.200.230", "101.109.200.230:80"},
      {"0.0.0.0", "0.0.0.0", "0.0.0.0:80"},
      {"255.255.255.255", "255.255.255.255", "255.255.255.255:80"},
      {"::", "::", "[::]:80"},
      {"::1", "::1", "[::1]:80"},
      {"2001:DB8:0:0::1", "2001:db8::1", "[2001:db8::1]:80"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80"},
      {"fe80::1%1", "fe80::1%1", "[fe80::1%1]:80"},
      {"fe80::1%lo", "fe80::1%1", "[fe80::1%1]:80"},
      {"fe80::1%4294967295", "fe80::1%4294967295", "[fe80::1%4294967295]:80"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:80"},
      {"", NULL, NULL},
      {"192.0.2", NULL, NULL},
      {"192.0.2.256", NULL, NULL},
      {"192.0.2.1.", NULL, NULL},
      {" 192.0.2.1", NULL, NULL},
      {"0x7f.1", NULL, NULL},
      {"127.1", NULL, NULL},
      {"a.test", NULL, NULL},
      {":", NULL, NULL},
      {":::", NULL, NULL},
      {"[::1]", NULL, NULL},
      {"::1%", NULL, NULL},
      {"::1%0", NULL, NULL},
      {"::1%4294967296", NULL, NULL},
      {"::1%nosuchinterface0123456789", NULL, NULL},
      {"1:2:3:4:5:6:7:8:9", NULL, NULL},
      {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL, NULL},
      {"192.0.2.1%1", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_address address;
    bool is_address =
        parse(ah_address_parse, &address, rows[i].text, strlen(rows[i].text));
    assert_int_equal(is_address, rows[i].printed != NULL);
    if (!is_address) {
      continue;
    }
    char text[AH_ADDRESS_TEXT_BYTES];
    assert_string_equal(ah_address_print(&address, text, sizeof(text)),
                        rows[i].printed);
    assert_string_equal(ah_address_print_port(&address, text, sizeof(text)),
                        rows[i].with_port);
    assert_int_equal(ah_address_port(&address), 80);
    ah_address_set_port(&address, 65535);
    assert_int_equal(ah_address_port(&address), 65535);
  }
}

static void address_may_not_hold_a_nul(void **state)
{
  (void)state;
  ah_address address;
  assert_false(parse(ah_address_parse, &address, "192.0.2.1\0x", 11));
  assert_false(parse(ah_address_parse, &address, "::1\0x", 5));
  assert_false(parse(ah_address_parse, &address, "::1%lo\0x", 8));
}

static void address_reads_ports(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *printed; /* NULL: no address */
  } rows[] = {
      {"192.0.2.1", "192.0.2.1:80"},
      {"192.0.2.1:1", "192.0.2.1:1"},
      {"192.0.2.1:65535", "192.0.2.1:65535"},
      {"::1", "[::1]:80"},
      {"[::1]", "[::1]:80"},
      {"[::1]:5353", "[::1]:5353"},
      {"[fe80::1%1]:53", "[fe80::1%1]:53"},
      {"192.0.2.1:", NULL},
      {"192.0.2.1:0", NULL},
      {"192.0.2.1:65536", NULL},
      {"192.0.2.1:+1", NULL},
      {"192.0.2.1:53 ", NULL},
      {"[192.0.2.1]:53", NULL},
      {"[192.0.2.1]", NULL},
      {"[::1", NULL},
      {"[::1]53", NULL},
      {"[::1]:", NULL},
      {"[]:53", NULL},
      {"[", NULL},
      {"]", NULL},
      {":53", NULL},
      {"a.test:53", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_address address;
    bool is_address = parse(ah_address_parse_port, &address, rows[i].text,
                            strlen(rows[i].text));
    assert_int_equal(is_address, rows[i].printed != NULL);
    if (is_address) {
      char text[AH_ADDRESS_TEXT_BYTES];
      assert_string_equal(ah_address_print_port(&address, text, sizeof(text)),
                          rows[i].printed);
    }
  }
}

/* Every pattern of groups that are 0, 1, 0xffff or in between. */
static void address_prints_like_the_c_library(void **state)
{
  (void)state;
  static const uint16_t values[] = {0, 1, 0xffff, 0x0a0b};
  for (uint32_t pattern = 0; pattern < 1U << 16; pattern++) {
    ah_address address = {.v6.sin6_family = AF_INET6};
    for (unsigned i = 0; i < 8; i++) {
      uint16_t group = values[pattern >> 2 * i & 3];
      address.v6.sin6_addr.s6_addr[2 * i] = (uint8_t)(group >> 8);
      address.v6.sin6_addr.s6_addr[2 * i + 1] = (uint8_t)group;
    }
    char want[INET6_ADDRSTRLEN];
    char got[AH_ADDRESS_TEXT_BYTES];
    assert_non_null(
        inet_ntop(AF_INET6, &address.v6.sin6_addr, want, sizeof(want)));
    assert_string_equal(ah_address_print(&address, got, sizeof(got)), want);
  }
}

static void address_prints_nothing_beyond_its_room(void **state)
{
  (void)state;
  ah_address address;
  assert_true(ah_address_parse(&address, AH_STR("fe80::1%4294967295"), 65535));
  for (size_t cap = 1; cap <= AH_ADDRESS_TEXT_BYTES; cap++) {
    char *text = malloc(cap);
    assert_non_null(text);
    assert_true(strlen(ah_address_print(&address, text, cap)) < cap);
    assert_true(strlen(ah_address_print_port(&address, text, cap)) < cap);
    free(text);
  }
}

static void address_knows_loopback(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool is_loopback;
  } rows[] = {
      {"127.0.0.1", true},  {"127.255.255.254", true}, {"::1", true},
      {"128.0.0.1", false}, {"126.0.0.1", false},      {"::2", false},
      {"::", false},        {"0.0.0.0", false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_address address;
    assert_true(ah_address_parse(&address, ah_str_from_c(rows[i].text), 1));
    assert_int_equal(ah_address_is_loopback(&address), rows[i].is_loopback);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(address_reads_and_prints),
      cmocka_unit_test(address_may_not_hold_a_nul),
      cmocka_unit_test(address_reads_ports),
      cmocka_unit_test(address_prints_like_the_c_library),
      cmocka_unit_test(address_prints_nothing_beyond_its_room),
      cmocka_unit_test(address_knows_loopback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
