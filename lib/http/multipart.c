/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/multipart.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/str.h"
#include "http/fields.h"
#include "http/file_type.h"

enum {
  PARTS_FIRST = 8 /* room for a usual form */
};

/* --- Heads. ----------------------------------------------------------------
 */

/*
 * Appends |name| as browsers write it between the quotes of
 * Content-Disposition: '"', CR and LF as %XX (HTML standard, section 4.10.22.8)
 * and a backslash as it is.  Other control characters, which they let through,
 * are no bytes of a field's value (RFC 9110, section 5.5): HTTPX escapes them
 * in the same way, and so does this.
 */
static int buf_add_name(ah_buf *buf, ahttp_str name)
{
  static const char hex[] = "0123456789ABCDEF";
  int rv = AHTTP_OK;
  for (size_t i = 0; i < name.len && rv == AHTTP_OK; i++) {
    uint8_t c = (uint8_t)name.ptr[i];
    const char escaped[] = {'%', hex[c >> 4], hex[c & 15]};
    bool is_plain = c >= ' ' && c != '"' && c != 0x7f;
    rv = is_plain ? ah_buf_append(buf, &c, 1)
                  : ah_buf_append(buf, escaped, sizeof(escaped));
  }
  return rv;
}

static int buf_add(ah_buf *buf, ahttp_str text)
{
  return text.len == 0 ? AHTTP_OK : ah_buf_append(buf, text.ptr, text.len);
}

static int buf_add_field(ah_buf *buf, ahttp_str name, ahttp_str value)
{
  int rv = buf_add(buf, name);
  if (rv == AHTTP_OK) {
    rv = buf_add(buf, AH_STR(": "));
  }
  if (rv == AHTTP_OK) {
    rv = buf_add(buf, ah_str_trim(value));
  }
  return rv == AHTTP_OK ? buf_add(buf, AH_STR("\r\n")) : rv;
}

/* The first line; |*name_len| is how long the name in it is. */
static int buf_add_disposition(ah_buf *buf, const ahttp_part *part,
                               size_t *name_len)
{
  size_t before = ah_buf_len(buf);
  int rv = buf_add_name(buf, part->name);
  *name_len = ah_buf_len(buf) - before;
  if (rv == AHTTP_OK) {
    rv = buf_add(buf, AH_STR("\""));
  }
  if (rv == AHTTP_OK && part->filename.len > 0) {
    rv = buf_add(buf, AH_STR("; filename=\""));
    if (rv == AHTTP_OK) {
      rv = buf_add_name(buf, part->filename);
    }
    if (rv == AHTTP_OK) {
      rv = buf_add(buf, AH_STR("\""));
    }
  }
  return rv == AHTTP_OK ? buf_add(buf, AH_STR("\r\n")) : rv;
}

