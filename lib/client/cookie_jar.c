/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/cookie_jar.h"

#include <time.h>

#include <ahttp/response.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "client/options.h"
#include "client/public_suffix.h"

int64_t ah_cookie_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
  return (int64_t)now.tv_sec;
}

/* --- Lifecycle. ------------------------------------------------------------
 */

int ahttp_cookie_jar_new(ahttp_cookie_jar **out)
{
  *out = NULL;
  ahttp_cookie_jar *jar = ah_malloc(sizeof(*jar));
  if (jar == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&jar->lock) != 0) {
    ah_free(jar);
    return AHTTP_ENOMEM;
  }
  atomic_init(&jar->refs, 1);
  ah_cookie_store_init(&jar->store, ah_registrable_domain);
  *out = jar;
  return AHTTP_OK;
}

ahttp_cookie_jar *ahttp_cookie_jar_ref(ahttp_cookie_jar *jar)
{
  atomic_fetch_add_explicit(&jar->refs, 1, memory_order_relaxed);
  return jar;
}

void ahttp_cookie_jar_free(ahttp_cookie_jar *jar)
{
  if (jar == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&jar->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before == 1) {
    ah_cookie_store_clear(&jar->store);
    uv_mutex_destroy(&jar->lock);
    ah_free(jar);
  }
}

/* --- Receiving. ------------------------------------------------------------
 */

int ahttp_cookie_jar_store(ahttp_cookie_jar *jar, const ahttp_url *url,
                           ahttp_str set_cookie, const char **why)
{
  ah_cookie_target target;
  const char *reason = NULL;
  if (!ah_cookie_target_of(url, &target)) {
    return AHTTP_EURL;
  }
  uv_mutex_lock(&jar->lock);
  int rv = ah_cookie_store_receive(&jar->store, &target, set_cookie,
                                   ah_cookie_now(), &reason);
  uv_mutex_unlock(&jar->lock);
  if (why != NULL) {
    *why = reason;
  }
  return rv;
}

int ah_cookie_jar_receive(ahttp_cookie_jar *jar, const ahttp_url *url,
                          const ahttp_fields *fields)
{
  const ah_field *field = ah_fields_find(fields, AH_FIELD_SET_COOKIE);
  while (field != NULL) {
    int rv = ahttp_cookie_jar_store(jar, url, field->value, NULL);
    if (rv == AHTTP_ENOMEM) {
      return rv;
    }
    field = ah_fields_find_next(fields, field);
  }
  return AHTTP_OK;
}

int ahttp_cookie_jar_store_response(ahttp_cookie_jar *jar,
                                    const ahttp_response *response)
{
  return ah_cookie_jar_receive(jar, ahttp_response_url(response),
                               ahttp_response_fields(response));
}

/* --- Sending. --------------------------------------------------------------
 */

/* True if a Cookie field of |own| has a pair called |name|. */
static bool own_has(const ahttp_fields *own, ahttp_str name)
{
  const ah_field *field =
      own == NULL ? NULL : ah_fields_find(own, AH_FIELD_COOKIE);
  while (field != NULL) {
    size_t pos = 0;
    while (pos < field->value.len) {
      const char *start = field->value.ptr + pos;
      size_t room = field->value.len - pos;
      const char *end = memchr(start, ';', room);
      size_t len = end == NULL ? room : (size_t)(end - start);
      const char *equals = memchr(start, '=', len);
      size_t name_len = equals == NULL ? 0 : (size_t)(equals - start);
      if (ah_str_eq(ah_str_trim(ah_str(start, name_len)), name)) {
        return true;
      }
      pos += len + 1;
    }
    field = ah_fields_find_next(own, field);
  }
  return false;
}

/* Where a Cookie field's value is written.  |dst| is NULL while it is only
 * measured. */
typedef struct cookie_text {
  char *dst;
  size_t len;
} cookie_text;

static void text_add(cookie_text *text, ahttp_str part)
{
  if (text->dst != NULL && part.len > 0) {
    memcpy(text->dst + text->len, part.ptr, part.len);
  }
  text->len += part.len;
}

static void text_add_separator(cookie_text *text)
{
  if (text->len > 0) {
    text_add(text, AH_STR("; "));
  }
}

/* RFC 6265bis, section 5.8.3, step 4. */
static void text_add_matches(cookie_text *text, const ah_stored_cookie *first,
                             const ahttp_fields *own)
{
  for (const ah_stored_cookie *stored = first; stored != NULL;
       stored = stored->next_match) {
    const ahttp_cookie *cookie = &stored->cookie;
    size_t len = cookie->name.len + cookie->value.len + 3;
    if (text->len + len > AH_COOKIE_HEADER_BYTES_MAX ||
        own_has(own, cookie->name)) {
      continue;
    }
    text_add_separator(text);
    text_add(text, cookie->name);
    if (cookie->name.len > 0) {
      text_add(text, AH_STR("="));
    }
    text_add(text, cookie->value);
  }
}

