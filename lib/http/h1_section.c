/* SPDX-License-Identifier: MIT */
/*
 * A field may be continued on lines that begin with a blank (obs-fold, RFC
 * 9112, section 5.2).  Only the next line tells, so a field is complete only
 * when a line that is no continuation has come; its value grows in |fold|
 * meanwhile and is copied into the arena once, at the end.  Nobody asks for the
 * value of a field before the section has ended.
 *
 * Limits count what was received, wherever it goes: a peer cannot get past them
 * by sending small pieces.
 */
#include "config.h"
#include "http/h1_section.h"

#include <ahttp/error.h>

#include "base/error.h"
#include "http/h1_text.h"

static int section_fail(ah_h1_section *section, int code, const char *why)
{
  section->why = why;
  return code;
}

static int section_fail_memory(ah_h1_section *section)
{
  return section_fail(section, AHTTP_ENOMEM, "out of memory");
}

static ahttp_str buf_view(const ah_buf *buf)
{
  size_t len = ah_buf_len(buf);
  return len == 0 ? ah_str(NULL, 0)
                  : ah_str((const char *)ah_buf_bytes(buf), len);
}

/* Counts |len| received bytes, which belong to a line that then has
 * |line_len|. */
static int section_count(ah_h1_section *section, size_t len, size_t line_len)
{
  size_t max =
      section->is_trailer ? AH_H1_TRAILER_BYTES_MAX : AH_H1_HEADER_BYTES_MAX;
  if (len > max - section->bytes) {
    return section_fail(section, AHTTP_ELIMIT,
                        section->is_trailer ? "trailer section too long"
                                            : "header section too long");
  }
  if (line_len > AH_H1_LINE_BYTES_MAX) {
    return section_fail(section, AHTTP_ELIMIT, "header line too long");
  }
  section->bytes += len;
  return AHTTP_OK;
}

