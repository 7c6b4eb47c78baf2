/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/idna_label.h"

#ifdef HAVE_LIBIDN2

#  include "http/idna_library.h"

enum {
  ZERO_WIDTH_NON_JOINER = 0x200c,
  ZERO_WIDTH_JOINER = 0x200d
};

/* Sets of bidirectional classes, by their bits. */
#  define CLASS(name) (1u << UC_BIDI_##name)

enum {
  RTL_FIRST = CLASS(R) | CLASS(AL),
  NEUTRAL =
      CLASS(ES) | CLASS(CS) | CLASS(ET) | CLASS(ON) | CLASS(BN) | CLASS(NSM),
  RTL_ALL = RTL_FIRST | CLASS(AN) | CLASS(EN) | NEUTRAL,
  RTL_LAST = RTL_FIRST | CLASS(EN) | CLASS(AN),
  LTR_ALL = CLASS(L) | CLASS(EN) | NEUTRAL,
  LTR_LAST = CLASS(L) | CLASS(EN)
};

static unsigned class_of(uint32_t point)
{
  return 1u << ah_unistring.uc_bidi_class(point);
}

bool ah_idna_label_begins_well(const uint32_t *points, size_t count)
{
  return count == 0 || !ah_unistring.uc_is_general_category_withtable(
                           points[0], UC_CATEGORY_MASK_M);
}

/* Whether a joining type on the left, over transparent ones, is |wanted| or
 * goes on both sides. */
static bool joins_left(const uint32_t *points, size_t at)
{
  while (at > 0) {
    int type = ah_unistring.uc_joining_type(points[--at]);
    if (type != UC_JOINING_TYPE_T) {
      return type == UC_JOINING_TYPE_L || type == UC_JOINING_TYPE_D;
    }
  }
  return false;
}

static bool joins_right(const uint32_t *points, size_t count, size_t at)
{
  while (++at < count) {
    int type = ah_unistring.uc_joining_type(points[at]);
    if (type != UC_JOINING_TYPE_T) {
      return type == UC_JOINING_TYPE_R || type == UC_JOINING_TYPE_D;
    }
  }
  return false;
}

bool ah_idna_label_joins_well(const uint32_t *points, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (points[i] != ZERO_WIDTH_NON_JOINER && points[i] != ZERO_WIDTH_JOINER) {
      continue;
    }
    if (i > 0 && ah_unistring.uc_combining_class(points[i - 1]) == UC_CCC_VR) {
      continue; /* after a virama both are good */
    }
    if (points[i] == ZERO_WIDTH_JOINER || !joins_left(points, i) ||
        !joins_right(points, count, i)) {
      return false;
    }
  }
  return true;
}

bool ah_idna_label_is_bidi(const uint32_t *points, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if ((class_of(points[i]) & (RTL_FIRST | CLASS(AN))) != 0) {
      return true;
    }
  }
  return false;
}

bool ah_idna_label_obeys_bidi(const uint32_t *points, size_t count)
{
  if (count == 0) {
    return true;
  }
  unsigned first = class_of(points[0]);
  bool is_rtl = (first & RTL_FIRST) != 0;
  unsigned seen = 0;
  unsigned last = 0; /* not counting nonspacing marks */
  for (size_t i = 0; i < count; i++) {
    unsigned here = class_of(points[i]);
    seen |= here;
    last = here == CLASS(NSM) ? last : here;
  }
  if (!is_rtl) {
    /* Rules 1, 5 and 6. */
    return first == CLASS(L) && (seen & ~(unsigned)LTR_ALL) == 0 &&
           (last & LTR_LAST) != 0;
  }
  /* Rules 2, 3 and 4. */
  return (seen & ~(unsigned)RTL_ALL) == 0 && (last & RTL_LAST) != 0 &&
         ((seen & CLASS(EN)) == 0 || (seen & CLASS(AN)) == 0);
}

#endif
