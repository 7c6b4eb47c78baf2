/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url_display.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/idna.h"

enum {
  LABEL_BYTES_MAX = 63 * 4 /* of code points that fit an A-label, in UTF-8 */
};

/* A text that is cut at |cap| bytes and counted on. */
typedef struct clip {
  char *dst;
  size_t cap;
  size_t len;
} clip;

static void clip_put(clip *self, ahttp_str text)
{
  if (self->len < self->cap && text.len > 0) {
    size_t room = self->cap - self->len;
    memcpy(self->dst + self->len, text.ptr, text.len < room ? text.len : room);
  }
  self->len += text.len;
}

static size_t clip_end(const clip *self)
{
  if (self->cap > 0) {
    self->dst[self->len < self->cap ? self->len : self->cap - 1] = '\0';
  }
  return self->len;
}

/* The bytes of |url| from |start| to |end|, both in its href. */
static ahttp_str between(const char *start, const char *end)
{
  return ah_str(start, (size_t)(end - start));
}

static void clip_put_host(clip *self, ahttp_str host)
{
  const char *end = host.ptr + host.len;
  const char *label = host.ptr;
  while (label < end) {
    const char *dot = memchr(label, '.', (size_t)(end - label));
    const char *label_end = dot == NULL ? end : dot;
    char text[LABEL_BYTES_MAX];
    size_t len =
        ah_idna_label_to_unicode(text, sizeof(text), between(label, label_end));
    clip_put(self, len > 0 ? ah_str(text, len) : between(label, label_end));
    if (dot != NULL) {
      clip_put(self, AH_STR("."));
      label_end++;
    }
    label = label_end;
  }
}

size_t ah_url_display_unicode(const ahttp_url *url, char *dst, size_t cap)
{
  clip text = {.dst = dst, .cap = cap};
  const char *pos = url->href.ptr;
  if (url->password.len > 0) {
    clip_put(&text, between(pos, url->password.ptr));
    clip_put(&text, AH_STR("[secure]"));
    pos = url->password.ptr + url->password.len;
  }
  if (url->host.ptr != NULL && url->is_special) {
    clip_put(&text, between(pos, url->host.ptr));
    clip_put_host(&text, url->host);
    pos = url->host.ptr + url->host.len;
  }
  clip_put(&text, between(pos, url->href.ptr + url->href.len));
  return clip_end(&text);
}

bool ah_url_has_tuple_origin(const ahttp_url *url)
{
  return url->is_special && !ah_str_eq(url->scheme, AH_STR("file"));
}

static void clip_put_origin(clip *self, const ahttp_url *url)
{
  clip_put(self, url->scheme);
  clip_put(self, AH_STR("://"));
  clip_put(self, ah_url_authority(url));
}

/* The URL in the path of a blob URL has its origin if it is a web page's. */
static void clip_put_blob_origin(clip *self, const ahttp_url *url)
{
  ah_arena arena;
  ahttp_url inner;
  ah_arena_init(&arena, NULL, 0);
  if (ah_url_parse(&inner, &arena, url->path, NULL, NULL) == AHTTP_OK &&
      (ah_str_eq(inner.scheme, AH_STR("http")) ||
       ah_str_eq(inner.scheme, AH_STR("https")))) {
    clip_put_origin(self, &inner);
  } else {
    clip_put(self, AH_STR("null"));
  }
  ah_arena_clear(&arena);
}

size_t ah_url_origin(const ahttp_url *url, char *dst, size_t cap)
{
  clip text = {.dst = dst, .cap = cap};
  if (ah_url_has_tuple_origin(url)) {
    clip_put_origin(&text, url);
  } else if (ah_str_eq(url->scheme, AH_STR("blob"))) {
    clip_put_blob_origin(&text, url);
  } else {
    clip_put(&text, AH_STR("null"));
  }
  return clip_end(&text);
}