int ahttp_cookie_jar_header(ahttp_cookie_jar *jar, const ahttp_url *url,
                            ahttp_site site, char *dst, size_t cap, size_t *len)
{
  ah_cookie_target target;
  *len = 0;
  if (!ah_cookie_target_of(url, &target)) {
    return AHTTP_EURL;
  }
  cookie_text text = {.dst = NULL};
  uv_mutex_lock(&jar->lock);
  const ah_stored_cookie *first =
      ah_cookie_store_match(&jar->store, &target, site, ah_cookie_now(), true);
  text_add_matches(&text, first, NULL);
  *len = text.len;
  bool fits = text.len < cap;
  if (fits) {
    text = (cookie_text){.dst = dst};
    text_add_matches(&text, first, NULL);
    dst[text.len] = '\0';
  }
  uv_mutex_unlock(&jar->lock);
  return fits ? AHTTP_OK : AHTTP_ELIMIT;
}

static void text_add_own(cookie_text *text, const ahttp_fields *own)
{
  const ah_field *field =
      own == NULL ? NULL : ah_fields_find(own, AH_FIELD_COOKIE);
  while (field != NULL) {
    if (field->value.len > 0) {
      text_add_separator(text);
      text_add(text, field->value);
    }
    field = ah_fields_find_next(own, field);
  }
}

int ah_cookie_jar_make_field(ahttp_cookie_jar *jar, const ahttp_url *url,
                             const ahttp_fields *own, ah_arena *arena,
                             ahttp_str *out)
{
  ah_cookie_target target;
  cookie_text text = {.dst = NULL};
  *out = ah_str(NULL, 0);
  if (!ah_cookie_target_of(url, &target)) {
    return AHTTP_OK;
  }
  int rv = AHTTP_OK;
  uv_mutex_lock(&jar->lock);
  const ah_stored_cookie *first = ah_cookie_store_match(
      &jar->store, &target, AHTTP_SITE_SAME, ah_cookie_now(), true);
  text_add_own(&text, own);
  text_add_matches(&text, first, own);
  if (text.len > 0) {
    text = (cookie_text){.dst = ah_arena_bytes(arena, text.len + 1)};
    rv = text.dst == NULL ? AHTTP_ENOMEM : AHTTP_OK;
  }
  if (text.dst != NULL) {
    text_add_own(&text, own);
    text_add_matches(&text, first, own);
    text.dst[text.len] = '\0';
    *out = ah_str(text.dst, text.len);
  }
  uv_mutex_unlock(&jar->lock);
  return rv;
}

/* --- Editing. --------------------------------------------------------------
 */

/* |cookie| with its domain in canonical form, from |arena|. */
static int jar_set(ahttp_cookie_jar *jar, ahttp_cookie *cookie, ah_arena *arena)
{
  const char *why;
  int rv = ah_cookie_host_canonical(cookie->domain, arena, &cookie->domain);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uv_mutex_lock(&jar->lock);
  rv = ah_cookie_store_put(&jar->store, cookie, ah_cookie_now(), &why);
  uv_mutex_unlock(&jar->lock);
  return rv;
}

int ahttp_cookie_jar_set(ahttp_cookie_jar *jar, const ahttp_cookie *cookie)
{
  ahttp_cookie copy;
  if (cookie == NULL || ah_opts_copy(&copy, sizeof(copy), cookie) != AHTTP_OK ||
      (unsigned)copy.same_site > AHTTP_SAME_SITE_STRICT) {
    return AHTTP_EINVAL;
  }
  if (copy.path.len == 0) {
    copy.path = AH_STR("/");
  }
  uint8_t block[512];
  ah_arena arena;
  ah_arena_init(&arena, block, sizeof(block));
  int rv = jar_set(jar, &copy, &arena);
  ah_arena_clear(&arena);
  return rv == AHTTP_EFIELD || rv == AHTTP_EURL ? AHTTP_EINVAL : rv;
}

void ahttp_cookie_jar_clear(ahttp_cookie_jar *jar)
{
  uv_mutex_lock(&jar->lock);
  ah_cookie_store_clear(&jar->store);
  uv_mutex_unlock(&jar->lock);
}

size_t ahttp_cookie_jar_count(ahttp_cookie_jar *jar)
{
  uv_mutex_lock(&jar->lock);
  ah_cookie_store_expire(&jar->store, ah_cookie_now());
  size_t count = jar->store.count;
  uv_mutex_unlock(&jar->lock);
  return count;
}
