/* SPDX-License-Identifier: MIT */
/*
 * The format of ftp(1) as curl reads it: words between blanks, keywords each
 * followed by one value.
 *
 *   machine example.org login ann password "open sesame"
 *   default login anonymous password me@example.org
 *
 * A word that begins with a quotation mark goes to the next one; in it a
 * backslash makes \n, \r and \t control characters and keeps any other byte as
 * it is.  "#" where a keyword is expected begins a comment; elsewhere it is
 * what a password may well begin with.  The text of a macro (macdef) goes to
 * the next empty line.  Keywords that are not known are passed over.
 */
#include "config.h"
#include "http/netrc.h"

#include <ahttp/error.h>

#include "base/str.h"

enum {
  ENTRIES_FIRST = 8 /* room for so many at first, then twice that */
};

typedef struct netrc_reader {
  ah_netrc *netrc;
  ah_arena *arena;
  size_t cap;
  ahttp_str rest;
  size_t line;
  const char *why;
} netrc_reader;

/* --- Words. ----------------------------------------------------------------
 */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void reader_skip(netrc_reader *reader, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    reader->line += reader->rest.ptr[i] == '\n' ? 1 : 0;
  }
  reader->rest = ah_str(reader->rest.ptr + len, reader->rest.len - len);
}

static void reader_skip_blanks(netrc_reader *reader)
{
  size_t len = 0;
  while (len < reader->rest.len && is_blank(reader->rest.ptr[len])) {
    len++;
  }
  reader_skip(reader, len);
}

/* The length of the line that |rest| begins with, its newline included. */
static size_t line_len(ahttp_str rest)
{
  const char *end = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
  return end == NULL ? rest.len : (size_t)(end - rest.ptr) + 1;
}

static char unescape(char c)
{
  switch (c) {
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return c;
  }
}

static int read_quoted(netrc_reader *reader, ahttp_str *out)
{
  ahttp_str rest = reader->rest;
  size_t end = line_len(rest);
  char *text = ah_arena_bytes(reader->arena, end);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t len = 0;
  size_t at = 1;
  for (; at < end && rest.ptr[at] != '"' && rest.ptr[at] != '\n'; at++) {
    bool is_escape =
        rest.ptr[at] == '\\' && at + 1 < end && rest.ptr[at + 1] != '\n';
    at += is_escape ? 1 : 0;
    text[len++] = is_escape ? unescape(rest.ptr[at]) : rest.ptr[at];
  }
  if (at == end || rest.ptr[at] != '"') {
    reader->why = "a quotation mark is missing";
    return AHTTP_EFILE;
  }
  reader_skip(reader, at + 1);
  *out = ah_str(text, len);
  return AHTTP_OK;
}

/* Reads a word; |*out| has no ptr at the end of the file. */
static int read_word(netrc_reader *reader, ahttp_str *out)
{
  *out = ah_str(NULL, 0);
  reader_skip_blanks(reader);
  if (reader->rest.len == 0) {
    return AHTTP_OK;
  }
  if (reader->rest.ptr[0] == '"') {
    return read_quoted(reader, out);
  }
  size_t len = 0;
  while (len < reader->rest.len && !is_blank(reader->rest.ptr[len])) {
    len++;
  }
  *out = ah_str(reader->rest.ptr, len);
  reader_skip(reader, len);
  return AHTTP_OK;
}

static int read_value(netrc_reader *reader, ahttp_str *out)
{
  int rv = read_word(reader, out);
  if (rv == AHTTP_OK && out->ptr == NULL) {
    reader->why = "the last word wants a value";
    return AHTTP_EFILE;
  }
  return rv;
}

/* --- Entries. --------------------------------------------------------------
 */

static int entry_add(netrc_reader *reader, ahttp_str machine)
{
  ah_netrc *netrc = reader->netrc;
  if (netrc->count == reader->cap) {
    size_t cap = reader->cap == 0 ? ENTRIES_FIRST : 2 * reader->cap;
    ah_netrc_entry *entries =
        ah_arena_alloc(reader->arena, cap * sizeof(*entries));
    if (entries == NULL) {
      return AHTTP_ENOMEM;
    }
    if (netrc->count > 0) {
      memcpy(entries, netrc->entries, netrc->count * sizeof(*entries));
    }
    netrc->entries = entries;
    reader->cap = cap;
  }
  netrc->entries[netrc->count++] = (ah_netrc_entry){.machine = machine};
  return AHTTP_OK;
}

