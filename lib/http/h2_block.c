/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_block.h"

#include "base/error.h"
#include "base/str.h"
#include "http/h2_request.h"

static void block_begin(ah_h2_block *block, ah_arena *arena, bool is_trailers,
                        size_t bytes_max)
{
  *block = (ah_h2_block){
      .head = {.version = AHTTP_VERSION_2},
      .is_trailers = is_trailers,
      .bytes_max = bytes_max,
  };
  ah_fields_init(&block->head.fields, arena);
}

void ah_h2_block_begin_head(ah_h2_block *block, ah_arena *arena,
                            size_t bytes_used)
{
  block_begin(block, arena, false,
              bytes_used < AH_H2_HEAD_BYTES_MAX
                  ? AH_H2_HEAD_BYTES_MAX - bytes_used
                  : 0);
}

void ah_h2_block_begin_trailers(ah_h2_block *block, ah_arena *arena)
{
  block_begin(block, arena, true, AH_H2_TRAILER_BYTES_MAX);
}

/* RFC 9113, section 8.3.2; RFC 9110, section 15: 100 to 599 have a meaning, up
 * to 999 is what others let through as well. */
static int block_set_status(ah_h2_block *block, ahttp_str value)
{
  uint64_t status = 0;
  if (value.len != 3 || !ah_str_to_u64(value, &status) || status < 100) {
    return AHTTP_EPROTO;
  }
  block->head.status = (int)status;
  return AHTTP_OK;
}

/* True the moment this entry makes the section too large. */
static bool block_count(ah_h2_block *block, const ah_h2_entry *entry)
{
  uint32_t fields_max =
      block->is_trailers ? AH_H2_TRAILER_FIELDS_MAX : AH_H2_HEAD_FIELDS_MAX;
  block->bytes += entry->name.len + entry->value.len + AH_H2_LINE_OVERHEAD;
  if (block->is_refused) {
    return false;
  }
  bool is_pseudo = entry->name.len > 0 && entry->name.ptr[0] == ':';
  return block->bytes > block->bytes_max ||
         (!is_pseudo && block->head.fields.count >= fields_max);
}

/* Appends |entry|, copying only text that does not last. */
static int block_keep(ah_h2_block *block, const ah_h2_entry *entry,
                      ah_field_id id)
{
  ahttp_fields *fields = &block->head.fields;
  ahttp_str name = entry->name;
  ahttp_str value = entry->value;
  int rv = AHTTP_OK;
  if (id != AH_FIELD_OTHER) {
    name = ah_field_id_name(id);
  } else if (!entry->name_is_static) {
    rv = ah_arena_copy(fields->arena, entry->name, &name);
  }
  if (rv == AHTTP_OK && !entry->value_is_static) {
    rv = ah_arena_copy(fields->arena, ah_str_trim(entry->value), &value);
  }
  return rv == AHTTP_OK ? ah_fields_add_view(fields, name, value, id) : rv;
}

int ah_h2_block_add(ah_h2_block *block, const ah_h2_entry *entry)
{
  if (block_count(block, entry)) {
    ah_h2_block_refuse(block);
    return AHTTP_ELIMIT;
  }
  if (block->is_refused) {
    return AHTTP_OK;
  }
  if (entry->name.len > 0 && entry->name.ptr[0] == ':') {
    return block_set_status(block, entry->value); /* the only one there is */
  }
  ah_field_id id = ah_field_id_of(entry->name);
  if (block->is_trailers && !ah_field_may_be_trailer(id)) {
    return AHTTP_OK;
  }
  return block_keep(block, entry, id);
}

void ah_h2_block_set_error(ahttp_error *err, int code)
{
  if (code == AHTTP_ELIMIT) {
    ah_error_say(err, code, AHTTP_PHASE_NONE,
                 "the response's fields are too large");
  } else if (code == AHTTP_EPROTO) {
    ah_error_say(err, code, AHTTP_PHASE_NONE,
                 "the response's status is not a number from 100 to 999");
  } else {
    ah_error_plain(err, code, AHTTP_PHASE_NONE);
  }
}

void ah_h2_block_refuse(ah_h2_block *block)
{
  block->is_refused = true;
  ah_fields_init(&block->head.fields, NULL);
}

bool ah_h2_block_is_abuse(const ah_h2_block *block)
{
  return block->bytes > (size_t)AH_H2_HEAD_BYTES_MAX * AH_H2_BLOCK_ABUSE_FACTOR;
}
