/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_FIELDS_H
#define AH_HTTP_FIELDS_H

#include <ahttp/error.h>
#include <ahttp/fields.h>

#include "base/arena.h"
#include "base/assert.h"
#include "http/field_name.h"

/* One field line with its name's id. */
typedef struct ah_field {
  ahttp_str name; /* as given; over HTTP/2 it is sent in lower case */
  ahttp_str value;
  ah_field_id id; /* AH_FIELD_OTHER if the name is not a known one */
} ah_field;

/*
 * An ordered list of field lines in an arena.  Bytes and array live in the
 * arena, so there is nothing to free.
 */
struct ahttp_fields {
  ah_arena *arena;
  ah_field *items; /* |count| of them, room for |cap| */
  uint32_t count;
  uint32_t cap;
  uint64_t known;  /* bit (1 << id) is set if a field of that id is present */
  ahttp_str lines; /* the first |lines_count| of them as HTTP/1.1 has them,
                      in an arena that lives as long: ah_h1_lines_make() */
  uint32_t lines_count; /* 0: there are none */
};

void ah_fields_init(ahttp_fields *fields, ah_arena *arena);

/*
 * Checks |name| and |value| (a token; no control characters but HTAB,
 * RFC 9110 section 5.5), trims the value, copies both with a NUL and appends.
 * AHTTP_OK, AHTTP_EFIELD or AHTTP_ENOMEM.
 */
int ah_fields_add(ahttp_fields *fields, ahttp_str name, ahttp_str value);

/* Makes room for |more| further lines.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_fields_reserve(ahttp_fields *fields, uint32_t more);

/* Appends views that already are valid and live as long as the arena; |id| is
 * AH_FIELD_UNKNOWN to look it up.  AHTTP_OK or AHTTP_ENOMEM. */
static inline int ah_fields_add_view(ahttp_fields *fields, ahttp_str name,
                                     ahttp_str value, ah_field_id id)
{
  if (fields->count == fields->cap) {
    int rv = ah_fields_reserve(fields, 1);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  if (id == AH_FIELD_UNKNOWN) {
    id = ah_field_id_of(name);
  }
  fields->items[fields->count++] =
      (ah_field){.name = name, .value = value, .id = id};
  fields->known |= UINT64_C(1) << id;
  return AHTTP_OK;
}

/* Forgets the lines that were made of them, lest they outlive their arena. */
static inline void ah_fields_drop_lines(ahttp_fields *fields)
{
  fields->lines = (ahttp_str){NULL, 0};
  fields->lines_count = 0;
}

/* Appends every line of |from| as views. */
int ah_fields_add_all(ahttp_fields *fields, const ahttp_fields *from);

/* The first line of |id|, which is there. */
const ah_field *ah_fields_find_present(const ahttp_fields *fields,
                                       ah_field_id id);

/* The first line of a known name, or NULL.  Most are asked for and absent,
 * which is one test in the caller. */
static inline const ah_field *ah_fields_find(const ahttp_fields *fields,
                                             ah_field_id id)
{
  ah_assert(id < AH_FIELD_OTHER);
  return (fields->known & UINT64_C(1) << id) == 0
             ? NULL
             : ah_fields_find_present(fields, id);
}

/* The next line of the same name behind |field|, or NULL. */
const ah_field *ah_fields_find_next(const ahttp_fields *fields,
                                    const ah_field *field);

/* The first line called |name|, or NULL. */
const ah_field *ah_fields_find_name(const ahttp_fields *fields, ahttp_str name);

/* True if any line of |id| has |token| in its comma-separated value. */
bool ah_fields_has_token(const ahttp_fields *fields, ah_field_id id,
                         ahttp_str token);

/* Drops every line of |id| (not AH_FIELD_OTHER). */
void ah_fields_remove(ahttp_fields *fields, ah_field_id id);

/* True if |name| is a token and |value| may be sent. */
bool ah_field_is_valid(ahttp_str name, ahttp_str value);

/* RFC 9110, section 6.5.1: false for fields a recipient acts on before or
 * instead of the content, which have no place after it. */
bool ah_field_may_be_trailer(ah_field_id id);

#endif
