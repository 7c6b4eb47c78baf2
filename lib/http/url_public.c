/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url.h"

#include <stddef.h>

#include <ahttp/error.h>

#include "base/alloc.h"

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
