/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_request.h"

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/method.h"

enum {
  /* Pseudo-header fields and Content-Length, which are not in |fields|. */
  LINES_OWN_MAX = 5,
  /* A cookie shorter than this is guessed from compressed sizes in few tries
   * (RFC 7541, section 7.1.3; the bound is the common one). */
  COOKIE_BYTES_SAFE = 20,
  /* Digits of UINT64_MAX and a NUL. */
  DECIMAL_CAP = 21
};

/* What the loop over the fields needs. */
typedef struct request_walk {
  ah_h2_lines *lines;
  const ahttp_fields *fields;
  ah_arena *arena;
  unsigned flags;        /* of every line */
  bool names_connection; /* a Connection field names further ones to drop */
  size_t bytes;          /* as AH_H2_REQUEST_HEAD_BYTES_MAX counts */
} request_walk;

static int lines_reserve(ah_h2_lines *lines, size_t count)
{
  if (count <= lines->cap) {
    return AHTTP_OK;
  }
  ah_h2_line *items = ah_realloc_array(lines->items, count, sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  lines->items = items;
  lines->cap = count;
  return AHTTP_OK;
}

/* |text| without const. */
static uint8_t *octets_of(ahttp_str text)
{
  union {
    const char *from;
    uint8_t *to;
  } cast = {.from = text.ptr};
  return cast.to;
}

/* |flags| on top of those every line has. */
static void walk_add(request_walk *walk, ahttp_str name, ahttp_str value,
                     unsigned flags)
{
  walk->lines->items[walk->lines->count] = (ah_h2_line){
      .name = octets_of(name),
      .value = octets_of(value),
      .name_len = name.len,
      .value_len = value.len,
      .flags = (uint8_t)(walk->flags | flags),
  };
  walk->lines->count++;
  walk->bytes += name.len + value.len + AH_H2_LINE_OVERHEAD;
}

static uint64_t bit_of(ah_field_id id)
{
  return UINT64_C(1) << id;
}

/*
 * RFC 9113, section 8.2.2: connection-specific fields must not be sent, nor
 * what Connection names; TE only as "trailers".  Host has become :authority,
 * Content-Length is added from the content itself.
 */
static bool walk_drops(const request_walk *walk, const ah_field *field)
{
  const uint64_t dropped =
      bit_of(AH_FIELD_CONNECTION) | bit_of(AH_FIELD_KEEP_ALIVE) |
      bit_of(AH_FIELD_PROXY_CONNECTION) | bit_of(AH_FIELD_TRANSFER_ENCODING) |
      bit_of(AH_FIELD_UPGRADE) | bit_of(AH_FIELD_HTTP2_SETTINGS) |
      bit_of(AH_FIELD_HOST) | bit_of(AH_FIELD_CONTENT_LENGTH);
  if ((dropped & bit_of(field->id)) != 0) {
    return true;
  }
  if (field->id == AH_FIELD_TE) {
    return !ah_str_list_has(field->value, AH_STR("trailers"));
  }
  return walk->names_connection &&
         ah_fields_has_token(walk->fields, AH_FIELD_CONNECTION, field->name);
}

/* RFC 9113, section 8.2: names are sent in lower case. */
static int walk_lower(const request_walk *walk, const ah_field *field,
                      ahttp_str *out)
{
  if (field->id != AH_FIELD_OTHER) {
    *out = ah_field_id_name(field->id);
    return AHTTP_OK;
  }
  *out = field->name;
  size_t at = 0;
  while (at < out->len &&
         ah_char_lower((uint8_t)out->ptr[at]) == (uint8_t)out->ptr[at]) {
    at++;
  }
  if (at == out->len) {
    return AHTTP_OK;
  }
  char *copy = ah_arena_bytes(walk->arena, out->len);
  if (copy == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < out->len; i++) {
    copy[i] = (char)ah_char_lower((uint8_t)out->ptr[i]);
  }
  out->ptr = copy;
  return AHTTP_OK;
}

/* Secrets are kept out of HPACK's tables (RFC 7541, section 7.1.3). */
static bool field_is_secret(const ah_field *field)
{
  const uint64_t secrets =
      bit_of(AH_FIELD_AUTHORIZATION) | bit_of(AH_FIELD_PROXY_AUTHORIZATION);
  return (secrets & bit_of(field->id)) != 0 ||
         (field->id == AH_FIELD_COOKIE && field->value.len < COOKIE_BYTES_SAFE);
}

static int walk_add_field(request_walk *walk, const ah_field *field)
{
  if (walk_drops(walk, field)) {
    return AHTTP_OK;
  }
  ahttp_str name;
  int rv = walk_lower(walk, field, &name);
  if (rv != AHTTP_OK) {
    return rv;
  }
  walk_add(walk, name,
           field->id == AH_FIELD_TE ? AH_STR("trailers") : field->value,
           field_is_secret(field) ? AH_H2_LINE_NEVER_INDEX : 0);
  return AHTTP_OK;
}

static void walk_add_pseudo(request_walk *walk, const ah_request_head *request)
{
  const ah_field *host = ah_fields_find(request->fields, AH_FIELD_HOST);
  walk_add(walk, AH_STR(":method"), request->method, 0);
  /* RFC 9113, section 8.5: CONNECT has neither :scheme nor :path. */
  if ((request->traits & AH_METHOD_CONNECT) == 0) {
    walk_add(walk, AH_STR(":scheme"), request->url->scheme, 0);
    walk_add(walk, AH_STR(":path"), ah_url_target(request->url), 0);
  }
  walk_add(walk, AH_STR(":authority"),
           host != NULL ? host->value : ah_url_authority(request->url), 0);
}

/* RFC 9110, section 8.6: sent when the length is known, and as 0 with methods
 * that anticipate content. */
static int walk_add_length(request_walk *walk, const ah_request_head *request)
{
  int64_t length = -1;
  if (request->body != NULL) {
    length = request->body->length;
  } else if ((request->traits & AH_METHOD_HAS_CONTENT) != 0) {
    length = 0;
  }
  if (length < 0) {
    return AHTTP_OK;
  }
  char digits[DECIMAL_CAP];
  size_t at = sizeof(digits);
  uint64_t rest = (uint64_t)length;
  do {
    at--;
    digits[at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  ahttp_str value;
  int rv = ah_arena_copy(walk->arena, ah_str(digits + at, sizeof(digits) - at),
                         &value);
  if (rv == AHTTP_OK) {
    walk_add(walk, ah_field_id_name(AH_FIELD_CONTENT_LENGTH), value, 0);
  }
  return rv;
}

void ah_h2_lines_init(ah_h2_lines *lines)
{
  *lines = (ah_h2_lines){.items = NULL};
}

void ah_h2_lines_clear(ah_h2_lines *lines)
{
  ah_free(lines->items);
  ah_h2_lines_init(lines);
}

int ah_h2_lines_set_request(ah_h2_lines *lines, const ah_request_head *request,
                            ah_arena *arena)
{
  request_walk walk = {
      .lines = lines,
      .fields = request->fields,
      .arena = arena,
      .flags = AH_H2_LINE_NO_COPY,
      .names_connection =
          ah_fields_find(request->fields, AH_FIELD_CONNECTION) != NULL,
  };
  lines->count = 0;
  int rv = lines_reserve(lines, request->fields->count + (size_t)LINES_OWN_MAX);
  if (rv != AHTTP_OK) {
    return rv;
  }
  walk_add_pseudo(&walk, request);
  for (uint32_t i = 0; i < request->fields->count; i++) {
    rv = walk_add_field(&walk, &request->fields->items[i]);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  rv = walk_add_length(&walk, request);
  if (rv == AHTTP_OK && walk.bytes > AH_H2_REQUEST_HEAD_BYTES_MAX) {
    rv = AHTTP_ELIMIT;
  }
  return rv;
}

int ah_h2_lines_set_trailers(ah_h2_lines *lines, const ahttp_fields *fields,
                             ah_arena *arena)
{
  request_walk walk = {.lines = lines, .fields = fields, .arena = arena};
  lines->count = 0;
  int rv = lines_reserve(lines, fields->count);
  for (uint32_t i = 0; i < fields->count && rv == AHTTP_OK; i++) {
    rv = walk_add_field(&walk, &fields->items[i]);
  }
  return rv;
}
