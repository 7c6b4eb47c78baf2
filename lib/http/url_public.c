/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url.h"

#include <stddef.h>

#include <ahttp/error.h>
#include <ahttp/params.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/query.h"
#include "http/url_display.h"
#include "http/url_setter.h"

/* What a serialization usually has more than its input and its base: the path
 * of a bare authority, a few encoded characters. */
enum {
  ROOM_SLACK = 64
};

/* A URL and the arena of its bytes, which most often are in the same block. */
typedef struct owned_url {
  ahttp_url url; /* first: the user holds this address */
  ah_arena arena;
  uint8_t room[];
} owned_url;

int ahttp_url_parse(ahttp_url **out, ahttp_str text, const ahttp_url *base)
{
  *out = NULL;
  size_t room = ROOM_SLACK + (base == NULL ? 0 : base->href.len);
  if (text.len > SIZE_MAX - sizeof(owned_url) - room) {
    return AHTTP_EURL;
  }
  room += text.len;
  owned_url *owned = ah_malloc(sizeof(*owned) + room);
  if (owned == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_arena_init(&owned->arena, owned->room, room);
  int rv = ah_url_parse(&owned->url, &owned->arena, text, base, NULL);
  if (rv != AHTTP_OK) {
    ahttp_url_free(&owned->url);
    return rv;
  }
  *out = &owned->url;
  return AHTTP_OK;
}

/* |view|, in the |from|'s href, in |to|'s. */
static ahttp_str moved(ahttp_str view, const ahttp_url *from, ahttp_str to)
{
  if (view.ptr != NULL) {
    view.ptr = to.ptr + (view.ptr - from->href.ptr);
  }
  return view;
}

int ahttp_url_copy(ahttp_url **out, const ahttp_url *url)
{
  *out = NULL;
  size_t room = url->href.len + 1;
  owned_url *owned = ah_malloc(sizeof(*owned) + room);
  if (owned == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_arena_init(&owned->arena, owned->room, room);
  ahttp_str href;
  int rv = ah_arena_copy(&owned->arena, url->href, &href);
  if (rv != AHTTP_OK) {
    ahttp_url_free(&owned->url);
    return rv;
  }
  owned->url = *url;
  owned->url.href = href;
  ahttp_str *const views[] = {&owned->url.scheme,   &owned->url.username,
                              &owned->url.password, &owned->url.host,
                              &owned->url.path,     &owned->url.query,
                              &owned->url.fragment};
  for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
    *views[i] = moved(*views[i], url, href);
  }
  *out = &owned->url;
  return AHTTP_OK;
}

void ahttp_url_free(ahttp_url *url)
{
  if (url == NULL) {
    return;
  }
  owned_url *owned = (owned_url *)url;
  ah_arena_clear(&owned->arena);
  ah_free(owned);
}

ahttp_str ahttp_url_href(const ahttp_url *url)
{
  return url->href;
}

ahttp_str ahttp_url_scheme(const ahttp_url *url)
{
  return url->scheme;
}

ahttp_str ahttp_url_username(const ahttp_url *url)
{
  return url->username;
}

ahttp_str ahttp_url_password(const ahttp_url *url)
{
  return url->password;
}

ahttp_str ahttp_url_host(const ahttp_url *url)
{
  return url->host;
}

ahttp_str ahttp_url_path(const ahttp_url *url)
{
  return url->path;
}

ahttp_str ahttp_url_query(const ahttp_url *url)
{
  return url->query;
}

ahttp_str ahttp_url_fragment(const ahttp_url *url)
{
  return url->fragment;
}

uint16_t ahttp_url_port(const ahttp_url *url)
{
  return url->port;
}

ahttp_str ahttp_url_host_port(const ahttp_url *url)
{
  return ah_url_authority(url);
}

ahttp_str ahttp_url_target(const ahttp_url *url)
{
  return ah_url_target(url);
}

size_t ahttp_url_display(const ahttp_url *url, char *dst, size_t cap)
{
  return ah_url_display_unicode(url, dst, cap);
}

size_t ahttp_url_origin(const ahttp_url *url, char *dst, size_t cap)
{
  return ah_url_origin(url, dst, cap);
}

bool ahttp_url_same_origin(const ahttp_url *a, const ahttp_url *b)
{
  return ah_url_has_tuple_origin(a) && ah_url_same_origin(a, b);
}

/* --- Changing. ------------------------------------------------------------ */

/* Puts |url|, whose bytes are in |arena|, in the place of the one in |owned|,
 * or frees them if |rv| says that there is none. */
static int url_replace(ahttp_url *old, const ahttp_url *url, ah_arena *arena,
                       int rv)
{
  owned_url *owned = (owned_url *)old;
  if (rv != AHTTP_OK) {
    ah_arena_clear(arena);
    return rv;
  }
  ah_arena_clear(&owned->arena);
  owned->arena = *arena; /* begins in no block of the owner's: it can move */
  owned->url = *url;
  return AHTTP_OK;
}

static int url_set(ahttp_url *url, ah_url_part part, ahttp_str value)
{
  ah_arena arena;
  ahttp_url changed;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_url_set(&changed, &arena, url, part, value, NULL);
  return url_replace(url, &changed, &arena, rv);
}

int ahttp_url_set_href(ahttp_url *url, ahttp_str value)
{
  ah_arena arena;
  ahttp_url changed;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_url_parse(&changed, &arena, value, NULL, NULL);
  return url_replace(url, &changed, &arena, rv);
}

int ahttp_url_set_scheme(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_SCHEME, value);
}

int ahttp_url_set_username(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_USERNAME, value);
}

int ahttp_url_set_password(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_PASSWORD, value);
}

int ahttp_url_set_host_port(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_HOST_PORT, value);
}

int ahttp_url_set_host(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_HOST, value);
}

int ahttp_url_set_port(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_PORT, value);
}

int ahttp_url_set_path(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_PATH, value);
}

int ahttp_url_set_query(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_QUERY, value);
}

int ahttp_url_set_fragment(ahttp_url *url, ahttp_str value)
{
  return url_set(url, AH_URL_FRAGMENT, value);
}

int ahttp_url_set_params(ahttp_url *url, const ahttp_params *params)
{
  ah_buf query;
  ah_buf_init(&query, AH_URL_BYTES_MAX);
  int rv = ah_params_write(params, &query);
  if (rv == AHTTP_OK) {
    rv = url_set(url, AH_URL_QUERY, ah_query_view(&query));
  }
  ah_buf_clear(&query);
  return rv == AHTTP_ELIMIT ? AHTTP_EURL : rv;
}

int ahttp_url_merge_params(ahttp_url *url, const ahttp_params *params)
{
  ah_arena arena;
  ahttp_url changed;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_url_merge_params(&changed, &arena, url, params);
  return url_replace(url, &changed, &arena, rv);
}