/* Puts the rest of the input, which has no line end, aside. */
static int section_keep(ah_h1_section *section, ah_h1_input *in)
{
  size_t len = in->len - in->used;
  int rv = section_count(section, len, ah_buf_len(&section->line) + len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (ah_buf_append(&section->line, in->data + in->used, len) != AHTTP_OK) {
    return section_fail_memory(section);
  }
  in->used = in->len;
  return AH_MORE;
}

/* Cuts the line end off.  RFC 9112, section 2.2: a bare LF may count as one;
 * in chunked framing we do not let it. */
static int section_cut_line_end(ah_h1_section *section, ahttp_str *line)
{
  line->len--;
  if (line->len > 0 && line->ptr[line->len - 1] == '\r') {
    line->len--;
    return AHTTP_OK;
  }
  if (section->is_trailer) {
    return section_fail(section, AHTTP_EPROTO,
                        "bare LF in the trailer section");
  }
  return AHTTP_OK;
}

/* The rest of a line whose beginning was put aside, |len| bytes. */
static int section_join_line(ah_h1_section *section, const char *from,
                             size_t len, ahttp_str *line)
{
  if (ah_buf_append(&section->line, from, len) != AHTTP_OK) {
    return section_fail_memory(section);
  }
  *line = buf_view(&section->line);
  ah_buf_reset(&section->line); /* the bytes stay until the next append */
  return AHTTP_OK;
}

/* See ah_h1_section_read_line(). */
static inline int section_next_line(ah_h1_section *section, ah_h1_input *in,
                                    ahttp_str *line)
{
  const char *from = in->data + in->used;
  size_t left = in->len - in->used;
  if (left == 0) {
    return AH_MORE;
  }
  const char *lf = memchr(from, '\n', left);
  if (lf == NULL) {
    return section_keep(section, in);
  }
  size_t len = (size_t)(lf - from) + 1;
  size_t kept = ah_buf_len(&section->line);
  int rv = section_count(section, len, kept + len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  in->used += len;
  *line = ah_str(from, len);
  if (kept > 0) {
    rv = section_join_line(section, from, len, line);
  }
  return rv == AHTTP_OK ? section_cut_line_end(section, line) : rv;
}

/* A continuation of the last field: each obs-fold counts as one SP. */
static int section_take_fold(ah_h1_section *section, ahttp_fields *fields,
                             ahttp_str line)
{
  if (fields->count == 0) {
    /* RFC 9112, section 2.2: reject, or ignore the line. */
    return section_fail(section, AHTTP_EPROTO, "blank before the first field");
  }
  if (!ah_h1_text_is_clean(line)) {
    return section_fail(section, AHTTP_EPROTO,
                        "control character in a field value");
  }
  int rv = AHTTP_OK;
  if (!section->folding) {
    ahttp_str value = fields->items[fields->count - 1].value;
    ah_buf_reset(&section->fold);
    rv = ah_buf_append(&section->fold, value.ptr, value.len);
    section->folding = true;
  }
  ahttp_str more = ah_str_trim(line);
  if (rv == AHTTP_OK && more.len > 0) {
    rv = ah_buf_append(&section->fold, " ", 1);
  }
  if (rv == AHTTP_OK) {
    rv = ah_buf_append(&section->fold, more.ptr, more.len);
  }
  if (rv == AHTTP_ELIMIT) {
    return section_fail(section, rv, "header line too long");
  }
  return rv == AHTTP_OK ? AHTTP_OK : section_fail_memory(section);
}

/* No further continuation follows: the last field gets its whole value. */
static int section_unfold(ah_h1_section *section, ahttp_fields *fields)
{
  section->folding = false;
  if (ah_arena_copy(fields->arena, ah_str_trim(buf_view(&section->fold)),
                    &fields->items[fields->count - 1].value) != AHTTP_OK) {
    return section_fail_memory(section);
  }
  return AHTTP_OK;
}

/* The value in |line|, from |at| on, without the blanks around it.  Nearly all
 * have one SP before and nothing behind. */
static ahttp_str value_in(ahttp_str line, size_t at)
{
  if (at < line.len && line.ptr[at] == ' ') {
    at++;
  }
  ahttp_str value = ah_str(line.ptr + at, line.len - at);
  if (value.len > 0 && (uint8_t)value.ptr[0] > ' ' &&
      (uint8_t)value.ptr[value.len - 1] > ' ') {
    return value;
  }
  return ah_str_trim(value);
}

/* Appends the field that is |line| from |name_len| bytes of name to |value|,
 * which is in it.  The line is copied as it is; a NUL behind each part falls on
 * the colon and on what follows the value. */
static int fields_append(ahttp_fields *fields, ahttp_str line, size_t name_len,
                         ahttp_str value, ah_field_id id)
{
  char *copy = ah_arena_bytes(fields->arena, line.len + 1);
  if (copy == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(copy, line.ptr, line.len);
  copy[name_len] = '\0';
  char *value_copy = copy + (value.ptr - line.ptr);
  value_copy[value.len] = '\0';
  return ah_fields_add_view(fields, ah_str(copy, name_len),
                            ah_str(value_copy, value.len), id);
}

/* RFC 9112, section 5: field-line = field-name ":" OWS field-value OWS; no
 * blank before the colon (section 5.1). */
static int section_take_field(ah_h1_section *section, ahttp_fields *fields,
                              ahttp_str line)
{
  const char *colon = memchr(line.ptr, ':', line.len);
  size_t name_len = colon == NULL ? 0 : (size_t)(colon - line.ptr);
  ahttp_str name = ah_str(line.ptr, name_len);
  ah_field_id id = ah_field_id_of(name);
  /* Most names are known ones, and those are tokens. */
  if (id == AH_FIELD_OTHER && !ah_str_all(name, AH_CHAR_TOKEN)) {
    return section_fail(section, AHTTP_EPROTO, "invalid field line");
  }
  if (!ah_h1_text_is_clean(line)) {
    return section_fail(section, AHTTP_EPROTO,
                        "control character in a field value");
  }
  uint32_t max =
      section->is_trailer ? AH_H1_TRAILER_FIELDS_MAX : AH_H1_HEADER_FIELDS_MAX;
  if (fields->count == max) {
    return section_fail(section, AHTTP_ELIMIT, "too many fields");
  }
  if (fields_append(fields, line, name_len, value_in(line, name_len + 1), id) !=
      AHTTP_OK) {
    return section_fail_memory(section);
  }
  return AHTTP_OK;
}

void ah_h1_section_init(ah_h1_section *section)
{
  *section = (ah_h1_section){.is_trailer = false};
  ah_buf_init(&section->line, AH_H1_LINE_BYTES_MAX);
  ah_buf_init(&section->fold, AH_H1_LINE_BYTES_MAX);
}

void ah_h1_section_clear(ah_h1_section *section)
{
  ah_buf_clear(&section->line);
  ah_buf_clear(&section->fold);
  ah_h1_section_init(section);
}

void ah_h1_section_begin(ah_h1_section *section, bool is_trailer)
{
  section->is_trailer = is_trailer;
  section->folding = false;
  section->bytes = 0;
}

int ah_h1_section_read_line(ah_h1_section *section, ah_h1_input *in,
                            ahttp_str *line)
{
  return section_next_line(section, in, line);
}

ahttp_str ah_h1_section_partial(const ah_h1_section *section)
{
  return buf_view(&section->line);
}

int ah_h1_section_read_fields(ah_h1_section *section, ah_h1_input *in,
                              ahttp_fields *fields)
{
  for (;;) {
    ahttp_str line = {NULL, 0};
    int rv = section_next_line(section, in, &line);
    if (rv != AHTTP_OK) {
      return rv;
    }
    if (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
      rv = section_take_fold(section, fields, line);
    } else {
      if (section->folding) {
        rv = section_unfold(section, fields);
      }
      if (rv == AHTTP_OK && line.len == 0) {
        return AHTTP_OK;
      }
      if (rv == AHTTP_OK) {
        rv = section_take_field(section, fields, line);
      }
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
}
