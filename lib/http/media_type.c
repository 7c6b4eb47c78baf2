/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"
#include "http/field_params.h"

int ahttp_media_type_parse(ahttp_media_type *out, ahttp_str value)
{
  ahttp_str rest = ah_str_trim(value);
  ahttp_str type = ah_field_params_take_token(&rest);
  *out = (ahttp_media_type){.type = {NULL, 0}};
  if (type.len == 0 || rest.len == 0 || rest.ptr[0] != '/') {
    return AHTTP_EINVAL;
  }
  rest = ah_str(rest.ptr + 1, rest.len - 1);
  ahttp_str subtype = ah_field_params_take_token(&rest);
  ah_field_params_skip_blanks(&rest);
  if (subtype.len == 0 || (rest.len > 0 && rest.ptr[0] != ';')) {
    return AHTTP_EINVAL;
  }
  *out = (ahttp_media_type){.type = type, .subtype = subtype, .params = rest};
  return AHTTP_OK;
}
