/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "http/set_cookie.h"

#include "base/str.h"
#include "http/cookie_date.h"

/* Cuts what is before the first |separator| off |*rest|, and that too.  Without
 * one everything is cut off, and false returned. */
static bool cut(ahttp_str *rest, char separator, ahttp_str *before)
{
  const char *at =
      rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
  if (at == NULL) {
    *before = *rest;
    *rest = ah_str(NULL, 0);
    return false;
  }
  *before = ah_str(rest->ptr, (size_t)(at - rest->ptr));
  *rest = ah_str(at + 1, rest->len - before->len - 1);
  return true;
}

bool ah_cookie_has_control(ahttp_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if ((c < 0x20 && c != 0x09) || c == 0x7f) {
      return true;
    }
  }
  return false;
}

/* Section 5.5, the cookie age limit, and the earliest time. */
static int64_t expiry_limit(int64_t expires, int64_t now)
{
  if (expires > now + AH_COOKIE_AGE_S_MAX) {
    return now + AH_COOKIE_AGE_S_MAX;
  }
  return expires < AH_COOKIE_EXPIRED ? AH_COOKIE_EXPIRED : expires;
}

/* Section 5.6.2.  False if the attribute is to be ignored. */
static bool max_age_parse(ahttp_str value, int64_t now, int64_t *expires)
{
  bool is_negative = value.len > 0 && value.ptr[0] == '-';
  ahttp_str digits = is_negative ? ah_str(value.ptr + 1, value.len - 1) : value;
  if (!ah_str_all(digits, AH_CHAR_DIGIT)) {
    return false;
  }
  int64_t age = 0;
  for (size_t i = 0; i < digits.len && age <= AH_COOKIE_AGE_S_MAX; i++) {
    age = age * 10 + (digits.ptr[i] - '0');
  }
  if (is_negative || age == 0) {
    *expires = AH_COOKIE_EXPIRED;
  } else {
    *expires = expiry_limit(now + age, now);
  }
  return true;
}

/* Section 5.6.7. */
static ahttp_same_site same_site_of(ahttp_str value)
{
  if (ah_str_ieq(value, AH_STR("none"))) {
    return AHTTP_SAME_SITE_NONE;
  }
  if (ah_str_ieq(value, AH_STR("strict"))) {
    return AHTTP_SAME_SITE_STRICT;
  }
  return ah_str_ieq(value, AH_STR("lax")) ? AHTTP_SAME_SITE_LAX
                                          : AHTTP_SAME_SITE_DEFAULT;
}

/* The moments that Max-Age and Expires, the last of each, have named; 0 where
 * there was none. */
typedef struct expiries {
  int64_t max_age;
  int64_t date;
} expiries;

/* Sections 5.6.1 to 5.6.7. */
static void set_cookie_take_attribute(ah_set_cookie *out, expiries *found,
                                      ahttp_str name, ahttp_str value,
                                      int64_t now)
{
  int64_t seconds;
  if (ah_str_ieq(name, AH_STR("expires"))) {
    if (ah_cookie_date_parse(value, &seconds)) {
      found->date = expiry_limit(seconds, now);
    }
  } else if (ah_str_ieq(name, AH_STR("max-age"))) {
    if (max_age_parse(value, now, &seconds)) {
      found->max_age = seconds;
    }
  } else if (ah_str_ieq(name, AH_STR("domain"))) {
    bool has_dot = value.len > 0 && value.ptr[0] == '.';
    out->domain = has_dot ? ah_str(value.ptr + 1, value.len - 1) : value;
  } else if (ah_str_ieq(name, AH_STR("path"))) {
    bool is_path = value.len > 0 && value.ptr[0] == '/';
    out->path = is_path ? value : ah_str(NULL, 0);
    out->has_path = true;
  } else if (ah_str_ieq(name, AH_STR("secure"))) {
    out->secure = true;
  } else if (ah_str_ieq(name, AH_STR("httponly"))) {
    out->http_only = true;
  } else if (ah_str_ieq(name, AH_STR("samesite"))) {
    out->same_site = same_site_of(value);
  }
}

static void set_cookie_take_attributes(ah_set_cookie *out, ahttp_str rest,
                                       int64_t now)
{
  expiries found = {.max_age = 0};
  while (rest.len > 0) {
    ahttp_str value;
    ahttp_str name;
    (void)cut(&rest, ';', &value);
    (void)cut(&value, '=', &name);
    value = ah_str_trim(value);
    if (value.len <= AH_COOKIE_ATTRIBUTE_BYTES_MAX) {
      set_cookie_take_attribute(out, &found, ah_str_trim(name), value, now);
    }
  }
  /* Section 5.7, step 6. */
  out->expires = found.max_age != 0 ? found.max_age : found.date;
}

int ah_set_cookie_parse(ah_set_cookie *out, ahttp_str text, int64_t now,
                        const char **why)
{
  *out = (ah_set_cookie){.expires = AHTTP_COOKIE_SESSION};
  if (ah_cookie_has_control(text)) {
    *why = "it has a control character";
    return AHTTP_EFIELD;
  }
  ahttp_str pair;
  ahttp_str name;
  (void)cut(&text, ';', &pair);
  if (!cut(&pair, '=', &name)) {
    pair = name; /* a value without a name */
    name = ah_str(NULL, 0);
  }
  out->name = ah_str_trim(name);
  out->value = ah_str_trim(pair);
  if (out->name.len + out->value.len > AH_COOKIE_PAIR_BYTES_MAX) {
    *why = "its name and value have more than 4096 bytes";
    return AHTTP_EFIELD;
  }
  if (out->name.len + out->value.len == 0) {
    *why = "it has neither name nor value"; /* section 5.7, step 2 */
    return AHTTP_EFIELD;
  }
  set_cookie_take_attributes(out, text, now);
  return AHTTP_OK;
}

static bool has_prefix(ahttp_str text, ahttp_str prefix)
{
  return text.len >= prefix.len &&
         ah_str_ieq(ah_str(text.ptr, prefix.len), prefix);
}

const char *ah_cookie_prefix_refusal(ahttp_str name, ahttp_str value,
                                     bool secure, bool is_whole_host)
{
  const ahttp_str secure_prefix = AH_STR("__Secure-");
  const ahttp_str host_prefix = AH_STR("__Host-");
  if (has_prefix(name, secure_prefix) && !secure) {
    return "its name begins with __Secure-, but it is not Secure";
  }
  if (has_prefix(name, host_prefix) && !(secure && is_whole_host)) {
    return "its name begins with __Host-, but it is not Secure, or not for one "
           "host with the path /";
  }
  /* A server cannot tell "__Host-a=b" without a name from one with it. */
  if (name.len == 0 &&
      (has_prefix(value, secure_prefix) || has_prefix(value, host_prefix))) {
    return "it has no name, and a value that looks like a prefixed name";
  }
  return NULL;
}
