/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "base/str.h"
#include "client/cookie_jar.h"
#include "support/assert_text.h"
#include "support/server_process.h"
#include "support/test_alloc.h"

/* --- A jar, its URLs and what it sends. ------------------------------------
 */

static ahttp_cookie_jar *jar;

static int set_up(void **state)
{
  (void)state;
  return ahttp_cookie_jar_new(&jar);
}

static int tear_down(void **state)
{
  (void)state;
  ahttp_cookie_jar_free(jar);
  jar = NULL;
  return 0;
}

static ahttp_url *url_of(const char *text)
{
  ahttp_url *url;
  assert_int_equal(ahttp_url_parse(&url, ah_str_from_c(text), NULL), AHTTP_OK);
  return url;
}

static int receive(const char *text, const char *set_cookie)
{
  ahttp_url *url = url_of(text);
  int rv = ahttp_cookie_jar_store(jar, url, ah_str_from_c(set_cookie), NULL);
  ahttp_url_free(url);
  return rv;
}

static void check_sent(const char *text, const char *want)
{
  char got[1024];
  size_t len;
  ahttp_url *url = url_of(text);
  assert_int_equal(ahttp_cookie_jar_header(jar, url, AHTTP_SITE_SAME, got,
                                           sizeof(got), &len),
                   AHTTP_OK);
  assert_string_equal(got, want);
  assert_int_equal(len, strlen(want));
  ahttp_url_free(url);
}

static int set(const char *name, const char *value, const char *domain,
               const char *path)
{
  ahttp_cookie cookie = AHTTP_COOKIE_INIT;
  cookie.name = ah_str_from_c(name);
  cookie.value = ah_str_from_c(value);
  cookie.domain = ah_str_from_c(domain);
  cookie.path = ah_str_from_c(path);
  return ahttp_cookie_jar_set(jar, &cookie);
}

static ahttp_cookie_list *find(const char *name, const char *domain,
                               const char *path)
{
  ahttp_cookie_list *list;
  ahttp_cookie_filter filter = AHTTP_COOKIE_FILTER_INIT;
  filter.name = name;
  filter.domain = domain;
  filter.path = path;
  assert_int_equal(ahttp_cookie_jar_find(jar, &filter, &list), AHTTP_OK);
  return list;
}

/* --- HTTPX's tests, faults and traps (reference: its test_cookies.py). ------
 */

/* HTTPX: test_cookies_with_domain.  A name that occurs twice is no
 * CookieConflict: all are found, and a domain chooses. */
static void name_in_two_domains_is_no_conflict(void **state)
{
  (void)state;
  assert_int_equal(set("n", "1", "example.com", "/"), AHTTP_OK);
  assert_int_equal(set("n", "2", "example.org", "/"), AHTTP_OK);
  ahttp_cookie_list *list = find("n", NULL, NULL);
  assert_int_equal(ahttp_cookie_list_count(list), 2);
  assert_text(ahttp_cookie_list_at(list, 0)->value, "1");
  assert_text(ahttp_cookie_list_at(list, 1)->value, "2");
  assert_null(ahttp_cookie_list_at(list, 2));
  ahttp_cookie_list_free(list);
  list = find("n", ".Example.org", NULL);
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  assert_text(ahttp_cookie_list_at(list, 0)->value, "2");
  ahttp_cookie_list_free(list);
}

/* HTTPX: test_cookies_with_domain_and_path. */
static void domain_and_path_choose(void **state)
{
  (void)state;
  assert_int_equal(set("n", "1", "example.com", "/a"), AHTTP_OK);
  assert_int_equal(set("n", "2", "example.com", "/b"), AHTTP_OK);
  ahttp_cookie_list *list = find("n", "example.com", "/b");
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  assert_text(ahttp_cookie_list_at(list, 0)->value, "2");
  ahttp_cookie_list_free(list);
  ahttp_cookie_filter filter = AHTTP_COOKIE_FILTER_INIT;
  filter.domain = "example.com";
  filter.path = "/b";
  size_t count = 99;
  assert_int_equal(ahttp_cookie_jar_remove(jar, &filter, &count), AHTTP_OK);
  assert_int_equal(count, 1);
  assert_int_equal(ahttp_cookie_jar_count(jar), 1);
  ahttp_cookie_jar_clear(jar);
  assert_int_equal(ahttp_cookie_jar_count(jar), 0);
}

