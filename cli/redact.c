/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/redact.h"

#include <string.h>
#include <strings.h>

#define HIDDEN "***"

static const char *const secret_fields[] = {
    "authorization", "cookie",    "proxy-authorization",
    "set-cookie",    "x-api-key", "x-auth-token",
};

/* Parameter names, or their endings after "_" or "-": "access_token". */
static const char *const secret_params[] = {
    "token",      "password", "passwd", "secret", "apikey",    "key",
    "credential", "sig",      "auth",   "jwt",    "signature",
};

static bool str_is(const char *ptr, size_t len, const char *word)
{
  return len == strlen(word) && strncasecmp(ptr, word, len) == 0;
}

bool cli_field_is_secret(ahttp_str name)
{
  for (size_t i = 0; i < sizeof(secret_fields) / sizeof(*secret_fields); i++) {
    if (str_is(name.ptr, name.len, secret_fields[i])) {
      return true;
    }
  }
  return false;
}

/* |len| bytes at |name|: the text between "?" or "&" and "=". */
static bool param_is_secret(const char *name, size_t len)
{
  size_t start = len;

  while (start > 0 && name[start - 1] != '_' && name[start - 1] != '-') {
    start--;
  }
  for (size_t i = 0; i < sizeof(secret_params) / sizeof(*secret_params); i++) {
    if (str_is(name + start, len - start, secret_params[i])) {
      return true;
    }
  }
  return false;
}

/* True where a URL inside a sentence certainly ends. */
static bool byte_ends_url(char byte)
{
  return (uint8_t)byte <= ' ' || byte == '"' || byte == '<' || byte == '>';
}

static bool byte_ends_authority(char byte)
{
  return byte == '/' || byte == '?' || byte == '#' || byte == '\\' ||
         byte_ends_url(byte);
}

/* A text being copied.  What is not hidden is copied in runs. */
typedef struct redaction {
  cli_text *out;
  ahttp_str str;
  size_t copied; /* bytes of |str| dealt with: copied or hidden */
} redaction;

/* Copies up to |start|, hides up to |end|. */
static void redaction_hide(redaction *r, size_t start, size_t end)
{
  cli_text_append(r->out, r->str.ptr + r->copied, start - r->copied);
  cli_text_add(r->out, HIDDEN);
  r->copied = end;
}

/* Where the authority from |at| ends; hides its userinfo. */
static size_t redact_authority(redaction *r, size_t at)
{
  size_t end = at;
  size_t host = at;

  for (; end < r->str.len && !byte_ends_authority(r->str.ptr[end]); end++) {
    if (r->str.ptr[end] == '@') {
      host = end;
    }
  }
  if (host > at) {
    redaction_hide(r, at, host);
  }
  return end;
}

/* Where the value of a parameter from |at| ends. */
static size_t value_end(ahttp_str str, size_t at)
{
  while (at < str.len && str.ptr[at] != '&' && str.ptr[at] != ';' &&
         str.ptr[at] != '#' && !byte_ends_url(str.ptr[at])) {
    at++;
  }
  return at;
}

/* Where the URL whose path begins at |at| ends; hides secret parameters. */
static size_t redact_rest(redaction *r, size_t at)
{
  ahttp_str str = r->str;
  bool in_query = false;
  size_t name = at;

  for (; at < str.len && !byte_ends_url(str.ptr[at]); at++) {
    char byte = str.ptr[at];
    if (byte == '?' || (in_query && (byte == '&' || byte == ';'))) {
      in_query = true;
      name = at + 1;
    } else if (in_query && byte == '=' &&
               param_is_secret(str.ptr + name, at - name)) {
      size_t end = value_end(str, at + 1);
      redaction_hide(r, at + 1, end);
      at = end - 1;
    }
  }
  return at;
}

/* True if the text begins with an authority that has userinfo: such as
 * "user:password@host/" without a scheme. */
static bool starts_with_userinfo(ahttp_str str)
{
  size_t at = 0;

  while (at < str.len && str.ptr[at] != '@' &&
         !byte_ends_authority(str.ptr[at])) {
    at++;
  }
  return at < str.len && str.ptr[at] == '@';
}

/* The length of the ":" and slashes that start an authority at |at|, or 0.  The
 * WHATWG URL standard takes any number of either slash for "://". */
static size_t authority_mark_len(ahttp_str str, size_t at)
{
  size_t end = at + 1;

  if (str.ptr[at] != ':') {
    return 0;
  }
  while (end < str.len && (str.ptr[end] == '/' || str.ptr[end] == '\\')) {
    end++;
  }
  return end > at + 1 ? end - at : 0;
}

/* Userinfo ends with "@", and the name of a parameter with "=". */
static bool has_nothing_to_hide(ahttp_str str)
{
  return str.len == 0 || (memchr(str.ptr, '@', str.len) == NULL &&
                          memchr(str.ptr, '=', str.len) == NULL);
}

void cli_redact_urls(cli_text *out, ahttp_str str)
{
  redaction r = {.out = out, .str = str};
  size_t at = 0;

  if (has_nothing_to_hide(str)) {
    cli_text_append_str(out, str);
    return;
  }
  if (starts_with_userinfo(str)) {
    at = redact_rest(&r, redact_authority(&r, 0));
  }
  while (at < str.len) {
    size_t mark = authority_mark_len(str, at);
    if (mark > 0) {
      at = redact_rest(&r, redact_authority(&r, at + mark));
    } else if (str.ptr[at] == '?') {
      at = redact_rest(&r, at);
    } else {
      at++;
    }
  }
  cli_text_append(out, str.ptr + r.copied, str.len - r.copied);
}
