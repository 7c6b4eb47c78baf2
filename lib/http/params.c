/* SPDX-License-Identifier: MIT */
#include "config.h"
#include <ahttp/params.h>

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/query.h"

enum {
  PARAMS_CAP_MIN = 8
};

/* The name's bytes, a NUL, the value's and a NUL are one block, which begins at
 * |name.ptr|. */
struct ahttp_params {
  ahttp_param *items; /* |count| of them, room for |cap| */
  size_t count;
  size_t cap;
  char *encoded; /* what ahttp_params_encode() gave out, or NULL */
};

static void param_free(ahttp_param *param)
{
  ah_free((void *)(uintptr_t)param->name.ptr);
}

/* Makes a pair of encoded or plain texts. */
static int param_new(ahttp_param *out, ahttp_str name, ahttp_str value,
                     bool is_encoded)
{
  if (name.len > SIZE_MAX / 4 || value.len > SIZE_MAX / 4) {
    return AHTTP_ENOMEM;
  }
  char *block = ah_malloc(name.len + value.len + 2);
  if (block == NULL) {
    return AHTTP_ENOMEM;
  }
  if (is_encoded) {
    name.len = ah_query_decode(block, name);
    value.len = ah_query_decode(block + name.len + 1, value);
  } else {
    if (name.len > 0) {
      memcpy(block, name.ptr, name.len);
    }
    if (value.len > 0) {
      memcpy(block + name.len + 1, value.ptr, value.len);
    }
  }
  block[name.len] = '\0';
  block[name.len + 1 + value.len] = '\0';
  out->name = ah_str(block, name.len);
  out->value = ah_str(block + name.len + 1, value.len);
  return AHTTP_OK;
}

static int params_append(ahttp_params *params, ahttp_str name, ahttp_str value,
                         bool is_encoded)
{
  if (params->count == params->cap) {
    size_t cap = params->cap == 0 ? PARAMS_CAP_MIN : 2 * params->cap;
    ahttp_param *items = ah_realloc_array(params->items, cap, sizeof(*items));
    if (items == NULL) {
      return AHTTP_ENOMEM;
    }
    params->items = items;
    params->cap = cap;
  }
  int rv = param_new(&params->items[params->count], name, value, is_encoded);
  if (rv == AHTTP_OK) {
    params->count++;
  }
  return rv;
}

/* Drops those called |name| among the items [start, end).  Returns how many. */
static size_t params_drop(ahttp_params *params, ahttp_str name, size_t start,
                          size_t end)
{
  size_t kept = start;
  for (size_t i = start; i < params->count; i++) {
    if (i < end && ah_str_eq(params->items[i].name, name)) {
      param_free(&params->items[i]);
    } else {
      params->items[kept++] = params->items[i];
    }
  }
  size_t dropped = params->count - kept;
  params->count = kept;
  return dropped;
}

static void params_truncate(ahttp_params *params, size_t count)
{
  while (params->count > count) {
    param_free(&params->items[--params->count]);
  }
}

/* The first one called |name|, or NULL. */
static ahttp_param *params_find(const ahttp_params *params, ahttp_str name)
{
  for (size_t i = 0; i < params->count; i++) {
    if (ah_str_eq(params->items[i].name, name)) {
      return &params->items[i];
    }
  }
  return NULL;
}