/* HTTPX: test_multiple_set_cookie. */
static void dashed_dates_and_values_with_equals_signs_are_read(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.org/",
                           "1P_JAR=2020-08-09-18; path=/; "
                           "expires=Tue, 08-Sep-2099 18:33:35 GMT; "
                           "domain=.example.org; Secure"),
                   AHTTP_EFIELD); /* Secure without TLS: HTTPX takes it */
  assert_int_equal(receive("http://example.org/",
                           "1P_JAR=2020-08-09-18; path=/; "
                           "expires=Tue, 08-Sep-2099 18:33:35 GMT; "
                           "domain=.example.org"),
                   AHTTP_OK);
  assert_int_equal(receive("http://example.org/",
                           "NID=204=KWdXOuypc86YvRfBSiWoW1dEXfSl_5qI7sxZY4umlk4"
                           "J35yNTeNEkw15; HttpOnly"),
                   AHTTP_OK);
  check_sent("http://example.org/",
             "1P_JAR=2020-08-09-18; NID=204=KWdXOuypc86YvRfBSiWoW1dEXfSl_5qI7"
             "sxZY4umlk4J35yNTeNEkw15");
}

/* HTTPX's trap (a). */
static void host_only_cookie_is_not_sent_to_a_subdomain(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1"), AHTTP_OK);
  check_sent("http://sub.example.com/", "");
  check_sent("http://example.com/", "a=1");
}

/* HTTPX's trap (b). */
static void no_cookie_goes_to_every_host(void **state)
{
  (void)state;
  assert_int_equal(set("a", "1", "", "/"), AHTTP_EINVAL);
  assert_int_equal(set("a", "1", ".", "/"), AHTTP_EINVAL);
  assert_int_equal(ahttp_cookie_jar_count(jar), 0);
}

/* HTTPX's trap (c). */
static void attributes_are_kept(void **state)
{
  (void)state;
  assert_int_equal(receive("https://example.com/a/b",
                           "a=1; Secure; HttpOnly; SameSite=Strict"),
                   AHTTP_OK);
  assert_int_equal(receive("https://example.com/", "__Host-b=1; Path=/"),
                   AHTTP_EFIELD);
  ahttp_cookie_list *list = find(NULL, NULL, NULL);
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  const ahttp_cookie *cookie = ahttp_cookie_list_at(list, 0);
  assert_true(cookie->secure && cookie->http_only && cookie->host_only);
  assert_int_equal(cookie->same_site, AHTTP_SAME_SITE_STRICT);
  assert_int_equal(cookie->expires, AHTTP_COOKIE_SESSION);
  assert_text(cookie->path, "/a");
  assert_text(cookie->domain, "example.com");
  ahttp_cookie_list_free(list);
}

/* HTTPX's trap (d). */
static void localhost_gets_its_secure_cookies_over_http(void **state)
{
  (void)state;
  assert_int_equal(receive("http://localhost:8000/", "a=1; Secure"), AHTTP_OK);
  check_sent("http://localhost:8000/", "a=1");
}

/* HTTPX files "localhost" under "localhost.local". */
static void localhost_keeps_its_name(void **state)
{
  (void)state;
  assert_int_equal(receive("http://localhost/", "a=1"), AHTTP_OK);
  ahttp_cookie_list *list = find(NULL, "localhost", NULL);
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  ahttp_cookie_list_free(list);
}

/* HTTPX has no public suffix list. */
static void public_suffix_gets_no_cookie(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1; Domain=com"),
                   AHTTP_EFIELD);
  const char *why = NULL;
  ahttp_url *url = url_of("http://example.com/");
  assert_int_equal(
      ahttp_cookie_jar_store(jar, url, AH_STR("a=1; Domain=com"), &why),
      AHTTP_EFIELD);
  assert_string_equal(why, "its Domain is a public suffix");
  ahttp_url_free(url);
}

