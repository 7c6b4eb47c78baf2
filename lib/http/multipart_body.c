/* SPDX-License-Identifier: MIT */
/*
 * Reads a multipart as one run of bytes (RFC 2046, section 5.1.1):
 *
 *     --B CRLF  head  content  CRLF--B CRLF  head  content  CRLF--B-- CRLF
 *     |<----- part 0 ------->|<------- part 1 ----------->|<- the end ->|
 *
 * Each part begins with the delimiter before it, and what is behind the last
 * one counts as a part that is only a delimiter.  Where they begin is computed
 * once, as far as the lengths are known, so a read anywhere finds its part by
 * bisection and nothing has to be kept between reads.  Where a part of unknown
 * length ends is learned when it is read; it then is noted for good: a part
 * that is read again has the same length again or is an error.
 *
 * A request may be sent by several threads at once.  All that changes here are
 * these places, which are atomic and become the same whoever finds them out,
 * and, for content that can be read only once, how far it has been.
 */
#include "config.h"
#include "http/multipart.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

enum {
  DELIMITER_BYTES_MAX = AH_BOUNDARY_BYTES_MAX + 4, /* CRLF "--" before it */
  NAME_SHOWN_MAX = 80 /* of a part, in messages; there is little room */
};

/* A place that is not known yet, behind all others. */
#define UNKNOWN UINT64_MAX

typedef struct multipart_body {
  ah_body base; /* first: the ops get this address */
  ahttp_multipart *multipart;
  uint64_t pos;         /* where the next read begins, if it cannot rewind */
  atomic_size_t failed; /* the part whose content could not be read; |count| if
                           none */
  size_t delimiter_len;
  char delimiter[DELIMITER_BYTES_MAX]; /* without its end */
  atomic_uint_least64_t begins[]; /* of each part and the end; the known ones
                                     come first */
} multipart_body;

static uint64_t body_begin(multipart_body *self, size_t index)
{
  return atomic_load_explicit(&self->begins[index], memory_order_relaxed);
}

/* The delimiter before part |index|.  The first one begins the content and has
 * no CRLF before it. */
static ahttp_str body_delimiter(const multipart_body *self, size_t index)
{
  size_t skipped = index == 0 ? 2 : 0;
  return ah_str(self->delimiter + skipped, self->delimiter_len - skipped);
}

/* What follows it; the one behind the last part says that it is. */
static ahttp_str body_delimiter_tail(const multipart_body *self, size_t index)
{
  return index < self->multipart->count ? AH_STR("\r\n") : AH_STR("--\r\n");
}

/* How many bytes part |index| has before its content. */
static uint64_t body_overhead(const multipart_body *self, size_t index)
{
  uint64_t len =
      body_delimiter(self, index).len + body_delimiter_tail(self, index).len;
  return index < self->multipart->count
             ? len + self->multipart->parts[index].head.len
             : len;
}

/* Part |index| begins at |begin|: notes that, and where those after it do as
 * far as their lengths are known. */
static void body_set_begin(multipart_body *self, size_t index, uint64_t begin)
{
  const ahttp_multipart *multipart = self->multipart;
  for (;;) {
    atomic_store_explicit(&self->begins[index], begin, memory_order_relaxed);
    if (index == multipart->count || multipart->parts[index].body->length < 0) {
      return;
    }
    begin += body_overhead(self, index) +
             (uint64_t)multipart->parts[index].body->length;
    index++;
  }
}