/* A macro goes to an empty line or the end. */
static void skip_macro(netrc_reader *reader)
{
  reader_skip(reader, line_len(reader->rest)); /* its name */
  while (reader->rest.len > 0) {
    size_t len = line_len(reader->rest);
    bool is_empty = ah_str_trim(ah_str(reader->rest.ptr, len - 1)).len == 0 ||
                    (len == 2 && reader->rest.ptr[0] == '\r');
    reader_skip(reader, len);
    if (is_empty) {
      return;
    }
  }
}

/* login, password, or account, which is ftp's alone. */
static int read_part(netrc_reader *reader, ahttp_str keyword)
{
  ahttp_str value;
  int rv = read_value(reader, &value);
  if (rv != AHTTP_OK || reader->netrc->count == 0) {
    return rv;
  }
  ah_netrc_entry *entry = &reader->netrc->entries[reader->netrc->count - 1];
  if (ah_str_ieq(keyword, AH_STR("login"))) {
    entry->login = value;
  } else if (ah_str_ieq(keyword, AH_STR("password"))) {
    entry->password = value;
  }
  return AHTTP_OK;
}

static int read_item(netrc_reader *reader, ahttp_str keyword)
{
  if (ah_str_ieq(keyword, AH_STR("machine"))) {
    ahttp_str name;
    int rv = read_value(reader, &name);
    return rv == AHTTP_OK ? entry_add(reader, name) : rv;
  }
  if (ah_str_ieq(keyword, AH_STR("default"))) {
    return entry_add(reader, ah_str(NULL, 0));
  }
  if (ah_str_ieq(keyword, AH_STR("macdef"))) {
    skip_macro(reader);
    return AHTTP_OK;
  }
  if (ah_str_ieq(keyword, AH_STR("login")) ||
      ah_str_ieq(keyword, AH_STR("password")) ||
      ah_str_ieq(keyword, AH_STR("account"))) {
    return read_part(reader, keyword);
  }
  return AHTTP_OK;
}

int ah_netrc_parse(ah_netrc *out, ah_arena *arena, ahttp_str text, size_t *line,
                   const char **why)
{
  netrc_reader reader = {
      .netrc = out, .arena = arena, .rest = text, .line = 1, .why = ""};
  ahttp_str keyword;
  int rv = AHTTP_OK;
  *out = (ah_netrc){.count = 0};
  while (rv == AHTTP_OK) {
    reader_skip_blanks(&reader);
    if (reader.rest.len > 0 && reader.rest.ptr[0] == '#') {
      reader_skip(&reader, line_len(reader.rest));
      continue;
    }
    rv = read_word(&reader, &keyword);
    if (rv != AHTTP_OK || keyword.ptr == NULL) {
      break;
    }
    rv = read_item(&reader, keyword);
  }
  if (rv != AHTTP_OK) {
    *out = (ah_netrc){.count = 0};
    *line = reader.line;
    *why = reader.why;
  }
  return rv;
}

const ah_netrc_entry *ah_netrc_find(const ah_netrc *netrc, ahttp_str host,
                                    ahttp_str login, bool with_default)
{
  const ah_netrc_entry *fallback = NULL;
  for (size_t i = 0; i < netrc->count; i++) {
    const ah_netrc_entry *entry = &netrc->entries[i];
    if (login.len > 0 && !ah_str_eq(entry->login, login)) {
      continue;
    }
    if (entry->machine.ptr == NULL) {
      fallback = fallback == NULL ? entry : fallback;
    } else if (ah_str_ieq(entry->machine, host)) {
      return entry;
    }
  }
  return with_default ? fallback : NULL;
}

bool ah_netrc_has_secret(const ah_netrc *netrc)
{
  for (size_t i = 0; i < netrc->count; i++) {
    const ah_netrc_entry *entry = &netrc->entries[i];
    if (entry->password.len > 0 &&
        !ah_str_eq(entry->login, AH_STR("anonymous"))) {
      return true;
    }
  }
  return false;
}
