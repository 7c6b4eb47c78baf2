/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/request_trailers.h"

#include <ahttp/error.h>

#include "base/str.h"

static int trailer_ask(const ah_request_trailers *trailers, ahttp_str name,
                       ahttp_fields *out)
{
  ahttp_str value = {NULL, 0};
  if (trailers->value == NULL ||
      trailers->value(trailers->user_data, name, &value) != 0) {
    return AHTTP_EBODY;
  }
  int rv = ah_fields_add(out, name, value);
  return rv == AHTTP_EFIELD ? AHTTP_EBODY : rv;
}

int ah_request_trailers_resolve(const ah_request_trailers *trailers,
                                ah_arena *arena, ahttp_fields *out)
{
  int rv = AHTTP_OK;
  size_t bytes = 0;
  ah_fields_init(out, arena);
  for (uint32_t i = 0; i < trailers->fields.count && rv == AHTTP_OK; i++) {
    const ah_field *field = &trailers->fields.items[i];
    rv = field->value.ptr == NULL
             ? trailer_ask(trailers, field->name, out)
             : ah_fields_add_view(out, field->name, field->value, field->id);
    if (rv == AHTTP_OK) {
      bytes += out->items[i].name.len + out->items[i].value.len;
    }
    if (bytes > AH_REQUEST_TRAILER_BYTES_MAX) {
      return AHTTP_ELIMIT;
    }
  }
  return rv;
}

/* |text| and |end| after it. */
static int buf_add(ah_buf *buf, ahttp_str text, ahttp_str end)
{
  int rv = text.len == 0 ? AHTTP_OK : ah_buf_append(buf, text.ptr, text.len);
  return rv == AHTTP_OK ? ah_buf_append(buf, end.ptr, end.len) : rv;
}

int ah_request_trailers_write(const ahttp_fields *fields, ah_buf *buf)
{
  int rv = AHTTP_OK;
  for (uint32_t i = 0; i < fields->count && rv == AHTTP_OK; i++) {
    rv = buf_add(buf, fields->items[i].name, AH_STR(": "));
    if (rv == AHTTP_OK) {
      rv = buf_add(buf, fields->items[i].value, AH_STR("\r\n"));
    }
  }
  return rv == AHTTP_OK ? ah_buf_append(buf, "\r\n", 2) : rv;
}

int ah_request_trailers_name(const ah_request_trailers *trailers,
                             ah_arena *arena, ahttp_str *out)
{
  const ahttp_fields *fields = &trailers->fields;
  ah_buf buf;
  int rv = AHTTP_OK;
  ah_buf_init(&buf, SIZE_MAX);
  for (uint32_t i = 0; i < fields->count && rv == AHTTP_OK; i++) {
    bool is_last = i + 1 == fields->count;
    rv = buf_add(&buf, fields->items[i].name,
                 is_last ? AH_STR("") : AH_STR(", "));
  }
  if (rv == AHTTP_OK) {
    rv = ah_arena_copy(
        arena, ah_str((const char *)ah_buf_bytes(&buf), ah_buf_len(&buf)), out);
  }
  ah_buf_clear(&buf);
  return rv;
}
