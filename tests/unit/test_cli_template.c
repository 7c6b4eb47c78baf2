/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/template.h"

static ahttp_str str_of(const char *chars)
{
  return (ahttp_str){chars, strlen(chars)};
}

/* Input 12, asked for at |url|, answered with |status| (0: not yet). */
static void expect_name(const char *template_text, const char *url, int status,
                        const char *want)
{
  cli_template *template;
  cli_text problem = {0};
  cli_text got = {0};
  ahttp_url *parsed;

  assert_int_equal(cli_template_new(&template, template_text, &problem), 0);
  assert_int_equal(ahttp_url_parse(&parsed, str_of(url), NULL), AHTTP_OK);
  cli_facts facts = {
      .n = 12,
      .url = parsed,
      .status = status,
      .content_type = str_of("Text/HTML ; charset=x"),
  };
  cli_template_expand(template, &facts, &got);
  assert_string_equal(got.ptr, want);
  cli_text_clear(&got);
  ahttp_url_free(parsed);
  cli_template_free(template);
}

static void template_fills_its_fields(void **state)
{
  const char *url = "https://u:p@h.example:8443/a/b%20c/d.tar.gz?q=1#f";

  (void)state;
  expect_name("{n}", url, 200, "12");
  expect_name("{n:05}", url, 200, "00012");
  expect_name("{host}", url, 200, "h.example");
  expect_name("{path}", url, 200, "a/b c/d.tar.gz");
  expect_name("{dir}", url, 200, "a/b c");
  expect_name("{name}", url, 200, "d.tar.gz");
  expect_name("{stem}", url, 200, "d.tar");
  expect_name("{ext}", url, 200, "gz");
  expect_name("{shard:5}", url, 200, "00002");
  expect_name("{status}", url, 404, "404");
  expect_name("{ctype_ext}", url, 200, "html");
  expect_name("x{{{n}}}y", url, 200, "x{12}y");
  expect_name("plain", url, 200, "plain");
  expect_name("{host}/{n:03}-{name}", url, 200, "h.example/012-d.tar.gz");
}

static void template_hashes_are_what_they_always_were(void **state)
{
  (void)state;
  /* FNV-1a of "" and "a", by its authors. */
  assert_true(cli_hash(CLI_HASH_START, str_of("")) ==
              UINT64_C(0xcbf29ce484222325));
  assert_true(cli_hash(CLI_HASH_START, str_of("a")) ==
              UINT64_C(0xaf63dc4c8601ec8c));
  expect_name("{qhash}", "http://h/", 200, "cbf29ce4");
  expect_name("{qhash}", "http://h/?a", 200, "af63dc4c");
  expect_name("{urlhash:4}", "http://h/", 200, "80de");
  expect_name("{urlhash}", "http://h/", 200, "80deaee31b4ed7c2");
}

static void template_fields_of_the_response_wait_for_it(void **state)
{
  cli_text problem = {0};
  cli_template *template;

  (void)state;
  expect_name("{status}-{name}", "http://h/x", 0, "{status}-x");
  expect_name("{status}-{name}", "http://h/x", 200, "200-x");
  assert_int_equal(cli_template_new(&template, "a{ctype_ext}", &problem), 0);
  assert_true(cli_template_is_late(template));
  cli_template_free(template);
  assert_int_equal(cli_template_new(&template, "{n}", &problem), 0);
  assert_false(cli_template_is_late(template));
  cli_template_free(template);
}

static void template_paths_stay_in_their_folder(void **state)
{
  (void)state;
  expect_name("{dir}/{name}", "http://h/x", 200, "x");
  expect_name("{path}", "http://h/", 200, "index.html");
  expect_name("{path}", "http://h//a//b", 200, "a/b");
  expect_name("{path}", "http://h/a/", 200, "a/index.html");
  expect_name("p{path}", "http://h/x", 200, "px");
  expect_name("{host}/{name}", "http://../x", 200, "__/x");
  expect_name(".{ext}", "http://h/x", 200, "index.html");
  expect_name(".{ext}./y", "http://h/x", 200, "_/y");
  expect_name("{name}", "http://h/a%2f..%2f..%2fetc", 200, "a%2f..%2f..%2fetc");
}

static void template_own_text_is_trusted(void **state)
{
  (void)state;
  expect_name("../{name}", "http://h/x", 200, "../x");
  expect_name("/tmp/{name}", "http://h/x", 200, "/tmp/x");
  expect_name("/{dir}/{name}", "http://h/x", 200, "/x");
  expect_name("a//b", "http://h/x", 200, "a/b");
  expect_name("a/..", "http://h/x", 200, "a/__");
}

static void template_empty_extension_takes_its_dot_away(void **state)
{
  (void)state;
  expect_name("{stem}.{ext}", "http://h/data", 200, "data");
  expect_name("{stem}.{ext}", "http://h/i.png", 200, "i.png");
  expect_name("{stem}.{n}.{ext}", "http://h/i", 200, "i.12");
  expect_name("{stem}", "http://h/.rc", 200, ".rc");
}

static void template_mistakes_are_told(void **state)
{
  static const char *const mistakes[] = {
      "{",        "{n",      "{}",        "{N}",          "{name }",
      "{n:}",     "{n:0}",   "{n:21}",    "{n:x}",        "{n:99999999999999}",
      "{host:3}", "{shard}", "{shard:0}", "{urlhash:17}", "{a{n}}",
  };

  (void)state;
  for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
    cli_template *template;
    cli_text problem = {0};
    assert_int_equal(cli_template_new(&template, mistakes[i], &problem), -1);
    assert_null(template);
    assert_true(problem.len > 0);
    cli_text_clear(&problem);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(template_fills_its_fields),
      cmocka_unit_test(template_hashes_are_what_they_always_were),
      cmocka_unit_test(template_fields_of_the_response_wait_for_it),
      cmocka_unit_test(template_paths_stay_in_their_folder),
      cmocka_unit_test(template_own_text_is_trusted),
      cmocka_unit_test(template_empty_extension_takes_its_dot_away),
      cmocka_unit_test(template_mistakes_are_told),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
