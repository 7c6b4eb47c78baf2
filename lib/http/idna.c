/* SPDX-License-Identifier: MIT */
/*
 * UTS 46 processing (https://www.unicode.org/reports/tr46/, section 4), with
 * libidn2's mapping table and libunistring's character properties, on which
 * libidn2 itself stands.
 *
 * libidn2's own idn2_lookup_u8() cannot be asked about a whole domain.  It adds
 * the rules of IDNA2008 and of the DNS to UTS 46: code points that IDNA2008
 * does not know are refused (U+2603, every emoji), so are labels with hyphens
 * at an end or in the third and fourth place, and those longer than the DNS
 * permits, none of which the URL standard minds; and it looks at the
 * directions of one label where RFC 5893 speaks of the domain.  Without its
 * non-transitional mode it does not check joiners and directions at all, and
 * maps the deviation characters.
 *
 * So it is asked in transitional mode, where it does nothing else, for what one
 * code point is mapped to, or whether that is allowed (idna_map_point).  The
 * four deviation characters, which non-transitional processing leaves alone,
 * do not get there.  The rest is done here, in the steps of section 4:
 *
 *   1. map;  2. normalize to NFC;  3. break into labels;
 *   4. convert A-labels, and validate all labels (idna_label.c);
 * and then ToASCII's Punycode.  Labels are kept in one run of code points with
 * full stops between them.
 *
 * A code point that was assigned, or whose mapping changed, after the Unicode
 * version of these libraries' tables is treated as that version says.
 */
#include "config.h"
#include "http/idna.h"

#include <ahttp/error.h>

#ifdef HAVE_LIBIDN2

#  include <string.h>

#  include "base/alloc.h"
#  include "base/str.h"
#  include "http/idna_label.h"
#  include "http/idna_library.h"
#  include "http/punycode.h"
#  include "http/utf8.h"

enum {
  /* A domain name has 253 characters (RFC 1035, section 2.3.4); this is for
   * those of several bytes and for what the mapping drops.  The work for one
   * byte grows with their number, so there must be a limit. */
  DOMAIN_BYTES_MAX = 4096,
  POINTS_MIN = 64,
  NFC_GROWTH_MAX = 3 /* UAX 15, section 9.5, in UTF-32 */
};

static const char why_not_idna[] =
    "the host is no valid internationalized domain name";

/* Code points that are added one after the other. */
typedef struct point_list {
  uint32_t *points; /* |count| of them, room for |cap| */
  size_t count;
  size_t cap;
} point_list;

static int list_add(point_list *list, uint32_t point)
{
  if (list->count == list->cap) {
    size_t cap = list->cap == 0 ? POINTS_MIN : 2 * list->cap;
    uint32_t *points = ah_realloc_array(list->points, cap, sizeof(*points));
    if (points == NULL) {
      return AHTTP_ENOMEM;
    }
    list->points = points;
    list->cap = cap;
  }
  list->points[list->count++] = point;
  return AHTTP_OK;
}

static int list_add_all(point_list *list, const uint32_t *points, size_t count)
{
  int rv = AHTTP_OK;
  for (size_t i = 0; i < count && rv == AHTTP_OK; i++) {
    rv = list_add(list, points[i]);
  }
  return rv;
}

static void list_clear(point_list *list)
{
  ah_free(list->points);
  *list = (point_list){.points = NULL};
}

/* Where the label that begins at |start| ends. */
static size_t label_end(const point_list *domain, size_t start)
{
  while (start < domain->count && domain->points[start] != '.') {
    start++;
  }
  return start;
}

static bool label_is_ascii(const uint32_t *points, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (points[i] >= 0x80) {
      return false;
    }
  }
  return true;
}

static bool label_is_ace(const uint32_t *points, size_t count)
{
  return count >= 4 && points[0] == 'x' && points[1] == 'n' &&
         points[2] == '-' && points[3] == '-';
}

/* --- Mapping. ------------------------------------------------------------- */

/* The characters whose status in the mapping table is "deviation". */
static bool is_deviation(uint32_t point)
{
  return point == 0xdf || point == 0x3c2 || point == 0x200c || point == 0x200d;
}

