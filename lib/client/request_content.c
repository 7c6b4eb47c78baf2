/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/request.h"

#include <ahttp/error.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/multipart.h"
#include "http/query.h"

/*
 * Content that has a type.  The type is no field of the request's: it is put
 * among the fields of a call when nobody else has named one, so that it does
 * not matter in which order fields and content are set.
 */

/* Takes |body|, also on failure, as content of |type|, which lives as long as
 * the request. */
static int request_set_typed(ahttp_request *request, ah_body *body,
                             ahttp_str type)
{
  int rv = ah_fields_reserve(&request->implied, 1);
  if (rv != AHTTP_OK) {
    ah_body_free(body);
    return rv;
  }
  ah_request_set_body(request, body);
  return ah_fields_add_view(&request->implied, AH_STR("Content-Type"), type,
                            AH_FIELD_CONTENT_TYPE);
}

/* Sets the content to a copy of |len| bytes of |type|. */
static int request_set_bytes(ahttp_request *request, const void *data,
                             size_t len, ahttp_str type)
{
  ah_body *body;
  int rv = ah_body_new_bytes(&body, data, len);
  return rv == AHTTP_OK ? request_set_typed(request, body, type) : rv;
}

int ahttp_request_set_json(ahttp_request *request, const char *text, size_t len)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  return request_set_bytes(request, text, len, AH_STR("application/json"));
}

int ahttp_request_set_form(ahttp_request *request, const ahttp_params *params)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ah_buf text;
  ah_buf_init(&text, SIZE_MAX);
  int rv = ah_params_write(params, &text);
  if (rv == AHTTP_OK) {
    rv = request_set_bytes(request, ah_buf_bytes(&text), ah_buf_len(&text),
                           AH_STR("application/x-www-form-urlencoded"));
  }
  ah_buf_clear(&text);
  return rv;
}

/* The Content-Type that the request has; it may be changed as long as it was
 * not sent.  NULL: it has none. */
static ah_field *request_find_type(ahttp_request *request)
{
  ahttp_fields *fields = &request->fields;
  for (uint32_t i = 0; i < fields->count; i++) {
    if (fields->items[i].id == AH_FIELD_CONTENT_TYPE) {
      return &fields->items[i];
    }
  }
  return NULL;
}

/*
 * HTTPX takes the boundary of a Content-Type that the caller has set, but sends
 * one without a boundary as it is, and then nobody can read the content.  Here
 * the boundary is added to it.
 */
static int request_agree_on_boundary(ahttp_request *request,
                                     ahttp_multipart *multipart)
{
  ah_field *type = request_find_type(request);
  ah_boundary boundary = {.len = 0};
  ah_boundary_place place = type == NULL
                                ? AH_BOUNDARY_NOT_MULTIPART
                                : ah_boundary_find(&boundary, type->value);
  if (place == AH_BOUNDARY_INVALID) {
    return AHTTP_EFIELD;
  }
  int rv = ah_multipart_close(multipart, &boundary);
  if (rv == AHTTP_OK && place == AH_BOUNDARY_MISSING) {
    rv = ah_boundary_add_to(&multipart->boundary, type->value, &request->arena,
                            &type->value);
  }
  return rv;
}

int ahttp_request_set_multipart(ahttp_request *request,
                                ahttp_multipart *multipart)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ahttp_str type;
  ah_body *body;
  int rv = request_agree_on_boundary(request, multipart);
  if (rv == AHTTP_OK) {
    rv = ah_boundary_add_to(&multipart->boundary, AH_STR("multipart/form-data"),
                            &request->arena, &type);
  }
  if (rv == AHTTP_OK) {
    rv = ah_body_new_multipart(&body, multipart);
  }
  return rv == AHTTP_OK ? request_set_typed(request, body, type) : rv;
}

static int trailers_add(ahttp_fields *fields, const ahttp_field *field)
{
  ah_field_id id = ah_field_id_of(field->name);
  if (!ah_field_may_be_trailer(id) || ah_request_is_framing_field(id)) {
    return AHTTP_EFIELD;
  }
  if (field->value.ptr != NULL) {
    return ah_fields_add(fields, field->name, field->value);
  }
  ahttp_str name;
  if (!ah_field_is_valid(field->name, field->value)) {
    return AHTTP_EFIELD;
  }
  int rv = ah_arena_copy(fields->arena, field->name, &name);
  return rv == AHTTP_OK ? ah_fields_add_view(fields, name, field->value, id)
                        : rv;
}

static int trailers_fill(ah_request_trailers *trailers,
                         const ahttp_field *fields, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (fields[i].value.ptr == NULL && trailers->value == NULL) {
      return AHTTP_EINVAL;
    }
    int rv = trailers_add(&trailers->fields, &fields[i]);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* Puts |trailers| (NULL: none) in the place of those it had. */
static int request_put_trailers(ahttp_request *request,
                                ah_request_trailers *trailers)
{
  ahttp_str names = {NULL, 0};
  int rv = ah_fields_reserve(&request->implied, 1);
  if (rv == AHTTP_OK && trailers != NULL) {
    rv = ah_request_trailers_name(trailers, &request->arena, &names);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  request->trailers = trailers;
  ah_fields_remove(&request->implied, AH_FIELD_TRAILER);
  return trailers == NULL
             ? AHTTP_OK
             : ah_fields_add_view(&request->implied, AH_STR("Trailer"), names,
                                  AH_FIELD_TRAILER);
}

int ahttp_request_set_trailers(ahttp_request *request,
                               const ahttp_field *fields, size_t count,
                               ahttp_trailer_cb value, void *user_data)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  if (count == 0) {
    return request_put_trailers(request, NULL);
  }
  ah_request_trailers *trailers =
      ah_arena_alloc(&request->arena, sizeof(*trailers));
  if (trailers == NULL) {
    return AHTTP_ENOMEM;
  }
  trailers->value = value;
  trailers->user_data = user_data;
  ah_fields_init(&trailers->fields, &request->arena);
  int rv = trailers_fill(trailers, fields, count);
  return rv == AHTTP_OK ? request_put_trailers(request, trailers) : rv;
}
