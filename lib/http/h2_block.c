/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_block.h"

#include "base/error.h"
#include "base/str.h"
#include "http/h2_request.h"

void ah_h2_block_begin_head(ah_h2_block *block, ah_arena *arena,
                            size_t bytes_used)
{
  *block = (ah_h2_block){
      .head = {.version = AHTTP_VERSION_2},
      .bytes_max = bytes_used < AH_H2_HEAD_BYTES_MAX
                       ? AH_H2_HEAD_BYTES_MAX - bytes_used
                       : 0,
      .fields_max = AH_H2_HEAD_FIELDS_MAX,
  };
  ah_fields_init(&block->head.fields, arena);
}

void ah_h2_block_begin_trailers(ah_h2_block *block, ah_arena *arena)
{
  *block = (ah_h2_block){
      .head = {.version = AHTTP_VERSION_2},
      .is_trailers = true,
      .bytes_max = AH_H2_TRAILER_BYTES_MAX,
      .fields_max = AH_H2_TRAILER_FIELDS_MAX,
  };
  ah_fields_init(&block->head.fields, arena);
}

/* RFC 9113, section 8.3.2; RFC 9110, section 15: 100 to 599 have a meaning, up
 * to 999 is what others let through as well. */
static int block_set_status(ah_h2_block *block, ahttp_str value)
{
  const char *text = value.ptr;
  if (value.len != 3 || text[0] == '0' || !ah_str_all(value, AH_CHAR_DIGIT)) {
    return AHTTP_EPROTO;
  }
  block->head.status =
      (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0';
  return AHTTP_OK;
}

/* nghttp2 is told to let blanks around values pass; nearly no value has any. */
static ahttp_str block_trim(ahttp_str value)
{
  bool is_trim = value.len == 0 || ((uint8_t)value.ptr[0] > ' ' &&
                                    (uint8_t)value.ptr[value.len - 1] > ' ');
  return is_trim ? value : ah_str_trim(value);
}

/* Appends a field, copying only text that does not last. */
static int block_keep(ah_h2_block *block, ahttp_str name, ahttp_str value)
{
  ahttp_fields *fields = &block->head.fields;
  ah_field_id id = ah_field_id_of(name);
  if (block->is_trailers && !ah_field_may_be_trailer(id)) {
    return AHTTP_OK;
  }
  int rv = AHTTP_OK;
  if (id != AH_FIELD_OTHER) {
    name = ah_field_id_name(id);
  } else {
    rv = ah_arena_copy(fields->arena, name, &name);
  }
  if (rv == AHTTP_OK) {
    rv = ah_arena_copy(fields->arena, block_trim(value), &value);
  }
  return rv == AHTTP_OK ? ah_fields_add_view(fields, name, value, id) : rv;
}

int ah_h2_block_add(ah_h2_block *block, ahttp_str name, ahttp_str value)
{
  bool is_pseudo = name.len > 0 && name.ptr[0] == ':';
  block->bytes += name.len + value.len + AH_H2_LINE_OVERHEAD;
  if (block->is_refused) {
    return AHTTP_OK;
  }
  if (block->bytes > block->bytes_max ||
      (!is_pseudo && block->head.fields.count >= block->fields_max)) {
    ah_h2_block_refuse(block);
    return AHTTP_ELIMIT;
  }
  return is_pseudo ? block_set_status(block, value) /* the only one there is */
                   : block_keep(block, name, value);
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