/* The fields of the user's; |*has_type| if one is Content-Type. */
static int buf_add_fields(ah_buf *buf, const ahttp_part *part, bool *has_type)
{
  *has_type = false;
  for (size_t i = 0; i < part->field_count; i++) {
    const ahttp_field *field = &part->fields[i];
    ah_field_id id = ah_field_id_of(field->name);
    if (id == AH_FIELD_CONTENT_DISPOSITION ||
        !ah_field_is_valid(field->name, field->value)) {
      return AHTTP_EFIELD;
    }
    *has_type |= id == AH_FIELD_CONTENT_TYPE;
    int rv = buf_add_field(buf, field->name, field->value);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

static int buf_add_type(ah_buf *buf, const ahttp_part *part)
{
  const ahttp_str name = AH_STR("Content-Type");
  ahttp_str type = part->type;
  if (type.ptr == NULL && part->filename.len > 0) {
    type = ah_file_type_guess(part->filename);
  }
  if (type.len == 0) {
    return AHTTP_OK;
  }
  return ah_field_is_valid(name, type) ? buf_add_field(buf, name, type)
                                       : AHTTP_EFIELD;
}

/* Writes a part's head to |buf|; the name in it is |name_len| bytes behind
 * DISPOSITION. */
#define DISPOSITION "Content-Disposition: form-data; name=\""

static int buf_add_head(ah_buf *buf, const ahttp_part *part, size_t *name_len)
{
  bool has_type = false;
  int rv = buf_add(buf, AH_STR(DISPOSITION));
  if (rv == AHTTP_OK) {
    rv = buf_add_disposition(buf, part, name_len);
  }
  if (rv == AHTTP_OK) {
    rv = buf_add_fields(buf, part, &has_type);
  }
  if (rv == AHTTP_OK && !has_type) {
    rv = buf_add_type(buf, part);
  }
  return rv == AHTTP_OK ? buf_add(buf, AH_STR("\r\n")) : rv;
}

/* --- Parts. ----------------------------------------------------------------
 */

static int multipart_reserve(ahttp_multipart *multipart)
{
  if (multipart->count < multipart->cap) {
    return AHTTP_OK;
  }
  size_t cap = multipart->cap == 0 ? PARTS_FIRST : multipart->cap * 2;
  ah_part *parts = ah_realloc_array(multipart->parts, cap, sizeof(*parts));
  if (parts == NULL) {
    return AHTTP_ENOMEM;
  }
  multipart->parts = parts;
  multipart->cap = cap;
  return AHTTP_OK;
}

/* Copies |part| as far as the caller's header knows it. */
static int part_copy(ahttp_part *out, const ahttp_part *part)
{
  *out = (ahttp_part)AHTTP_PART_INIT;
  if (part == NULL || part->size < sizeof(part->size) ||
      part->size > sizeof(*part)) {
    return AHTTP_EINVAL;
  }
  memcpy(out, part, part->size);
  return AHTTP_OK;
}

/* Makes room for a part with that head, which the body is still to be put
 * into; |*out| counts when it has. */
static int multipart_prepare(ahttp_multipart *multipart, const ahttp_part *part,
                             ah_part **out)
{
  if (multipart->is_closed) {
    return AHTTP_ESTATE;
  }
  ah_buf buf;
  size_t name_len = 0;
  ahttp_str head = {NULL, 0};
  ah_buf_init(&buf, SIZE_MAX);
  int rv = multipart_reserve(multipart);
  if (rv == AHTTP_OK) {
    rv = buf_add_head(&buf, part, &name_len);
  }
  if (rv == AHTTP_OK) {
    ahttp_str text = ah_str((const char *)ah_buf_bytes(&buf), ah_buf_len(&buf));
    rv = ah_arena_copy(&multipart->arena, text, &head);
  }
  ah_buf_clear(&buf);
  if (rv == AHTTP_OK) {
    *out = &multipart->parts[multipart->count];
    **out = (ah_part){
        .head = head,
        .name = ah_str(head.ptr + sizeof(DISPOSITION) - 1, name_len),
    };
  }
  return rv;
}

/* What follows the last slash. */
static ahttp_str path_base(const char *path)
{
  const char *slash = strrchr(path, '/');
  return ah_str_from_c(slash == NULL ? path : slash + 1);
}

int ahttp_multipart_new(ahttp_multipart **out)
{
  ahttp_multipart *multipart = ah_calloc(1, sizeof(*multipart));
  *out = multipart;
  if (multipart == NULL) {
    return AHTTP_ENOMEM;
  }
  atomic_init(&multipart->refs, 1);
  ah_arena_init(&multipart->arena, NULL, 0);
  return AHTTP_OK;
}

void ah_multipart_unref(ahttp_multipart *multipart)
{
  unsigned before =
      atomic_fetch_sub_explicit(&multipart->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  for (size_t i = 0; i < multipart->count; i++) {
    ah_body_free(multipart->parts[i].body);
  }
  ah_free(multipart->parts);
  ah_arena_clear(&multipart->arena);
  ah_free(multipart);
}

void ahttp_multipart_free(ahttp_multipart *multipart)
{
  if (multipart != NULL) {
    ah_multipart_unref(multipart);
  }
}

int ahttp_multipart_set_boundary(ahttp_multipart *multipart,
                                 const char *boundary)
{
  if (multipart->is_closed) {
    return AHTTP_ESTATE;
  }
  return ah_boundary_set(&multipart->boundary, ah_str_from_c(boundary))
             ? AHTTP_OK
             : AHTTP_EINVAL;
}

int ahttp_multipart_add_text_str(ahttp_multipart *multipart, ahttp_str name,
                                 ahttp_str value)
{
  ahttp_part part = AHTTP_PART_INIT;
  part.name = name;
  return ahttp_multipart_add_bytes(multipart, &part, value.ptr, value.len);
}

int ahttp_multipart_add_text(ahttp_multipart *multipart, const char *name,
                             const char *value)
{
  return ahttp_multipart_add_text_str(multipart, ah_str_from_c(name),
                                      ah_str_from_c(value));
}

int ahttp_multipart_add_bytes(ahttp_multipart *multipart,
                              const ahttp_part *part, const void *data,
                              size_t len)
{
  ahttp_part own;
  ah_part *slot;
  int rv = part_copy(&own, part);
  if (rv == AHTTP_OK) {
    rv = multipart_prepare(multipart, &own, &slot);
  }
  if (rv == AHTTP_OK) {
    rv = ah_body_new_bytes(&slot->body, data, len);
  }
  multipart->count += rv == AHTTP_OK ? 1 : 0;
  return rv;
}

int ahttp_multipart_add_file(ahttp_multipart *multipart, const ahttp_part *part,
                             const char *path)
{
  ahttp_part own;
  ah_part *slot;
  int rv = part_copy(&own, part);
  if (rv == AHTTP_OK && own.filename.ptr == NULL) {
    own.filename = path_base(path);
  }
  if (rv == AHTTP_OK) {
    rv = multipart_prepare(multipart, &own, &slot);
  }
  if (rv == AHTTP_OK) {
    rv = ah_body_new_file(&slot->body, path);
  }
  multipart->count += rv == AHTTP_OK ? 1 : 0;
  return rv;
}

int ahttp_multipart_add_source(ahttp_multipart *multipart,
                               const ahttp_part *part,
                               const ahttp_content_source *source)
{
  ahttp_part own;
  ah_part *slot;
  int rv = part_copy(&own, part);
  if (rv == AHTTP_OK) {
    rv = multipart_prepare(multipart, &own, &slot);
  }
  if (rv == AHTTP_OK) {
    rv = ah_body_new_source(&slot->body, source);
  }
  multipart->count += rv == AHTTP_OK ? 1 : 0;
  return rv;
}

int ah_multipart_close(ahttp_multipart *multipart, const ah_boundary *boundary)
{
  ah_boundary *own = &multipart->boundary;
  if (boundary->len > 0 && own->len > 0) {
    return ah_str_eq(ah_boundary_view(boundary), ah_boundary_view(own))
               ? AHTTP_OK
               : AHTTP_EFIELD;
  }
  if (boundary->len > 0) {
    *own = *boundary;
  } else if (own->len == 0 && !ah_boundary_set_random(own)) {
    return AHTTP_ESTATE;
  }
  multipart->is_closed = true;
  return AHTTP_OK;
}
