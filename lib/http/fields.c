/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/fields.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/assert.h"
#include "base/str.h"

/* Room for the first lines: most messages have 5 to 15. */
enum {
  FIELDS_COUNT_MIN = 16
};

static uint64_t bit_of(ah_field_id id)
{
  return (uint64_t)1 << id;
}

/* RFC 9110, section 5.5: HTAB, SP, VCHAR and obs-text, nothing else. */
static bool value_is_valid(ahttp_str value)
{
  return value.len == 0 || ah_str_all(value, AH_CHAR_FIELD);
}

void ah_fields_init(ahttp_fields *fields, ah_arena *arena)
{
  *fields = (ahttp_fields){.arena = arena};
}

int ah_fields_add(ahttp_fields *fields, ahttp_str name, ahttp_str value)
{
  if (!ah_field_is_valid(name, value)) {
    return AHTTP_EFIELD;
  }
  ahttp_str own_name;
  int rv = ah_arena_copy(fields->arena, name, &own_name);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_str own_value;
  rv = ah_arena_copy(fields->arena, ah_str_trim(value), &own_value);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return ah_fields_add_view(fields, own_name, own_value, AH_FIELD_UNKNOWN);
}

int ah_fields_reserve(ahttp_fields *fields, uint32_t more)
{
  if (more <= fields->cap - fields->count) {
    return AHTTP_OK;
  }
  uint64_t need = (uint64_t)fields->count + more;
  uint64_t cap =
      fields->cap == 0 ? FIELDS_COUNT_MIN : (uint64_t)fields->cap * 2;
  if (cap < need) {
    cap = need;
  }
  if (cap > UINT32_MAX) {
    return AHTTP_ENOMEM;
  }
  /* The old array stays in the arena. */
  ah_field *items = ah_arena_alloc(fields->arena, (size_t)cap * sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  if (fields->count > 0) {
    memcpy(items, fields->items, fields->count * sizeof(*items));
  }
  fields->items = items;
  fields->cap = (uint32_t)cap;
  return AHTTP_OK;
}

int ah_fields_add_all(ahttp_fields *fields, const ahttp_fields *from)
{
  if (from->count == 0) {
    return AHTTP_OK;
  }
  int rv = ah_fields_reserve(fields, from->count);
  if (rv != AHTTP_OK) {
    return rv;
  }
  memcpy(fields->items + fields->count, from->items,
         from->count * sizeof(*from->items));
  if (fields->count == 0) {
    fields->lines = from->lines;
    fields->lines_count = from->lines_count;
  }
  fields->count += from->count;
  fields->known |= from->known;
  return AHTTP_OK;
}

const ah_field *ah_fields_find_present(const ahttp_fields *fields,
                                       ah_field_id id)
{
  const ah_field *field = fields->items;
  while (field->id != id) {
    field++;
  }
  return field;
}

const ah_field *ah_fields_find_next(const ahttp_fields *fields,
                                    const ah_field *field)
{
  const ah_field *end = fields->items + fields->count;
  for (const ah_field *next = field + 1; next < end; next++) {
    if (next->id == field->id) {
      return next;
    }
  }
  return NULL;
}

const ah_field *ah_fields_find_name(const ahttp_fields *fields, ahttp_str name)
{
  ah_field_id id = ah_field_id_of(name);
  if (id != AH_FIELD_OTHER) {
    return ah_fields_find(fields, id);
  }
  for (uint32_t i = 0; i < fields->count; i++) {
    const ah_field *field = &fields->items[i];
    if (field->id == AH_FIELD_OTHER && ah_str_ieq(field->name, name)) {
      return field;
    }
  }
  return NULL;
}

bool ah_fields_has_token(const ahttp_fields *fields, ah_field_id id,
                         ahttp_str token)
{
  const ah_field *field = ah_fields_find(fields, id);
  while (field != NULL && !ah_str_list_has(field->value, token)) {
    field = ah_fields_find_next(fields, field);
  }
  return field != NULL;
}

void ah_fields_remove(ahttp_fields *fields, ah_field_id id)
{
  ah_assert(id < AH_FIELD_OTHER);
  if ((fields->known & bit_of(id)) == 0) {
    return;
  }
  ah_fields_drop_lines(fields);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < fields->count; i++) {
    if (fields->items[i].id != id) {
      fields->items[kept++] = fields->items[i];
    }
  }
  fields->count = kept;
  fields->known &= ~bit_of(id);
}

bool ah_field_is_valid(ahttp_str name, ahttp_str value)
{
  return ah_str_all(name, AH_CHAR_TOKEN) && value_is_valid(value);
}

bool ah_field_may_be_trailer(ah_field_id id)
{
  const uint64_t forbidden =
      bit_of(AH_FIELD_AUTHORIZATION) | bit_of(AH_FIELD_CACHE_CONTROL) |
      bit_of(AH_FIELD_CONNECTION) | bit_of(AH_FIELD_CONTENT_ENCODING) |
      bit_of(AH_FIELD_CONTENT_LENGTH) | bit_of(AH_FIELD_CONTENT_RANGE) |
      bit_of(AH_FIELD_CONTENT_TYPE) | bit_of(AH_FIELD_HOST) |
      bit_of(AH_FIELD_KEEP_ALIVE) | bit_of(AH_FIELD_LOCATION) |
      bit_of(AH_FIELD_PROXY_AUTHENTICATE) |
      bit_of(AH_FIELD_PROXY_AUTHORIZATION) | bit_of(AH_FIELD_RETRY_AFTER) |
      bit_of(AH_FIELD_SET_COOKIE) | bit_of(AH_FIELD_TE) |
      bit_of(AH_FIELD_TRAILER) | bit_of(AH_FIELD_TRANSFER_ENCODING) |
      bit_of(AH_FIELD_UPGRADE) | bit_of(AH_FIELD_VARY) |
      bit_of(AH_FIELD_WWW_AUTHENTICATE);
  return (forbidden & bit_of(id)) == 0;
}

size_t ahttp_fields_count(const ahttp_fields *fields)
{
  return fields == NULL ? 0 : fields->count;
}

ahttp_field ahttp_fields_at(const ahttp_fields *fields, size_t index)
{
  if (index >= ahttp_fields_count(fields)) {
    return (ahttp_field){.name = {NULL, 0}};
  }
  const ah_field *field = &fields->items[index];
  return (ahttp_field){.name = field->name, .value = field->value};
}

bool ahttp_fields_get(const ahttp_fields *fields, const char *name,
                      ahttp_str *value)
{
  const ah_field *field = NULL;
  if (fields != NULL && name != NULL) {
    field = ah_fields_find_name(fields, ah_str_from_c(name));
  }
  if (value != NULL) {
    *value = field == NULL ? ah_str(NULL, 0) : field->value;
  }
  return field != NULL;
}