/* HTTPX's trap: a bad Max-Age drops the cookie; here it is ignored. */
static void bad_max_age_is_ignored(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1; Max-Age=soon"),
                   AHTTP_OK);
  check_sent("http://example.com/", "a=1");
}

/* --- Editing and looking. --------------------------------------------------
 */

static void domain_is_read_as_a_host(void **state)
{
  (void)state;
  assert_int_equal(set("a", "1", ".EXAMPLE.com", ""), AHTTP_OK);
  assert_int_equal(set("b", "2", "::1", ""), AHTTP_OK);
  assert_int_equal(set("c", "3", "not a host", ""), AHTTP_EINVAL);
  assert_int_equal(set("c", "3", "example.com/x", ""), AHTTP_EINVAL);
  assert_int_equal(set("c\r\nX: y", "3", "example.com", ""), AHTTP_EINVAL);
  assert_int_equal(ahttp_cookie_jar_set(jar, NULL), AHTTP_EINVAL);
  check_sent("http://a.example.com/", "a=1");
  check_sent("http://[::1]/", "b=2");
}

static void set_with_a_past_expiry_removes(void **state)
{
  (void)state;
  ahttp_cookie cookie = AHTTP_COOKIE_INIT;
  cookie.name = AH_STR("a");
  cookie.domain = AH_STR("example.com");
  assert_int_equal(ahttp_cookie_jar_set(jar, &cookie), AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_count(jar), 1);
  cookie.expires = 1;
  assert_int_equal(ahttp_cookie_jar_set(jar, &cookie), AHTTP_OK);
  assert_int_equal(ahttp_cookie_jar_count(jar), 0);
}

static void session_ends_on_request(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1"), AHTTP_OK);
  assert_int_equal(receive("http://example.com/", "b=2; Max-Age=99"), AHTTP_OK);
  ahttp_cookie_filter filter = AHTTP_COOKIE_FILTER_INIT;
  filter.session_only = true;
  assert_int_equal(ahttp_cookie_jar_remove(jar, &filter, NULL), AHTTP_OK);
  check_sent("http://example.com/", "b=2");
}

static void list_is_a_snapshot(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1"), AHTTP_OK);
  ahttp_url *url = url_of("http://example.com/");
  ahttp_cookie_list *list;
  assert_int_equal(ahttp_cookie_jar_find_for(jar, url, AHTTP_SITE_SAME, &list),
                   AHTTP_OK);
  ahttp_cookie_jar_clear(jar);
  assert_int_equal(receive("http://example.com/", "a=2"), AHTTP_OK);
  assert_int_equal(ahttp_cookie_list_count(list), 1);
  assert_text(ahttp_cookie_list_at(list, 0)->value, "1");
  assert_int_equal(ahttp_cookie_list_at(list, 0)->value.ptr[1], '\0');
  ahttp_cookie_list_free(list);
  ahttp_cookie_list_free(NULL);
  assert_int_equal(ahttp_cookie_list_count(NULL), 0);
  ahttp_url_free(url);
}

static void header_says_how_much_room_it_needs(void **state)
{
  (void)state;
  assert_int_equal(receive("http://example.com/", "a=1"), AHTTP_OK);
  ahttp_url *url = url_of("http://example.com/");
  char text[4] = "xyz";
  size_t len = 0;
  assert_int_equal(
      ahttp_cookie_jar_header(jar, url, AHTTP_SITE_SAME, NULL, 0, &len),
      AHTTP_ELIMIT);
  assert_int_equal(len, 3);
  assert_int_equal(
      ahttp_cookie_jar_header(jar, url, AHTTP_SITE_SAME, text, 3, &len),
      AHTTP_ELIMIT);
  assert_string_equal(text, "xyz");
  assert_int_equal(
      ahttp_cookie_jar_header(jar, url, AHTTP_SITE_SAME, text, 4, &len),
      AHTTP_OK);
  assert_string_equal(text, "a=1");
  ahttp_url_free(url);
}

