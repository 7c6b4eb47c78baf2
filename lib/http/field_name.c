/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/field_name.h"

#include <assert.h>

#include "base/assert.h"
#include "base/str.h"

enum {
  NAME_LEN_MAX = 19
};

/* In place, so that a look at one touches one piece of memory. */
#define FIELD_NAME(id, name) [AH_FIELD_##id] = {sizeof(name) - 1, name},
static const struct {
  uint8_t len;
  char text[NAME_LEN_MAX + 1];
} names[] = {AH_FIELD_MAP(FIELD_NAME)};
#undef FIELD_NAME

static_assert(AH_FIELD_OTHER <= 63, "ahttp_fields.known has 64 bits");

/*
 * The one known name a given name can be: its length chooses a row, and within
 * the row the five low bits of one byte, which are the same in both cases of a
 * letter.  |at| is the first position where all names of a length differ.
 * Values are ids plus 1, so that 0 is an empty slot.
 */
#define SLOT(letter, id) [(letter) & 31] = AH_FIELD_##id + 1
static const struct {
  uint8_t at;
  uint8_t slots[32];
} rows[NAME_LEN_MAX + 1] = {
    [2] = {0, {SLOT('t', TE)}},
    [4] = {0,
           {SLOT('d', DATE), SLOT('e', ETAG), SLOT('h', HOST), SLOT('l', LINK),
            SLOT('v', VARY)}},
    [5] = {0, {SLOT('r', RANGE)}},
    [6] = {0,
           {SLOT('a', ACCEPT), SLOT('c', COOKIE), SLOT('e', EXPECT),
            SLOT('s', SERVER)}},
    [7] = {0, {SLOT('r', REFERER), SLOT('t', TRAILER), SLOT('u', UPGRADE)}},
    [8] = {0, {SLOT('l', LOCATION)}},
    [10] = {0,
            {SLOT('c', CONNECTION), SLOT('k', KEEP_ALIVE),
             SLOT('s', SET_COOKIE), SLOT('u', USER_AGENT)}},
    [11] = {0, {SLOT('r', RETRY_AFTER)}},
    [12] = {0, {SLOT('c', CONTENT_TYPE)}},
    [13] = {2,
            {SLOT('t', AUTHORIZATION), SLOT('c', CACHE_CONTROL),
             SLOT('n', CONTENT_RANGE), SLOT('s', LAST_MODIFIED)}},
    [14] = {0, {SLOT('c', CONTENT_LENGTH), SLOT('h', HTTP2_SETTINGS)}},
    [15] = {0, {SLOT('a', ACCEPT_ENCODING), SLOT('i', IDEMPOTENCY_KEY)}},
    [16] = {11,
            {SLOT('o', CONTENT_ENCODING), SLOT('g', CONTENT_LANGUAGE),
             SLOT('a', CONTENT_LOCATION), SLOT('c', PROXY_CONNECTION),
             SLOT('i', WWW_AUTHENTICATE)}},
    [17] = {0, {SLOT('t', TRANSFER_ENCODING)}},
    [18] = {0, {SLOT('p', PROXY_AUTHENTICATE)}},
    [19] = {0,
            {SLOT('c', CONTENT_DISPOSITION), SLOT('p', PROXY_AUTHORIZATION)}},
};
#undef SLOT

/*
 * |len| <= 8 bytes at once: true if those of |name| are those of |known|, which
 * are letters in lower case, digits and "-" only.  Of these the letters alone
 * have bit 6 set, and they alone may differ, in bit 5.
 */
static inline bool part_matches(const char *known, const char *name, size_t len)
{
  uint64_t want = 0;
  uint64_t have = 0;
  memcpy(&want, known, len);
  memcpy(&have, name, len);
  uint64_t letters = want & UINT64_C(0x4040404040404040);
  return ((want ^ have) & ~(letters >> 1)) == 0;
}

/* The same for all |len| bytes of |known|, in parts that may overlap. */
static bool name_matches(const char *known, const char *name, size_t len)
{
  if (len < 4) {
    return ah_str_ieq(ah_str(known, len), ah_str(name, len));
  }
  if (len < 8) {
    size_t last = len - 4;
    return part_matches(known, name, 4) &&
           part_matches(known + last, name + last, 4);
  }
  size_t last = len - 8;
  for (size_t i = 0; i < last; i += 8) {
    if (!part_matches(known + i, name + i, 8)) {
      return false;
    }
  }
  return part_matches(known + last, name + last, 8);
}

ah_field_id ah_field_id_of(ahttp_str name)
{
  if (name.len == 0 || name.len > NAME_LEN_MAX) {
    return AH_FIELD_OTHER;
  }
  uint8_t key = (uint8_t)name.ptr[rows[name.len].at];
  unsigned slot = rows[name.len].slots[key & 31];
  if (slot == 0 || names[slot - 1].len != name.len ||
      !name_matches(names[slot - 1].text, name.ptr, name.len)) {
    return AH_FIELD_OTHER;
  }
  return (ah_field_id)(slot - 1);
}

ahttp_str ah_field_id_name(ah_field_id id)
{
  ah_assert(id < AH_FIELD_OTHER);
  return ah_str(names[id].text, names[id].len);
}