/* The last part that begins at |offset| or before, the end included. */
static size_t body_find(multipart_body *self, uint64_t offset)
{
  size_t low = 0;
  size_t high = self->multipart->count;
  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;
    uint64_t begin = body_begin(self, middle);
    if (begin != UNKNOWN && begin <= offset) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/* Where a read puts its bytes. */
typedef struct read_target {
  uint8_t *dst;
  size_t cap;
  size_t len;
} read_target;

/* Copies what |text| has at |*at|; or, if that is behind it, takes its length
 * off |*at| and says false. */
static bool target_copy(read_target *to, ahttp_str text, uint64_t *at)
{
  if (*at >= text.len) {
    *at -= text.len;
    return false;
  }
  size_t left = text.len - (size_t)*at;
  to->len = left < to->cap ? left : to->cap;
  memcpy(to->dst, text.ptr + *at, to->len);
  return true;
}

/* Reads content of part |index| at |offset|, which is |at| in the part.
 * AH_MORE if the part turns out to end there. */
static int body_read_content(multipart_body *self, size_t index,
                             uint64_t offset, uint64_t at, read_target *to)
{
  ah_body *body = self->multipart->parts[index].body;
  uint64_t end = body_begin(self, index + 1);
  size_t cap = to->cap;
  if (end != UNKNOWN && end - offset < cap) {
    cap = (size_t)(end - offset); /* the next part is there already */
  }
  int rv = ah_body_read(body, at, to->dst, cap, &to->len);
  if (rv == AHTTP_OK && to->len == 0) {
    if (end == UNKNOWN) {
      body_set_begin(self, index + 1, offset);
      return AH_MORE;
    }
    rv = AHTTP_EBODY; /* it was longer before */
  }
  if (rv == AHTTP_OK && at + to->len == (uint64_t)body->length) {
    rv = ah_body_check_end(body);
  }
  if (rv == AHTTP_EBODY) {
    atomic_store_explicit(&self->failed, index, memory_order_relaxed);
  }
  return rv;
}

/* Reads from |offset| on up to where something else begins; nothing at the
 * end. */
static int body_read_piece(multipart_body *self, uint64_t offset,
                           read_target *to)
{
  const ahttp_multipart *multipart = self->multipart;
  size_t index = body_find(self, offset);
  uint64_t at = offset - body_begin(self, index);
  if (target_copy(to, body_delimiter(self, index), &at) ||
      target_copy(to, body_delimiter_tail(self, index), &at) ||
      index == multipart->count ||
      target_copy(to, multipart->parts[index].head, &at)) {
    return AHTTP_OK;
  }
  return body_read_content(self, index, offset, at, to);
}

static int multipart_read(ah_body *body, uint64_t offset, uint8_t *dst,
                          size_t cap, size_t *len)
{
  multipart_body *self = (multipart_body *)body;
  if (!body->can_rewind && offset != self->pos) {
    return AHTTP_EBODY;
  }
  int rv = AHTTP_OK;
  bool is_end = false;
  while (rv == AHTTP_OK && !is_end && *len < cap) {
    read_target to = {.dst = dst + *len, .cap = cap - *len};
    rv = body_read_piece(self, offset + *len, &to);
    *len += to.len;
    is_end = rv == AHTTP_OK && to.len == 0;
    rv = rv == AH_MORE ? AHTTP_OK : rv;
  }
  if (rv == AH_BLOCKED && *len > 0) {
    rv = AHTTP_OK; /* who has nothing yet will be asked again */
  }
  if (rv == AHTTP_OK && !body->can_rewind) {
    self->pos += *len;
  }
  return rv;
}

static void multipart_explain(ah_body *body, ahttp_error *err)
{
  multipart_body *self = (multipart_body *)body;
  const ahttp_multipart *multipart = self->multipart;
  size_t failed = atomic_load_explicit(&self->failed, memory_order_relaxed);
  if (failed == multipart->count) {
    ah_error_plain(err, AHTTP_EBODY, AHTTP_PHASE_NONE);
    return;
  }
  const ah_part *part = &multipart->parts[failed];
  size_t name_len =
      part->name.len < NAME_SHOWN_MAX ? part->name.len : (size_t)NAME_SHOWN_MAX;
  ahttp_error why;
  ah_body_explain(part->body, &why);
  ah_error_set(err, AHTTP_EBODY, AHTTP_PHASE_NONE, why.domain, why.native,
               "part \"%.*s\" of the request content: %s", (int)name_len,
               part->name.ptr, why.text);
}

static void multipart_free(ah_body *body)
{
  multipart_body *self = (multipart_body *)body;
  ah_multipart_unref(self->multipart);
  ah_free(self);
}

static const ah_body_ops multipart_ops = {
    .name = "multipart",
    .read = multipart_read,
    .explain = multipart_explain,
    .free = multipart_free,
};

static void body_set_delimiter(multipart_body *self)
{
  const ah_boundary *boundary = &self->multipart->boundary;
  memcpy(self->delimiter, "\r\n--", 4);
  memcpy(self->delimiter + 4, boundary->text, boundary->len);
  self->delimiter_len = 4 + boundary->len;
}

/* Adds up what is known.  False if that is too much for a length. */
static bool body_measure(multipart_body *self)
{
  const ahttp_multipart *multipart = self->multipart;
  uint64_t length = body_overhead(self, multipart->count);
  bool is_known = true;
  self->base.can_rewind = true;
  for (size_t i = 0; i < multipart->count; i++) {
    const ah_body *part = multipart->parts[i].body;
    self->base.can_rewind &= part->can_rewind;
    is_known &= part->length >= 0;
    length += body_overhead(self, i);
    if (part->length > 0) {
      length += (uint64_t)part->length;
    }
    if (length > INT64_MAX) {
      return false;
    }
  }
  self->base.length = is_known ? (int64_t)length : -1;
  return true;
}

int ah_body_new_multipart(ah_body **out, ahttp_multipart *multipart)
{
  *out = NULL;
  size_t places = multipart->count + 1;
  multipart_body *self =
      ah_malloc(sizeof(*self) + places * sizeof(self->begins[0]));
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  self->base = (ah_body){.ops = &multipart_ops};
  self->multipart = multipart;
  self->pos = 0;
  atomic_init(&self->failed, multipart->count);
  body_set_delimiter(self);
  if (!body_measure(self)) {
    ah_free(self);
    return AHTTP_EINVAL;
  }
  for (size_t i = 0; i < places; i++) {
    atomic_init(&self->begins[i], UNKNOWN);
  }
  body_set_begin(self, 0, 0);
  atomic_fetch_add_explicit(&multipart->refs, 1, memory_order_relaxed);
  *out = &self->base;
  return AHTTP_OK;
}