static void header_has_a_limit(void **state)
{
  (void)state;
  static char text[4000];
  memset(text, 'v', sizeof(text) - 1);
  for (int i = 0; i < 20; i++) {
    char name[3] = {'n', (char)('a' + i), '\0'};
    assert_int_equal(set(name, text, "example.com", "/"), AHTTP_OK);
  }
  ahttp_url *url = url_of("http://example.com/");
  size_t len;
  (void)ahttp_cookie_jar_header(jar, url, AHTTP_SITE_SAME, NULL, 0, &len);
  assert_true(len <= AH_COOKIE_HEADER_BYTES_MAX && len > 28000);
  ahttp_url_free(url);
}

/* --- Files. ----------------------------------------------------------------
 */

static const char *file_path(const char *name)
{
  static char path[4096];
  (void)snprintf(path, sizeof(path), "%s/%s", server_dir(), name);
  return path;
}

static char *file_read(const char *path)
{
  static char text[8192];
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
  (void)fclose(file);
  return text;
}

/* How many files there are whose name begins with |prefix|. */
static size_t files_called(const char *prefix)
{
  size_t count = 0;
  DIR *dir = opendir(server_dir());
  assert_non_null(dir);
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 ? 1 : 0;
  }
  (void)closedir(dir);
  return count;
}

static void saved_jar_is_loaded_again(void **state)
{
  (void)state;
  const char *path = file_path("again.txt");
  assert_int_equal(receive("https://www.example.com/x/",
                           "a=1; Secure; HttpOnly; Domain=example.com"),
                   AHTTP_OK);
  assert_int_equal(receive("https://www.example.com/x/", "b=2; Max-Age=1000"),
                   AHTTP_OK);
  assert_int_equal(receive("https://www.example.com/x/", "nameless"), AHTTP_OK);
  assert_int_equal(receive("http://[::1]/", "c=\"3 4\""), AHTTP_OK);
  ahttp_error err;
  assert_int_equal(ahttp_cookie_jar_save(jar, path, &err), AHTTP_OK);
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(files_called("again.txt"), 1);

  ahttp_cookie_jar_clear(jar);
  ahttp_cookie_report report = {.size = sizeof(report)};
  assert_int_equal(ahttp_cookie_jar_load(jar, path, &report, &err), AHTTP_OK);
  assert_int_equal(report.loaded, 4);
  assert_int_equal(report.bad, 0);
  check_sent("https://www.example.com/x/", "a=1; b=2; nameless");
  check_sent("https://example.com/x/", "a=1");
  check_sent("http://www.example.com/x/", "b=2; nameless");
  check_sent("http://[::1]/", "c=\"3 4\"");
  ahttp_cookie_list *list = find("a", NULL, NULL);
  assert_true(ahttp_cookie_list_at(list, 0)->http_only);
  ahttp_cookie_list_free(list);
}

static void mistakes_in_a_file_are_passed_over_and_told(void **state)
{
  (void)state;
  char *path = server_write_file(
      "bad.txt", "\xef\xbb\xbf# Netscape HTTP Cookie File\r\n"
                 "example.com\tFALSE\t/\tFALSE\t0\ta\t1\r\n"
                 "nonsense\n"
                 "example.com\tFALSE\tx\tFALSE\t0\tb\t2\n"
                 "exa mple\tFALSE\t/\tFALSE\t0\tc\t3\n"
                 "example.com\tFALSE\t/\tFALSE\t12\told\t4\n"
                 "example.com\tFALSE\t/\tFALSE\t0\t__Host-d\t5\n"
                 ".example.com\tTRUE\t/\tFALSE\t99999999999\te\t6");
  ahttp_cookie_report report = {.size = sizeof(report)};
  assert_int_equal(ahttp_cookie_jar_load(jar, path, &report, NULL), AHTTP_OK);
  assert_int_equal(report.loaded, 2);
  assert_int_equal(report.expired, 1);
  assert_int_equal(report.bad, 4);
  assert_int_equal(report.first_bad_line, 3);
  assert_string_equal(report.first_bad,
                      "it has not seven fields separated by tabs");
  check_sent("http://example.com/", "a=1; e=6");
  free(path);
}

