/* SPDX-License-Identifier: MIT */
/*
 * The list in a WWW-Authenticate field is ambiguous: commas separate challenges
 * and the parameters of one challenge alike.
 *
 *   Basic realm="a", Digest realm="b", nonce="c", Negotiate
 *
 * What helps is that a parameter is a token and "=", while a challenge begins
 * with a token that is followed by nothing or by a blank and something other
 * than "=".  So an element of the list is either a parameter of the challenge
 * before it, or the beginning of a new one with its first parameter, or with
 * token68.
 */
#include "config.h"
#include "http/challenge.h"

#include <ahttp/error.h>

#include "base/str.h"
#include "http/field_params.h"

/* Reads name BWS "=" BWS value.  The value may be missing, which servers do
 * with opaque. */
static bool param_read(ah_challenge_param *out, ahttp_str element)
{
  ahttp_str name = ah_field_params_take_token(&element);
  element = ah_str_trim(element);
  if (name.len == 0 || element.len == 0 || element.ptr[0] != '=') {
    return false;
  }
  out->name = name;
  out->value = ah_str_trim(ah_str(element.ptr + 1, element.len - 1));
  return true;
}

/* RFC 9110, section 11.2: token68 ends in any number of "=". */
static bool is_token68(ahttp_str text)
{
  size_t len = text.len;
  while (len > 0 && text.ptr[len - 1] == '=') {
    len--;
  }
  for (size_t i = 0; i < len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if (!ah_char_is(c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) &&
        (c == '\0' || strchr("-._~+/", c) == NULL)) {
      return false;
    }
  }
  return len > 0;
}

static void challenge_add(ah_challenge *challenge, ah_challenge_param param)
{
  if (challenge->param_count < AH_CHALLENGE_PARAMS_MAX) {
    challenge->params[challenge->param_count++] = param;
  }
}

/* Reads an element that begins a challenge. */
static bool challenge_begin(ah_challenge *out, ahttp_str element)
{
  ah_challenge_param param;
  ahttp_str rest = element;
  ahttp_str scheme = ah_field_params_take_token(&rest);
  if (scheme.len == 0 || param_read(&param, element) ||
      (rest.len > 0 && rest.ptr[0] != ' ' && rest.ptr[0] != '\t')) {
    return false;
  }
  *out = (ah_challenge){.scheme = scheme};
  rest = ah_str_trim(rest);
  if (rest.len == 0) {
    return true;
  }
  if (is_token68(rest)) {
    out->token68 = rest;
  } else if (param_read(&param, rest)) {
    challenge_add(out, param);
  } else {
    return false;
  }
  return true;
}

/* Cuts the parameters that |*rest| begins with off it. */
static void challenge_add_params(ah_challenge *out, ahttp_str *rest)
{
  ahttp_str ahead = *rest;
  ahttp_str element;
  ah_challenge_param param;
  while (ah_str_next_element(&ahead, &element) && param_read(&param, element)) {
    challenge_add(out, param);
    *rest = ahead;
  }
}

bool ah_challenge_next(ahttp_str *rest, ah_challenge *out)
{
  ahttp_str element;
  do {
    if (!ah_str_next_element(rest, &element)) {
      return false;
    }
  } while (!challenge_begin(out, element));
  challenge_add_params(out, rest);
  return true;
}

void ah_challenge_read_params(ah_challenge *out, ahttp_str value)
{
  *out = (ah_challenge){.param_count = 0};
  challenge_add_params(out, &value);
}

/* RFC 9110, section 5.6.4; a quoted string that does not end is taken to its
 * end. */
static int unquote(ahttp_str value, ah_arena *arena, ahttp_str *out)
{
  char *text = ah_arena_bytes(arena, value.len);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t len = 0;
  for (size_t i = 1; i < value.len && value.ptr[i] != '"'; i++) {
    if (value.ptr[i] == '\\' && i + 1 < value.len) {
      i++;
    }
    text[len++] = value.ptr[i];
  }
  *out = ah_str(text, len);
  return AHTTP_OK;
}

int ah_challenge_find(const ah_challenge *challenge, ahttp_str name,
                      ah_arena *arena, ahttp_str *out)
{
  *out = ah_str(NULL, 0);
  for (size_t i = 0; i < challenge->param_count; i++) {
    const ah_challenge_param *param = &challenge->params[i];
    if (!ah_str_ieq(param->name, name)) {
      continue;
    }
    if (param->value.len > 0 && param->value.ptr[0] == '"') {
      return unquote(param->value, arena, out);
    }
    *out = param->value.len == 0 ? AH_STR("") : param->value;
    return AHTTP_OK;
  }
  return AHTTP_OK;
}
