/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include <ahttp/cookies.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "client/cookie_jar.h"
#include "client/file_text.h"
#include "client/options.h"
#include "http/cookie_file.h"

/* A full jar of the longest cookies is 12 MiB; more than this is no cookie
 * file. */
#define FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* --- Loading. --------------------------------------------------------------
 */

static void report_bad(ahttp_cookie_report *report, size_t line_number,
                       const char *why)
{
  report->bad++;
  if (report->first_bad_line == 0) {
    report->first_bad_line = line_number;
    report->first_bad = why;
  }
}

/* Puts one line's |cookie| into the jar.  Only AHTTP_ENOMEM is an error. */
static int jar_put_line(ahttp_cookie_jar *jar, ahttp_cookie *cookie,
                        ahttp_cookie_report *report, size_t line_number)
{
  uint8_t block[512];
  ah_arena arena;
  const char *why = "its domain is no host";
  int64_t now = ah_cookie_now();
  ah_arena_init(&arena, block, sizeof(block));
  int rv = ah_cookie_host_canonical(cookie->domain, &arena, &cookie->domain);
  if (rv == AHTTP_OK) {
    uv_mutex_lock(&jar->lock);
    rv = ah_cookie_store_put(&jar->store, cookie, now, &why);
    uv_mutex_unlock(&jar->lock);
  }
  ah_arena_clear(&arena);
  if (rv == AHTTP_ENOMEM) {
    return rv;
  }
  if (rv != AHTTP_OK) {
    report_bad(report, line_number, why);
  } else if (cookie->expires != AHTTP_COOKIE_SESSION &&
             cookie->expires <= now) {
    report->expired++;
  } else {
    report->loaded++;
  }
  return AHTTP_OK;
}

static int jar_read_line(ahttp_cookie_jar *jar, ahttp_str line,
                         ahttp_cookie_report *report, size_t line_number)
{
  ahttp_cookie cookie;
  const char *why;
  switch (ah_cookie_line_parse(&cookie, line, &why)) {
  case AH_COOKIE_LINE_EMPTY:
    break;
  case AH_COOKIE_LINE_BAD:
    report_bad(report, line_number, why);
    break;
  case AH_COOKIE_LINE_GOOD:
    return jar_put_line(jar, &cookie, report, line_number);
  }
  return AHTTP_OK;
}

static int jar_read_text(ahttp_cookie_jar *jar, ahttp_str text,
                         ahttp_cookie_report *report)
{
  const ahttp_str mark = AH_STR("\xef\xbb\xbf"); /* Windows' editors' */
  if (text.len >= mark.len && memcmp(text.ptr, mark.ptr, mark.len) == 0) {
    text = ah_str(text.ptr + mark.len, text.len - mark.len);
  }
  size_t line_number = 0;
  while (text.len > 0) {
    const char *end = memchr(text.ptr, '\n', text.len);
    size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
    line_number++;
    int rv = jar_read_line(jar, ah_str(text.ptr, len), report, line_number);
    if (rv != AHTTP_OK) {
      return rv;
    }
    size_t used = end == NULL ? len : len + 1;
    text = ah_str(text.ptr + used, text.len - used);
  }
  return AHTTP_OK;
}

int ahttp_cookie_jar_load(ahttp_cookie_jar *jar, const char *path,
                          ahttp_cookie_report *report, ahttp_error *err)
{
  ahttp_error ignored;
  ahttp_cookie_report found = {.size = sizeof(found)};
  ah_buf text;
  err = err == NULL ? &ignored : err;
  ah_error_clear(err);
  ah_buf_init(&text, FILE_BYTES_MAX);
  int rv = ah_file_text_read(path, &text, err);
  if (rv == AHTTP_OK) {
    rv = jar_read_text(
        jar, ah_str((const char *)text.data + text.head, ah_buf_len(&text)),
        &found);
    if (rv != AHTTP_OK) {
      ah_error_plain(err, rv, AHTTP_PHASE_NONE);
    }
  }
  ah_buf_clear(&text);
  if (report != NULL) {
    ah_sized_copy_out(report, &found, sizeof(found));
  }
  return rv;
}

/* --- Saving. ---------------------------------------------------------------
 */

/* A copy first: nothing is locked while the disk is waited for. */
static int jar_write_text(ahttp_cookie_jar *jar, ah_buf *text)
{
  ahttp_cookie_list *list;
  int rv = ahttp_cookie_jar_find(jar, NULL, &list);
  if (rv == AHTTP_OK) {
    rv = ah_cookie_file_begin(text);
  }
  for (size_t i = 0; rv == AHTTP_OK && i < ahttp_cookie_list_count(list); i++) {
    rv = ah_cookie_file_append(text, ahttp_cookie_list_at(list, i));
  }
  ahttp_cookie_list_free(list);
  return rv;
}

int ahttp_cookie_jar_save(ahttp_cookie_jar *jar, const char *path,
                          ahttp_error *err)
{
  ahttp_error ignored;
  ah_buf text;
  err = err == NULL ? &ignored : err;
  ah_error_clear(err);
  ah_buf_init(&text, SIZE_MAX);
  int rv = jar_write_text(jar, &text);
  if (rv == AHTTP_OK) {
    rv = ah_file_text_replace(
        path, ah_str((const char *)text.data + text.head, ah_buf_len(&text)),
        err);
  } else {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  ah_buf_clear(&text);
  return rv;
}
