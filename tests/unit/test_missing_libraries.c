/* SPDX-License-Identifier: MIT */
/* A library that is loaded when it is needed may be missing by then. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "base/str.h"
#include "client/public_suffix.h"
#include "http/decoder_step.h"
#include "http/idna_library.h"
#include "http/url.h"
#include "support/assert_text.h"

#define MISSING "libahttp-no-such.so.1"

static void hide_libraries(void)
{
#ifdef HAVE_BROTLI
  ah_brotli_library.soname = MISSING;
#endif
#ifdef HAVE_ZSTD
  ah_zstd_library.soname = MISSING;
#endif
#ifdef HAVE_LIBIDN2
  ah_idn2_library.soname = MISSING;
#endif
#ifdef HAVE_LIBPSL
  ah_psl_library.soname = MISSING;
#endif
}

#if defined(HAVE_BROTLI) && defined(HAVE_ZSTD)

/* What a client that decodes offers in its |nth| request. */
static void check_offer(const ahttp_transport *transport, size_t nth,
                        const char *want)
{
  ahttp_str value;
  const ahttp_mock_request *request = ahttp_mock_at(transport, nth);
  assert_true(ahttp_fields_get(ahttp_mock_request_fields(request),
                               "accept-encoding", &value));
  assert_text(value, want);
}

static void check_failure(ahttp_client *client, const char *coding,
                          const char *package)
{
  ahttp_response *response;
  ahttp_error err;
  char url[32] = "http://a.test/";
  strncat(url, coding, 8);
  assert_int_equal(ahttp_get(client, url, &response, &err), AHTTP_EDECODE);
  assert_non_null(strstr(err.text, coding));
  assert_non_null(strstr(err.text, MISSING));
  assert_non_null(strstr(err.text, package));
}

static void coding_without_its_library_fails_and_is_not_offered(void **state)
{
  (void)state;
  static const ahttp_field br = {{"Content-Encoding", 16}, {"br", 2}};
  static const ahttp_field zstd = {{"Content-Encoding", 16}, {"zstd", 4}};
  ahttp_mock_reply replies[2] = {AHTTP_MOCK_REPLY_INIT, AHTTP_MOCK_REPLY_INIT};
  replies[0].url = "http://a.test/br";
  replies[0].fields = &br;
  replies[1].url = "http://a.test/zstd";
  replies[1].fields = &zstd;
  for (int i = 0; i < 2; i++) {
    replies[i].field_count = 1;
    replies[i].content = AH_STR("whatever");
  }
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.replies = replies;
  mock_opts.reply_count = 2;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  assert_int_equal(ahttp_mock_new(&opts.transport, &mock_opts), AHTTP_OK);
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);

  check_failure(client, "br", "libbrotli1");
  check_failure(client, "zstd", "libzstd1");
  check_failure(client, "br", "libbrotli1");
  check_offer(opts.transport, 0, "gzip, deflate, br, zstd");
  check_offer(opts.transport, 1, "gzip, deflate, zstd");
  check_offer(opts.transport, 2, "gzip, deflate");

  ahttp_client_free(client);
  ahttp_transport_free(opts.transport);
}

#endif

#ifdef HAVE_LIBIDN2

static void international_host_is_refused(void **state)
{
  (void)state;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_url url;
  const char *why;
  assert_int_equal(ah_url_parse(&url, &arena,
                                AH_STR("http://b\u00fccher.test/"), NULL, &why),
                   AHTTP_EURL);
  assert_non_null(strstr(why, MISSING));
  assert_non_null(strstr(why, "libidn2-0"));
  ah_arena_clear(&arena);
}

static void ascii_hosts_do_without(void **state)
{
  (void)state;
  ahttp_url *url;
  assert_int_equal(
      ahttp_url_parse(&url, AH_STR("http://xn--bcher-kva.test/"), NULL),
      AHTTP_OK);
  char text[64];
  size_t len = ahttp_url_display(url, text, sizeof(text));
  assert_text(ah_str(text, len), "http://xn--bcher-kva.test/");
  ahttp_url_free(url);
}

#endif

static void domains_of_two_labels_are_registrable(void **state)
{
  (void)state;
  assert_text(ah_registrable_domain(AH_STR("a.example.com")), "example.com");
  assert_text(ah_registrable_domain(AH_STR("a.co.uk")), "co.uk");
  assert_text(ah_registrable_domain(AH_STR("com")), "");
}

static void version_names_none_of_them(void **state)
{
  (void)state;
  const char *details = ahttp_version_details();
  assert_non_null(strstr(details, " no-IDNA no-libpsl"));
  assert_null(strstr(details, "brotli"));
  assert_null(strstr(details, "zstd"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
#if defined(HAVE_BROTLI) && defined(HAVE_ZSTD)
      cmocka_unit_test(coding_without_its_library_fails_and_is_not_offered),
#endif
#ifdef HAVE_LIBIDN2
      cmocka_unit_test(international_host_is_refused),
      cmocka_unit_test(ascii_hosts_do_without),
#endif
      cmocka_unit_test(domains_of_two_labels_are_registrable),
      cmocka_unit_test(version_names_none_of_them),
  };
  hide_libraries();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
