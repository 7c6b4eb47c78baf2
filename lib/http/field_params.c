/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/field_params.h"

#include <ahttp/error.h>

#include "base/str.h"

static void advance(ahttp_str *text, size_t len)
{
  text->ptr += len;
  text->len -= len;
}

static bool begins_with(ahttp_str text, char byte)
{
  return text.len > 0 && text.ptr[0] == byte;
}

void ah_field_params_skip_blanks(ahttp_str *rest)
{
  while (begins_with(*rest, ' ') || begins_with(*rest, '\t')) {
    advance(rest, 1);
  }
}

ahttp_str ah_field_params_take_token(ahttp_str *rest)
{
  ahttp_str token = {rest->ptr, 0};
  while (token.len < rest->len &&
         ah_char_is((uint8_t)rest->ptr[token.len], AH_CHAR_TOKEN)) {
    token.len++;
  }
  if (token.len > 0) {
    advance(rest, token.len);
  }
  return token;
}

/* RFC 9110, section 5.6.4.  One whose closing quote is missing goes to the end,
 * as browsers read it (MIME Sniffing Standard, section 4.4). */
static ahttp_str take_quoted(ahttp_str *rest)
{
  advance(rest, 1);
  ahttp_str value = {rest->ptr, 0};
  while (value.len < rest->len && rest->ptr[value.len] != '"') {
    bool is_pair = rest->ptr[value.len] == '\\' && value.len + 1 < rest->len;
    value.len += is_pair ? 2 : 1;
  }
  advance(rest, value.len);
  if (rest->len > 0) {
    advance(rest, 1);
  }
  return value;
}

/* Up to a delimiter.  Servers put bytes there that no token has. */
static ahttp_str take_bare(ahttp_str *rest)
{
  ahttp_str value = {rest->ptr, 0};
  while (value.len < rest->len && rest->ptr[value.len] != ';' &&
         rest->ptr[value.len] != ',') {
    value.len++;
  }
  if (value.len > 0) {
    advance(rest, value.len);
  }
  return ah_str_trim(value);
}

bool ahttp_field_params_next(ahttp_str *rest, ahttp_field_param *out)
{
  *out = (ahttp_field_param){.is_quoted = false};
  for (;;) {
    ah_field_params_skip_blanks(rest);
    if (!begins_with(*rest, ';')) {
      break;
    }
    advance(rest, 1); /* several: empty parameters */
  }
  out->name = ah_field_params_take_token(rest);
  if (out->name.len == 0) {
    return false;
  }
  ah_field_params_skip_blanks(rest);
  if (!begins_with(*rest, '=')) {
    return true; /* a name alone, as RFC 8288 allows it */
  }
  advance(rest, 1);
  ah_field_params_skip_blanks(rest);
  out->is_quoted = begins_with(*rest, '"');
  out->value = out->is_quoted ? take_quoted(rest) : take_bare(rest);
  return true;
}

bool ah_field_params_find(ahttp_str params, ahttp_str name,
                          ahttp_field_param *out)
{
  while (ahttp_field_params_next(&params, out)) {
    if (ah_str_ieq(out->name, name)) {
      return true;
    }
  }
  return false;
}

void ah_value_init(ah_value *value, char *dst, size_t cap)
{
  *value = (ah_value){.dst = dst, .cap = cap};
}

void ah_value_add(ah_value *value, char byte)
{
  if (value->len + 1 < value->cap) {
    value->dst[value->len] = byte;
  }
  value->len++;
}

int ah_value_fail(ah_value *value, size_t *len, int rv)
{
  if (value->cap > 0) {
    value->dst[0] = '\0';
  }
  if (len != NULL) {
    *len = 0;
  }
  return rv;
}

int ah_value_end(ah_value *value, size_t *len)
{
  if (value->len >= value->cap) {
    return ah_value_fail(value, len, AHTTP_ELIMIT);
  }
  value->dst[value->len] = '\0';
  if (len != NULL) {
    *len = value->len;
  }
  return AHTTP_OK;
}

int ahttp_field_params_get(ahttp_str params, const char *name, char *dst,
                           size_t cap, size_t *len)
{
  ahttp_field_param param;
  ah_value value;
  ah_value_init(&value, dst, cap);
  if (!ah_field_params_find(params, ah_str_from_c(name), &param)) {
    return ah_value_fail(&value, len, AHTTP_EINVAL);
  }
  for (size_t i = 0; i < param.value.len; i++) {
    if (param.is_quoted && param.value.ptr[i] == '\\' &&
        i + 1 < param.value.len) {
      i++;
    }
    ah_value_add(&value, param.value.ptr[i]);
  }
  return ah_value_end(&value, len);
}