/* Adds the code points of |name|, the ASCII form of a domain. */
static int list_add_name(point_list *list, ahttp_str name)
{
  int rv = AHTTP_OK;
  while (rv == AHTTP_OK) {
    const char *dot = memchr(name.ptr, '.', name.len);
    size_t len = dot == NULL ? name.len : (size_t)(dot - name.ptr);
    uint32_t points[IDN2_LABEL_MAX_LENGTH];
    size_t count = 0;
    if (len >= sizeof(points) / sizeof(points[0])) {
      return AHTTP_EURL;
    }
    if (len >= 4 && memcmp(name.ptr, "xn--", 4) == 0) {
      if (!ah_punycode_decode(points, &count, ah_str(name.ptr + 4, len - 4))) {
        return AHTTP_EURL;
      }
    } else {
      for (; count < len; count++) {
        points[count] = (uint8_t)name.ptr[count];
      }
    }
    rv = list_add_all(list, points, count);
    if (dot == NULL || rv != AHTTP_OK) {
      break;
    }
    rv = list_add(list, '.');
    name = ah_str(dot + 1, name.len - len - 1);
  }
  return rv;
}

/*
 * Adds what |point|, beyond ASCII, is mapped to.  AHTTP_EURL if it is
 * disallowed.  libidn2 gets it between two zeros, which are valid, compose with
 * nothing, and keep combining marks from the beginning of the label.
 */
static int idna_map_with_libidn2(point_list *list, uint32_t point)
{
  char text[AH_UTF8_BYTES_MAX + 3] = {'0'};
  size_t len = ah_utf8_put(text + 1, point);
  if (len == 0) {
    return AHTTP_EURL;
  }
  text[1 + len] = '0';
  uint8_t *name = NULL;
  int rv = ah_idn2.idn2_lookup_u8((const uint8_t *)text, &name,
                                  IDN2_TRANSITIONAL | IDN2_NO_ALABEL_ROUNDTRIP);
  if (rv != IDN2_OK) {
    return rv == IDN2_MALLOC ? AHTTP_ENOMEM : AHTTP_EURL;
  }
  size_t start = list->count;
  rv = list_add_name(list, ah_str_from_c((const char *)name));
  ah_idn2.idn2_free(name);
  if (rv == AHTTP_OK) {
    list->count -= 2;
    memmove(list->points + start, list->points + start + 1,
            (list->count - start) * sizeof(list->points[0]));
  }
  return rv;
}

/* UseSTD3ASCIIRules is false: all of ASCII is valid but upper case. */
static int idna_map_point(point_list *list, uint32_t point)
{
  if (point < 0x80) {
    return list_add(list, ah_char_lower((uint8_t)point));
  }
  if (is_deviation(point)) {
    return list_add(list, point);
  }
  return idna_map_with_libidn2(list, point);
}

static int idna_map(point_list *list, ahttp_str domain)
{
  const uint8_t *bytes = (const uint8_t *)domain.ptr;
  size_t i = 0;
  while (i < domain.len) {
    size_t len;
    if (!ah_utf8_next(bytes + i, domain.len - i, &len)) {
      return AHTTP_EURL; /* U+FFFD after decoding, which is disallowed */
    }
    int rv = idna_map_point(list, ah_utf8_point(bytes + i, len));
    if (rv != AHTTP_OK) {
      return rv;
    }
    i += len;
  }
  return AHTTP_OK;
}

/* --- Normalizing. --------------------------------------------------------- */

/* Sets |*out|, an empty list, to |count| code points in NFC. */
static int list_normalize(point_list *out, const uint32_t *points, size_t count)
{
  if (count == 0) {
    return AHTTP_OK;
  }
  out->cap = NFC_GROWTH_MAX * count;
  out->points = ah_malloc(out->cap * sizeof(out->points[0]));
  if (out->points == NULL) {
    out->cap = 0;
    return AHTTP_ENOMEM;
  }
  size_t len = out->cap;
  uint32_t *normal = ah_unistring.u32_normalize(
      ah_unistring.uninorm_nfc, points, count, out->points, &len);
  if (normal == NULL) {
    return AHTTP_ENOMEM;
  }
  if (normal != out->points) {
    /* There was room, but it need not say so; idn2_free() is free(). */
    int rv = list_add_all(out, normal, len);
    ah_idn2.idn2_free(normal);
    return rv;
  }
  out->count = len;
  return AHTTP_OK;
}