static void file_that_is_not_there_is_an_error(void **state)
{
  (void)state;
  ahttp_error err;
  assert_int_equal(ahttp_cookie_jar_load(jar, "/nonexistent/x", NULL, &err),
                   AHTTP_EFILE);
  assert_int_equal(err.code, AHTTP_EFILE);
  assert_int_equal(err.native, ENOENT);
  assert_non_null(strstr(err.text, "/nonexistent/x"));
  assert_int_equal(ahttp_cookie_jar_load(jar, server_dir(), NULL, &err),
                   AHTTP_EFILE);
  assert_int_equal(err.native, EISDIR);
  assert_int_equal(ahttp_cookie_jar_save(jar, "/nonexistent/x", &err),
                   AHTTP_EFILE);
  assert_int_equal(err.native, ENOENT);
}

static void oversized_file_is_refused(void **state)
{
  (void)state;
  char *path = server_write_file("huge.txt", "");
  assert_int_equal(truncate(path, 17 * 1024 * 1024), 0);
  ahttp_error err;
  assert_int_equal(ahttp_cookie_jar_load(jar, path, NULL, &err), AHTTP_ELIMIT);
  assert_int_equal(ahttp_cookie_jar_count(jar), 0);
  free(path);
}

/* The process's limit on files stands in for the end of the disk. */
static void full_disk_leaves_the_old_file(void **state)
{
  (void)state;
  char *path = server_write_file("kept.txt", "what was there\n");
  for (int i = 0; i < 20; i++) {
    char name[3] = {'n', (char)('a' + i), '\0'};
    assert_int_equal(set(name, "value", "example.com", "/"), AHTTP_OK);
  }
  struct rlimit old;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  const struct rlimit small = {.rlim_cur = 64, .rlim_max = old.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  ahttp_error err;
  int rv = ahttp_cookie_jar_save(jar, path, &err);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  (void)signal(SIGXFSZ, handler);
  assert_int_equal(rv, AHTTP_EFILE);
  assert_int_equal(err.native, EFBIG);
  assert_string_equal(file_read(path), "what was there\n");
  assert_int_equal(files_called("kept.txt"), 1);
  free(path);
}

static void full_device_is_an_error(void **state)
{
  (void)state;
  ahttp_error err;
  assert_int_equal(ahttp_cookie_jar_save(jar, "/dev/full", &err), AHTTP_EFILE);
  assert_int_equal(err.native, ENOSPC);
  assert_int_equal(ahttp_cookie_jar_save(jar, "/dev/null", &err), AHTTP_OK);
}

static void link_stays_a_link(void **state)
{
  (void)state;
  char *path = server_write_file("target.txt", "old\n");
  char link_path[4096];
  (void)snprintf(link_path, sizeof(link_path), "%s/link.txt", server_dir());
  assert_int_equal(symlink("target.txt", link_path), 0);
  assert_int_equal(ahttp_cookie_jar_save(jar, link_path, NULL), AHTTP_OK);
  struct stat status;
  assert_int_equal(lstat(link_path, &status), 0);
  assert_true(S_ISLNK(status.st_mode));
  assert_memory_equal(file_read(path), "# Netscape", 10);
  free(path);
}

/* --- Threads. --------------------------------------------------------------
 */

enum {
  THREADS = 16,
  ROUNDS = 200
};

/* Each thread sets its own cookie, and finds it, whatever the others do. */
static void thread_run(void *arg)
{
  const char *name = arg;
  char text[64];
  char got[4096];
  size_t len;
  ahttp_url *url;
  ahttp_cookie_list *list;
  ahttp_cookie_jar *held = ahttp_cookie_jar_ref(jar);
  (void)ahttp_url_parse(&url, AH_STR("http://www.example.com/"), NULL);
  for (int i = 0; i < ROUNDS; i++) {
    (void)snprintf(text, sizeof(text), "%s=%d; Domain=example.com", name, i);
    (void)ahttp_cookie_jar_store(held, url, ah_str_from_c(text), NULL);
    (void)snprintf(text, sizeof(text), "%s=%d", name, i);
    int rv = ahttp_cookie_jar_header(held, url, AHTTP_SITE_SAME, got,
                                     sizeof(got), &len);
    if (rv != AHTTP_OK || strstr(got, text) == NULL) {
      abort();
    }
    if (ahttp_cookie_jar_find(held, NULL, &list) == AHTTP_OK &&
        ahttp_cookie_list_count(list) > THREADS) {
      abort();
    }
    ahttp_cookie_list_free(list);
  }
  ahttp_url_free(url);
  ahttp_cookie_jar_free(held);
}

static void sixteen_threads_share_one_jar(void **state)
{
  (void)state;
  uv_thread_t threads[THREADS];
  static char names[THREADS][4];
  for (int i = 0; i < THREADS; i++) {
    (void)snprintf(names[i], sizeof(names[i]), "t%c", 'a' + i);
    assert_int_equal(uv_thread_create(&threads[i], thread_run, names[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&threads[i]), 0);
  }
  assert_int_equal(ahttp_cookie_jar_count(jar), THREADS);
}

/* --- Memory. ---------------------------------------------------------------
 */

static int use(void *arg)
{
  ahttp_cookie_jar *own;
  ahttp_url *url = NULL;
  ahttp_cookie_list *list = NULL;
  ahttp_error err;
  ahttp_cookie cookie = AHTTP_COOKIE_INIT;
  cookie.name = AH_STR("a");
  cookie.domain = AH_STR("a.example.com");
  int rv = ahttp_cookie_jar_new(&own);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_url_parse(&url, AH_STR("http://example.com/"), NULL);
  if (rv == AHTTP_OK) {
    rv = ahttp_cookie_jar_store(own, url, AH_STR("a=1"), NULL);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_cookie_jar_set(own, &cookie);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_cookie_jar_find(own, NULL, &list);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_cookie_jar_save(own, arg, &err);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_cookie_jar_load(own, arg, NULL, &err);
  }
  ahttp_cookie_list_free(list);
  ahttp_url_free(url);
  ahttp_cookie_jar_free(own);
  return rv;
}

static void every_failed_allocation_is_an_error(void **state)
{
  (void)state;
  char path[4096];
  (void)snprintf(path, sizeof(path), "%s", file_path("memory.txt"));
  test_alloc_fail_each(use, path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      CASE(name_in_two_domains_is_no_conflict),
      CASE(domain_and_path_choose),
      CASE(dashed_dates_and_values_with_equals_signs_are_read),
      CASE(host_only_cookie_is_not_sent_to_a_subdomain),
      CASE(no_cookie_goes_to_every_host),
      CASE(attributes_are_kept),
      CASE(localhost_gets_its_secure_cookies_over_http),
      CASE(localhost_keeps_its_name),
      CASE(public_suffix_gets_no_cookie),
      CASE(bad_max_age_is_ignored),
      CASE(domain_is_read_as_a_host),
      CASE(set_with_a_past_expiry_removes),
      CASE(session_ends_on_request),
      CASE(list_is_a_snapshot),
      CASE(header_says_how_much_room_it_needs),
      CASE(header_has_a_limit),
      CASE(saved_jar_is_loaded_again),
      CASE(mistakes_in_a_file_are_passed_over_and_told),
      CASE(file_that_is_not_there_is_an_error),
      CASE(oversized_file_is_refused),
      CASE(full_disk_leaves_the_old_file),
      CASE(full_device_is_an_error),
      CASE(link_stays_a_link),
      CASE(sixteen_threads_share_one_jar),
      cmocka_unit_test(every_failed_allocation_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
