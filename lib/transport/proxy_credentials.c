/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"
#include "base/str.h"
#include "transport/proxy.h"

/* Who is told the password: nobody but the proxy, by these two functions. */

int ah_proxy_authorize(ah_proxy *proxy, ahttp_str method, ahttp_str target,
                       ah_arena *arena, ahttp_str *out)
{
  ah_proxy_digest *digest = &proxy->digest;
  ah_assert(!ah_proxy_is_socks(proxy));
  *out = proxy->basic;
  if (!digest->is_set) {
    return AHTTP_OK;
  }
  const ah_digest_answer answer = {
      .username = proxy->username,
      .password = proxy->password,
      .method = method,
      .target = target,
      .cnonce = ah_str(digest->cnonce, sizeof(digest->cnonce)),
      .count = ++digest->count,
  };
  return ah_digest_authorize(&digest->challenge, &answer, arena, out);
}

/* Keeps the strongest Digest challenge of |fields|.  AHTTP_OK, AHTTP_ENOMEM, or
 * something else if there is none to be answered. */
static int digest_keep(ah_proxy_digest *digest, const ahttp_fields *fields)
{
  ahttp_fields own;
  digest->is_set = false;
  ah_arena_clear(&digest->arena);
  ah_fields_init(&own, &digest->arena);
  const ah_field *field = ah_fields_find(fields, AH_FIELD_PROXY_AUTHENTICATE);
  for (; field != NULL; field = ah_fields_find_next(fields, field)) {
    /* The challenge is views of the fields, which are the response's. */
    int rv = ah_fields_add(&own, field->name, field->value);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  const char *why;
  int rv = ah_digest_choose(&digest->challenge, &own,
                            AH_FIELD_PROXY_AUTHENTICATE, &digest->arena, &why);
  if (rv == AHTTP_OK) {
    digest->is_set = ah_digest_cnonce(digest->cnonce);
    digest->count = 0;
  }
  return rv;
}

int ah_proxy_read_challenge(ah_proxy *proxy, const ahttp_fields *fields,
                            unsigned rounds, bool *again)
{
  *again = false;
  if (!proxy->has_credentials || proxy->auth == AHTTP_PROXY_AUTH_BASIC ||
      rounds >= AH_PROXY_ROUNDS_MAX) {
    return AHTTP_OK;
  }
  int rv = digest_keep(&proxy->digest, fields);
  if (rv == AHTTP_ENOMEM) {
    return rv;
  }
  /* The first answer may have been to an older challenge, or by Basic.  After
   * the second, only a stale nonce is not a wrong password (RFC 7616, section
   * 3.3). */
  *again =
      proxy->digest.is_set && (rounds == 0 || proxy->digest.challenge.is_stale);
  return AHTTP_OK;
}
