/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/request.h"

#include <ahttp/error.h>

#include "base/buf.h"
#include "base/str.h"
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