int ah_params_write(const ahttp_params *params, ah_buf *buf)
{
  size_t count = ahttp_params_count(params);
  for (size_t i = 0; i < count; i++) {
    int rv = i == 0 ? AHTTP_OK : ah_buf_append(buf, "&", 1);
    if (rv == AHTTP_OK) {
      rv = ah_query_encode(buf, params->items[i].name);
    }
    if (rv == AHTTP_OK) {
      rv = ah_buf_append(buf, "=", 1);
    }
    if (rv == AHTTP_OK) {
      rv = ah_query_encode(buf, params->items[i].value);
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* --- The face. ------------------------------------------------------------ */

int ahttp_params_new(ahttp_params **out)
{
  *out = ah_calloc(1, sizeof(**out));
  return *out == NULL ? AHTTP_ENOMEM : AHTTP_OK;
}

int ahttp_params_parse(ahttp_params **out, ahttp_str text)
{
  ahttp_params *params;
  int rv = ahttp_params_new(&params);
  if (rv == AHTTP_OK && text.len > 0 && text.ptr[0] == '?') {
    text = ah_str(text.ptr + 1, text.len - 1);
  }
  ah_query_pair pair;
  while (rv == AHTTP_OK && ah_query_next_pair(&text, &pair)) {
    rv = params_append(params, pair.name, pair.value, true);
  }
  if (rv != AHTTP_OK) {
    ahttp_params_free(params);
    params = NULL;
  }
  *out = params;
  return rv;
}

int ahttp_params_copy(ahttp_params **out, const ahttp_params *params)
{
  int rv = ahttp_params_new(out);
  if (rv == AHTTP_OK) {
    rv = ahttp_params_merge(*out, params);
  }
  if (rv != AHTTP_OK) {
    ahttp_params_free(*out);
    *out = NULL;
  }
  return rv;
}

void ahttp_params_free(ahttp_params *params)
{
  if (params == NULL) {
    return;
  }
  params_truncate(params, 0);
  ah_free(params->items);
  ah_free(params->encoded);
  ah_free(params);
}

int ahttp_params_add_str(ahttp_params *params, ahttp_str name, ahttp_str value)
{
  return params_append(params, name, value, false);
}

int ahttp_params_add(ahttp_params *params, const char *name, const char *value)
{
  return ahttp_params_add_str(params, ah_str_from_c(name),
                              ah_str_from_c(value));
}

int ahttp_params_set_str(ahttp_params *params, ahttp_str name, ahttp_str value)
{
  ahttp_param *first = params_find(params, name);
  if (first == NULL) {
    return params_append(params, name, value, false);
  }
  ahttp_param changed;
  int rv = param_new(&changed, name, value, false);
  if (rv != AHTTP_OK) {
    return rv;
  }
  size_t behind = (size_t)(first - params->items) + 1;
  param_free(first);
  *first = changed;
  (void)params_drop(params, changed.name, behind, params->count);
  return AHTTP_OK;
}

int ahttp_params_set(ahttp_params *params, const char *name, const char *value)
{
  return ahttp_params_set_str(params, ah_str_from_c(name),
                              ah_str_from_c(value));
}

size_t ahttp_params_remove(ahttp_params *params, const char *name)
{
  return params_drop(params, ah_str_from_c(name), 0, params->count);
}

int ahttp_params_merge(ahttp_params *params, const ahttp_params *from)
{
  size_t old = params->count;
  size_t more = from == params ? 0 : ahttp_params_count(from);
  for (size_t i = 0; i < more; i++) {
    int rv =
        params_append(params, from->items[i].name, from->items[i].value, false);
    if (rv != AHTTP_OK) {
      params_truncate(params, old);
      return rv;
    }
  }
  for (size_t i = 0; i < more; i++) {
    old -= params_drop(params, from->items[i].name, 0, old);
  }
  return AHTTP_OK;
}

bool ahttp_params_get(const ahttp_params *params, const char *name,
                      ahttp_str *value)
{
  const ahttp_param *found =
      params == NULL ? NULL : params_find(params, ah_str_from_c(name));
  if (value != NULL) {
    *value = found == NULL ? ah_str(NULL, 0) : found->value;
  }
  return found != NULL;
}

size_t ahttp_params_get_all(const ahttp_params *params, const char *name,
                            ahttp_str *values, size_t cap)
{
  ahttp_str wanted = ah_str_from_c(name);
  size_t count = 0;
  for (size_t i = 0; i < ahttp_params_count(params); i++) {
    if (!ah_str_eq(params->items[i].name, wanted)) {
      continue;
    }
    if (count < cap) {
      values[count] = params->items[i].value;
    }
    count++;
  }
  return count;
}

size_t ahttp_params_count(const ahttp_params *params)
{
  return params == NULL ? 0 : params->count;
}

ahttp_param ahttp_params_at(const ahttp_params *params, size_t index)
{
  if (index >= ahttp_params_count(params)) {
    return (ahttp_param){.name = {NULL, 0}};
  }
  return params->items[index];
}

int ahttp_params_encode(ahttp_params *params, ahttp_str *out)
{
  ah_buf buf;
  char *text = NULL;
  size_t len = 0;
  ah_buf_init(&buf, SIZE_MAX);
  *out = ah_str(NULL, 0);
  int rv = ah_params_write(params, &buf);
  if (rv == AHTTP_OK) {
    rv = ah_buf_take(&buf, &text, &len);
  }
  ah_buf_clear(&buf);
  if (rv != AHTTP_OK) {
    return AHTTP_ENOMEM;
  }
  ah_free(params->encoded);
  params->encoded = text;
  *out = ah_str(text, len);
  return AHTTP_OK;
}
