/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/auth.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/base64.h"
#include "base/str.h"
#include "client/options.h"
#include "http/url_percent.h"

struct ahttp_auth {
  atomic_uint refs;
  bool is_for_each_host;
  ahttp_auth_opts opts;
};

/* Its address is all that is used. */
static ahttp_auth none;

/* --- Lifecycle. ------------------------------------------------------------
 */

int ahttp_auth_new(ahttp_auth **out, const ahttp_auth_opts *opts)
{
  ahttp_auth_opts copy;
  *out = NULL;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (rv != AHTTP_OK || (copy.on_request == NULL && copy.on_response == NULL)) {
    return AHTTP_EINVAL;
  }
  ahttp_auth *auth = ah_calloc(1, sizeof(*auth));
  if (auth == NULL) {
    return AHTTP_ENOMEM;
  }
  atomic_init(&auth->refs, 1);
  auth->opts = copy;
  *out = auth;
  return AHTTP_OK;
}

ahttp_auth *ah_auth_ref(ahttp_auth *auth)
{
  if (auth != NULL) {
    atomic_fetch_add_explicit(&auth->refs, 1, memory_order_relaxed);
  }
  return auth;
}

void ahttp_auth_free(ahttp_auth *auth)
{
  if (auth == NULL || auth == &none) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&auth->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  if (auth->opts.free != NULL) {
    auth->opts.free(auth->opts.user_data);
  }
  ah_free(auth);
}

ahttp_auth *ahttp_auth_none(void)
{
  return &none;
}

ahttp_auth *ah_auth_or_null(ahttp_auth *auth)
{
  return auth == &none ? NULL : auth;
}

const ahttp_auth_opts *ah_auth_opts(const ahttp_auth *auth)
{
  return &auth->opts;
}

void ah_auth_set_each_host(ahttp_auth *auth)
{
  auth->is_for_each_host = true;
}

bool ah_auth_is_for_each_host(const ahttp_auth *auth)
{
  return auth->is_for_each_host;
}

/* --- Basic. ----------------------------------------------------------------
 */

bool ah_auth_has_control(ahttp_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if (c < ' ' || c == 0x7f) {
      return true;
    }
  }
  return false;
}

static void append(char **dst, ahttp_str text)
{
  if (text.len > 0) {
    memcpy(*dst, text.ptr, text.len);
    *dst += text.len;
  }
}

/* RFC 7617, section 2: "Basic" and the base64 of user-id ":" password; neither
 * may have control characters. */
int ah_auth_value_of_pair(ahttp_str *out, ah_arena *arena, ahttp_str username,
                          ahttp_str password)
{
  const ahttp_str scheme = AH_STR("Basic ");
  bool has_colon =
      username.len > 0 && memchr(username.ptr, ':', username.len) != NULL;
  if (has_colon || ah_auth_has_control(username) ||
      ah_auth_has_control(password)) {
    return AHTTP_EINVAL;
  }
  size_t pair_len = username.len + 1 + password.len;
  size_t len = scheme.len + AH_BASE64_LEN(pair_len);
  char *pair = ah_arena_bytes(arena, pair_len);
  char *value = pair == NULL ? NULL : ah_arena_bytes(arena, len);
  if (value == NULL) {
    return AHTTP_ENOMEM;
  }
  char *at = pair;
  append(&at, username);
  append(&at, AH_STR(":"));
  append(&at, password);
  at = value;
  append(&at, scheme);
  ah_base64_encode(at, ah_str(pair, pair_len));
  *out = ah_str(value, len);
  return AHTTP_OK;
}

static int percent_decode(ahttp_str *out, ah_arena *arena, ahttp_str text)
{
  char *bytes = ah_arena_bytes(arena, text.len + 1);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  *out = ah_str(bytes, ah_url_percent_decode(bytes, text));
  return AHTTP_OK;
}

int ah_auth_username_of_url(ahttp_str *out, ah_arena *arena,
                            const ahttp_url *url)
{
  return percent_decode(out, arena, url->username);
}

int ah_auth_value_of_url(ahttp_str *out, ah_arena *arena, const ahttp_url *url)
{
  ahttp_str username;
  ahttp_str password;
  int rv = percent_decode(&username, arena, url->username);
  if (rv == AHTTP_OK) {
    rv = percent_decode(&password, arena, url->password);
  }
  return rv == AHTTP_OK ? ah_auth_value_of_pair(out, arena, username, password)
                        : rv;
}

/* --- Schemes that send one value. ------------------------------------------
 */

typedef struct fixed_auth {
  ah_arena arena;
  ahttp_str value;
} fixed_auth;

static int fixed_on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                            void *user_data)
{
  const fixed_auth *self = user_data;
  if (ah_auth_flow_has_own(flow)) {
    return AHTTP_OK;
  }
  return ahttp_outgoing_set_field(outgoing, AH_STR("authorization"),
                                  self->value);
}

static void fixed_free(void *user_data)
{
  fixed_auth *self = user_data;
  ah_arena_clear(&self->arena);
  ah_free(self);
}

static fixed_auth *fixed_new(void)
{
  fixed_auth *self = ah_calloc(1, sizeof(*self));
  if (self != NULL) {
    ah_arena_init(&self->arena, NULL, 0);
  }
  return self;
}

/* Makes what sends self->value, unless |rv| says that there is none. */
static int fixed_finish(ahttp_auth **out, fixed_auth *self, int rv)
{
  ahttp_auth_opts opts = AHTTP_AUTH_OPTS_INIT;
  opts.on_request = fixed_on_request;
  opts.free = fixed_free;
  opts.user_data = self;
  if (rv == AHTTP_OK) {
    rv = ahttp_auth_new(out, &opts);
  }
  if (rv != AHTTP_OK) {
    fixed_free(self);
  }
  return rv;
}

int ahttp_auth_new_basic(ahttp_auth **out, ahttp_str username,
                         ahttp_str password)
{
  *out = NULL;
  fixed_auth *self = fixed_new();
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv =
      ah_auth_value_of_pair(&self->value, &self->arena, username, password);
  return fixed_finish(out, self, rv);
}

/* RFC 9110, section 11.2: token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" /
 * "+" / "/" ) *"=" */
static bool is_token68(ahttp_str text)
{
  size_t len = text.len;
  while (len > 0 && text.ptr[len - 1] == '=') {
    len--;
  }
  for (size_t i = 0; i < len; i++) {
    if (!ah_char_is((uint8_t)text.ptr[i], AH_CHAR_ALPHA | AH_CHAR_DIGIT) &&
        (text.ptr[i] == '\0' || strchr("-._~+/", text.ptr[i]) == NULL)) {
      return false;
    }
  }
  return len > 0;
}

int ahttp_auth_new_bearer(ahttp_auth **out, ahttp_str token)
{
  const ahttp_str scheme = AH_STR("Bearer ");
  *out = NULL;
  if (!is_token68(token)) {
    return AHTTP_EINVAL;
  }
  fixed_auth *self = fixed_new();
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  char *value = ah_arena_bytes(&self->arena, scheme.len + token.len);
  if (value != NULL) {
    char *at = value;
    append(&at, scheme);
    append(&at, token);
    self->value = ah_str(value, scheme.len + token.len);
  }
  return fixed_finish(out, self, value == NULL ? AHTTP_ENOMEM : AHTTP_OK);
}