/* --- Validating. ---------------------------------------------------------- */

/* Whether |point| is valid or a deviation, that is, mapped to itself. */
static int idna_check_point(uint32_t point)
{
  point_list mapped = {.points = NULL};
  int rv = idna_map_point(&mapped, point);
  if (rv == AHTTP_OK && (mapped.count != 1 || mapped.points[0] != point)) {
    rv = AHTTP_EURL;
  }
  list_clear(&mapped);
  return rv;
}

/* Validity criteria 1 and 7 for what was in Punycode; the mapping and the
 * normalization have seen to them otherwise. */
static int idna_check_decoded(const uint32_t *points, size_t count)
{
  point_list normal = {.points = NULL};
  int rv = list_normalize(&normal, points, count);
  if (rv == AHTTP_OK &&
      (normal.count != count ||
       memcmp(normal.points, points, count * sizeof(*points)) != 0)) {
    rv = AHTTP_EURL;
  }
  list_clear(&normal);
  for (size_t i = 0; i < count && rv == AHTTP_OK; i++) {
    rv = points[i] == '.' ? AHTTP_EURL : idna_check_point(points[i]);
  }
  return rv;
}

/* Adds the U-label of the A-label of |count| code points. */
static int list_add_decoded(point_list *out, const uint32_t *points,
                            size_t count)
{
  if (count < 4 || !label_is_ascii(points, count)) {
    return AHTTP_EURL;
  }
  char *text = ah_malloc(count);
  uint32_t *decoded = ah_malloc(count * sizeof(*decoded));
  int rv = text == NULL || decoded == NULL ? AHTTP_ENOMEM : AHTTP_OK;
  size_t len = 0;
  if (rv == AHTTP_OK) {
    for (size_t i = 4; i < count; i++) {
      text[i - 4] = (char)points[i];
    }
    if (!ah_punycode_decode(decoded, &len, ah_str(text, count - 4)) ||
        label_is_ascii(decoded, len) || label_is_ace(decoded, len)) {
      rv = AHTTP_EURL;
    }
  }
  if (rv == AHTTP_OK) {
    rv = idna_check_decoded(decoded, len);
  }
  if (rv == AHTTP_OK) {
    rv = list_add_all(out, decoded, len);
  }
  ah_free(text);
  ah_free(decoded);
  return rv;
}

/* Steps 3 and 4: adds the labels of |domain|, A-labels decoded. */
static int idna_decode_labels(point_list *out, const point_list *domain)
{
  size_t start = 0;
  for (;;) {
    size_t end = label_end(domain, start);
    const uint32_t *label = domain->points + start;
    int rv = label_is_ace(label, end - start)
                 ? list_add_decoded(out, label, end - start)
                 : list_add_all(out, label, end - start);
    if (rv != AHTTP_OK || end == domain->count) {
      return rv;
    }
    rv = list_add(out, '.');
    if (rv != AHTTP_OK) {
      return rv;
    }
    start = end + 1;
  }
}

static bool idna_is_valid(const point_list *domain)
{
  bool is_bidi = ah_idna_label_is_bidi(domain->points, domain->count);
  size_t start = 0;
  for (;;) {
    size_t end = label_end(domain, start);
    const uint32_t *label = domain->points + start;
    size_t count = end - start;
    if (!ah_idna_label_begins_well(label, count) ||
        !ah_idna_label_joins_well(label, count) ||
        (is_bidi && !ah_idna_label_obeys_bidi(label, count))) {
      return false;
    }
    if (end == domain->count) {
      return true;
    }
    start = end + 1;
  }
}

/* Sets |*out|, an empty list, to what |domain| is after processing. */
static int idna_process(point_list *out, ahttp_str domain)
{
  point_list mapped = {.points = NULL};
  point_list normal = {.points = NULL};
  int rv = idna_map(&mapped, domain);
  if (rv == AHTTP_OK) {
    rv = list_normalize(&normal, mapped.points, mapped.count);
  }
  if (rv == AHTTP_OK) {
    rv = idna_decode_labels(out, &normal);
  }
  if (rv == AHTTP_OK && !idna_is_valid(out)) {
    rv = AHTTP_EURL;
  }
  list_clear(&mapped);
  list_clear(&normal);
  return rv;
}

