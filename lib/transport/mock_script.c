/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/mock_script.h"

#include "base/str.h"
#include "http/fields.h"
#include "http/url.h"

int ah_mock_reply_check(const ahttp_mock_reply *reply)
{
  bool is_none = reply->status == 0;
  if (!is_none && (reply->status < 200 || reply->status > 999)) {
    return AHTTP_EINVAL;
  }
  if (reply->field_count > 0 && reply->fields == NULL) {
    return AHTTP_EINVAL;
  }
  for (size_t i = 0; i < reply->field_count; i++) {
    if (!ah_field_is_valid(reply->fields[i].name, reply->fields[i].value)) {
      return AHTTP_EFIELD;
    }
  }
  return AHTTP_OK;
}

static int copy_fields(ahttp_mock_reply *reply, ah_arena *arena)
{
  ahttp_field *copies = NULL;
  if (reply->field_count > 0) {
    copies = ah_arena_alloc(arena, reply->field_count * sizeof(*copies));
    if (copies == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  for (size_t i = 0; i < reply->field_count; i++) {
    int rv = ah_arena_copy(arena, reply->fields[i].name, &copies[i].name);
    if (rv == AHTTP_OK) {
      rv = ah_arena_copy(arena, reply->fields[i].value, &copies[i].value);
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  reply->fields = copies;
  return AHTTP_OK;
}

/* A URL is compared as it is sent: serialised. */
static int copy_url(ah_mock_line *line, ah_arena *arena, const char *text)
{
  if (text == NULL) {
    return AHTTP_OK;
  }
  ahttp_str url = ah_str_from_c(text);
  if (url.len > 0 && url.ptr[url.len - 1] == '*') {
    line->is_prefix = true;
    return ah_arena_copy(arena, ah_str(url.ptr, url.len - 1), &line->url);
  }
  ahttp_url parsed;
  int rv = ah_url_parse(&parsed, arena, url, NULL, NULL);
  line->url = parsed.href;
  return rv == AHTTP_EURL ? AHTTP_EINVAL : rv;
}

static int copy_line(ah_mock_line *line, ah_arena *arena,
                     const ahttp_mock_reply *reply)
{
  *line = (ah_mock_line){.used = 0};
  if (reply->size < sizeof(reply->size) || reply->size > sizeof(line->reply)) {
    return AHTTP_EINVAL;
  }
  memcpy(&line->reply, reply, reply->size);
  int rv = ah_mock_reply_check(&line->reply);
  if (rv == AHTTP_OK) {
    rv = copy_fields(&line->reply, arena);
  }
  if (rv == AHTTP_OK) {
    rv = ah_arena_copy(arena, line->reply.content, &line->reply.content);
  }
  if (rv == AHTTP_OK && line->reply.method != NULL) {
    rv = ah_arena_copy(arena, ah_str_from_c(line->reply.method), &line->method);
  }
  return rv == AHTTP_OK ? copy_url(line, arena, line->reply.url) : rv;
}

int ah_mock_script_copy(ah_mock_script *out, ah_arena *arena,
                        const ahttp_mock_reply *replies, size_t count)
{
  *out = (ah_mock_script){.count = 0};
  if (count == 0) {
    return AHTTP_OK;
  }
  if (replies == NULL) {
    return AHTTP_EINVAL;
  }
  out->lines = ah_arena_alloc(arena, count * sizeof(*out->lines));
  if (out->lines == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    int rv = copy_line(&out->lines[i], arena, &replies[i]);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  out->count = count;
  return AHTTP_OK;
}

static bool line_fits(const ah_mock_line *line, ahttp_str method, ahttp_str url)
{
  if (line->reply.times > 0 && line->used >= line->reply.times) {
    return false;
  }
  if (line->method.ptr != NULL && !ah_str_eq(line->method, method)) {
    return false;
  }
  if (line->is_prefix && url.len > line->url.len) {
    url.len = line->url.len;
  }
  return line->url.ptr == NULL || ah_str_eq(line->url, url);
}

const ahttp_mock_reply *ah_mock_script_take(ah_mock_script *script,
                                            ahttp_str method, ahttp_str url)
{
  for (size_t i = 0; i < script->count; i++) {
    if (line_fits(&script->lines[i], method, url)) {
      script->lines[i].used++;
      return &script->lines[i].reply;
    }
  }
  return NULL;
}
