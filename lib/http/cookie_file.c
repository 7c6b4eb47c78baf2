/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "http/cookie_file.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "http/set_cookie.h"

#define HTTP_ONLY_MARK "#HttpOnly_"

enum {
  FIELD_DOMAIN,
  FIELD_SUBDOMAINS,
  FIELD_PATH,
  FIELD_SECURE,
  FIELD_EXPIRES,
  FIELD_NAME,
  FIELD_VALUE,
  FIELD_COUNT
};

/* --- Reading. --------------------------------------------------------------
 */

static bool starts_with(ahttp_str text, ahttp_str prefix)
{
  return text.len >= prefix.len &&
         ah_str_eq(ah_str(text.ptr, prefix.len), prefix);
}

/* Cuts |line| at its tabs; the value keeps the rest.  Returns how many fields
 * there are. */
static size_t split(ahttp_str line, ahttp_str fields[FIELD_COUNT])
{
  size_t count = 0;
  while (count < FIELD_COUNT - 1) {
    const char *tab = memchr(line.ptr, '\t', line.len);
    if (tab == NULL) {
      break;
    }
    size_t len = (size_t)(tab - line.ptr);
    fields[count++] = ah_str(line.ptr, len);
    line = ah_str(tab + 1, line.len - len - 1);
  }
  fields[count++] = line;
  return count;
}

static bool flag_parse(ahttp_str text, bool *out)
{
  *out = ah_str_ieq(text, AH_STR("TRUE"));
  return *out || ah_str_ieq(text, AH_STR("FALSE"));
}

/* Seconds; some browsers' extensions write a fraction.  What is before 1970 is
 * over, and 0 or nothing is a session. */
static bool expires_parse(ahttp_str text, int64_t *out)
{
  *out = AHTTP_COOKIE_SESSION;
  if (text.len == 0) {
    return true;
  }
  bool is_negative = text.ptr[0] == '-';
  if (is_negative) {
    text = ah_str(text.ptr + 1, text.len - 1);
  }
  const char *dot = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);
  if (dot != NULL) {
    size_t len = (size_t)(dot - text.ptr);
    ahttp_str fraction = ah_str(dot + 1, text.len - len - 1);
    if (fraction.len > 0 && !ah_str_all(fraction, AH_CHAR_DIGIT)) {
      return false;
    }
    text = ah_str(text.ptr, len);
  }
  uint64_t seconds;
  if (!ah_str_to_u64(text, &seconds)) {
    return false;
  }
  if (is_negative) {
    *out = AH_COOKIE_EXPIRED;
  } else {
    *out = seconds > INT64_MAX ? INT64_MAX : (int64_t)seconds;
  }
  return true;
}

static const char *line_refusal(ahttp_cookie *out,
                                const ahttp_str fields[FIELD_COUNT])
{
  bool has_subdomains;
  if (fields[FIELD_DOMAIN].len == 0) {
    return "the domain is missing";
  }
  if (!flag_parse(fields[FIELD_SUBDOMAINS], &has_subdomains)) {
    return "the second field is neither TRUE nor FALSE";
  }
  if (!flag_parse(fields[FIELD_SECURE], &out->secure)) {
    return "the fourth field is neither TRUE nor FALSE";
  }
  if (!expires_parse(fields[FIELD_EXPIRES], &out->expires)) {
    return "the fifth field is no time";
  }
  ahttp_str domain = fields[FIELD_DOMAIN];
  bool has_dot = domain.ptr[0] == '.';
  out->domain = has_dot ? ah_str(domain.ptr + 1, domain.len - 1) : domain;
  out->host_only = !has_subdomains;
  out->path = fields[FIELD_PATH];
  out->name = fields[FIELD_NAME];
  out->value = fields[FIELD_VALUE];
  return NULL;
}

ah_cookie_line ah_cookie_line_parse(ahttp_cookie *out, ahttp_str line,
                                    const char **why)
{
  const ahttp_str mark = AH_STR(HTTP_ONLY_MARK);
  *out = (ahttp_cookie)AHTTP_COOKIE_INIT;
  *why = NULL;
  if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
    line.len--;
  }
  if (starts_with(line, mark)) {
    out->http_only = true;
    line = ah_str(line.ptr + mark.len, line.len - mark.len);
  } else if (ah_str_trim(line).len == 0 || line.ptr[0] == '#') {
    return AH_COOKIE_LINE_EMPTY;
  }
  ahttp_str fields[FIELD_COUNT];
  size_t count = split(line, fields);
  if (count == FIELD_COUNT - 1) {
    fields[FIELD_VALUE] = ah_str(NULL, 0);
  } else if (count < FIELD_COUNT) {
    *why = "it has not seven fields separated by tabs";
    return AH_COOKIE_LINE_BAD;
  }
  *why = line_refusal(out, fields);
  return *why == NULL ? AH_COOKIE_LINE_GOOD : AH_COOKIE_LINE_BAD;
}

/* --- Writing. --------------------------------------------------------------
 */

static int append(ah_buf *buf, ahttp_str text)
{
  return text.len == 0 ? AHTTP_OK : ah_buf_append(buf, text.ptr, text.len);
}

int ah_cookie_file_begin(ah_buf *buf)
{
  return append(buf, AH_STR("# Netscape HTTP Cookie File\n"
                            "# Written by libahttp.  domain, subdomains too, "
                            "path, secure, expires, name, value\n\n"));
}

static bool has_tab(ahttp_str text)
{
  return text.len > 0 && memchr(text.ptr, '\t', text.len) != NULL;
}

int ah_cookie_file_append(ah_buf *buf, const ahttp_cookie *cookie)
{
  if (has_tab(cookie->name) || has_tab(cookie->path)) {
    return AHTTP_OK;
  }
  char number[32];
  int len = snprintf(number, sizeof(number), "%" PRId64 "\t", cookie->expires);
  const ahttp_str parts[] = {
      cookie->http_only ? AH_STR(HTTP_ONLY_MARK) : AH_STR(""),
      cookie->host_only ? AH_STR("") : AH_STR("."),
      cookie->domain,
      cookie->host_only ? AH_STR("\tFALSE\t") : AH_STR("\tTRUE\t"),
      cookie->path,
      cookie->secure ? AH_STR("\tTRUE\t") : AH_STR("\tFALSE\t"),
      ah_str(number, (size_t)len),
      cookie->name,
      AH_STR("\t"),
      cookie->value,
      AH_STR("\n"),
  };
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    int rv = append(buf, parts[i]);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}