/* --- Encoding. ------------------------------------------------------------ */

/* Writes the ASCII form of a label and returns its end; NULL if it has none. */
static char *label_encode(char *dst, const uint32_t *points, size_t count)
{
  if (label_is_ascii(points, count)) {
    for (size_t i = 0; i < count; i++) {
      *dst++ = (char)points[i];
    }
    return dst;
  }
  memcpy(dst, "xn--", 4);
  size_t len = 0;
  if (!ah_punycode_encode(dst + 4, &len, points, count)) {
    return NULL;
  }
  return dst + 4 + len;
}

/* What the labels of |domain| can need, "xn--" and "." included. */
static size_t encode_room(const point_list *domain)
{
  size_t room = 0;
  size_t start = 0;
  do {
    size_t end = label_end(domain, start);
    room += ah_punycode_room(end - start) + 5;
    start = end + 1;
  } while (start <= domain->count);
  return room;
}

static int idna_encode(ahttp_str *out, ah_arena *arena,
                       const point_list *domain)
{
  char *text = ah_malloc(encode_room(domain));
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  char *pos = text;
  size_t start = 0;
  for (;;) {
    size_t end = label_end(domain, start);
    pos = label_encode(pos, domain->points + start, end - start);
    if (pos == NULL || end == domain->count) {
      break;
    }
    *pos++ = '.';
    start = end + 1;
  }
  int rv = pos == NULL
               ? AHTTP_EURL
               : ah_arena_copy(arena, ah_str(text, (size_t)(pos - text)), out);
  ah_free(text);
  return rv;
}

/* --- The face. ------------------------------------------------------------ */

int ah_idna_to_ascii(ahttp_str *out, ah_arena *arena, ahttp_str domain,
                     const char **why)
{
  if (domain.len > DOMAIN_BYTES_MAX) {
    *why = "the host is too long";
    return AHTTP_EURL;
  }
  *why = ah_idna_library_load();
  if (*why != NULL) {
    return AHTTP_EURL;
  }
  point_list points = {.points = NULL};
  int rv = idna_process(&points, domain);
  if (rv == AHTTP_OK && points.count == 0) {
    rv = AHTTP_EURL;
  }
  if (rv == AHTTP_OK) {
    rv = idna_encode(out, arena, &points);
  }
  list_clear(&points);
  if (rv == AHTTP_EURL) {
    *why = why_not_idna;
  }
  return rv;
}

size_t ah_idna_label_to_unicode(char *dst, size_t cap, ahttp_str label)
{
  uint32_t ace[IDN2_LABEL_MAX_LENGTH];
  if (label.len > IDN2_LABEL_MAX_LENGTH) {
    return 0;
  }
  for (size_t i = 0; i < label.len; i++) {
    ace[i] = ah_char_lower((uint8_t)label.ptr[i]);
  }
  point_list points = {.points = NULL};
  size_t len = 0;
  bool is_good = label_is_ace(ace, label.len) &&
                 ah_idna_library_load() == NULL &&
                 list_add_decoded(&points, ace, label.len) == AHTTP_OK &&
                 idna_is_valid(&points);
  for (size_t i = 0; is_good && i < points.count; i++) {
    char text[AH_UTF8_BYTES_MAX];
    size_t used = ah_utf8_put(text, points.points[i]);
    is_good = used > 0 && used <= cap - len;
    if (is_good) {
      memcpy(dst + len, text, used);
      len += used;
    }
  }
  list_clear(&points);
  return is_good ? len : 0;
}

#else

int ah_idna_to_ascii(ahttp_str *out, ah_arena *arena, ahttp_str domain,
                     const char **why)
{
  (void)out;
  (void)arena;
  (void)domain;
  *why = "host names beyond ASCII are not supported: libahttp was built "
         "without libidn2";
  return AHTTP_EURL;
}

size_t ah_idna_label_to_unicode(char *dst, size_t cap, ahttp_str label)
{
  (void)dst;
  (void)cap;
  (void)label;
  return 0;
}

#endif
