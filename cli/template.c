/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/template.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/memory.h"
#include "cli/name.h"

/*
 * A template is read once into parts: literal text and fields.  Expanding
 * writes one path segment after the other; where a segment ends, whether by a
 * "/" of the template or one inside {path}, it is made safe.  The template's
 * own text is the user's and trusted: "../x-{n}" goes up one folder.  What
 * fields put in is not: a segment that holds some of it is never "." or "..",
 * and never starts the path with "/".
 */

/* More digits than a number of 64 bits has are padding nobody reads. */
#define WIDTH_MAX CLI_TEXT_WIDTH_MAX

/* Enough for lists of a hundred thousand shards to sort as text. */
#define SHARD_DIGITS 5

typedef enum template_field {
  FIELD_LITERAL,
  FIELD_N,
  FIELD_HOST,
  FIELD_PATH,
  FIELD_DIR,
  FIELD_NAME,
  FIELD_STEM,
  FIELD_EXT,
  FIELD_QHASH,
  FIELD_URLHASH,
  FIELD_SHARD,
  FIELD_STATUS,
  FIELD_CTYPE_EXT
} template_field;

/* Field names, and what a ":NUMBER" behind them may be at most (0: nothing may
 * be there). */
static const struct {
  const char *name;
  template_field field;
  uint64_t number_max;
} field_table[] = {
    {"n", FIELD_N, WIDTH_MAX},      {"host", FIELD_HOST, 0},
    {"path", FIELD_PATH, 0},        {"dir", FIELD_DIR, 0},
    {"name", FIELD_NAME, 0},        {"stem", FIELD_STEM, 0},
    {"ext", FIELD_EXT, 0},          {"qhash", FIELD_QHASH, 0},
    {"urlhash", FIELD_URLHASH, 16}, {"shard", FIELD_SHARD, UINT32_MAX},
    {"status", FIELD_STATUS, 0},    {"ctype_ext", FIELD_CTYPE_EXT, 0},
};

/* Extensions for the media types one meets (RFC 6838 registry). */
static const struct {
  const char *type;
  const char *extension;
} type_table[] = {
    {"application/gzip", "gz"},
    {"application/javascript", "js"},
    {"application/json", "json"},
    {"application/ld+json", "jsonld"},
    {"application/octet-stream", "bin"},
    {"application/pdf", "pdf"},
    {"application/rss+xml", "rss"},
    {"application/wasm", "wasm"},
    {"application/xhtml+xml", "xhtml"},
    {"application/xml", "xml"},
    {"application/zip", "zip"},
    {"application/zstd", "zst"},
    {"audio/mpeg", "mp3"},
    {"audio/ogg", "ogg"},
    {"font/woff2", "woff2"},
    {"image/avif", "avif"},
    {"image/gif", "gif"},
    {"image/jpeg", "jpg"},
    {"image/png", "png"},
    {"image/svg+xml", "svg"},
    {"image/webp", "webp"},
    {"text/css", "css"},
    {"text/csv", "csv"},
    {"text/html", "html"},
    {"text/javascript", "js"},
    {"text/markdown", "md"},
    {"text/plain", "txt"},
    {"text/xml", "xml"},
    {"video/mp4", "mp4"},
    {"video/webm", "webm"},
};

typedef struct template_part {
  template_field field;
  size_t start;    /* of a literal in cli_template.literals; of a field in */
  size_t len;      /* cli_template.source */
  uint64_t number; /* behind the colon; 0: none */
} template_part;

struct cli_template {
  cli_text source;   /* as given */
  cli_text literals; /* the literal parts, "{{" already "{" */
  template_part *parts;
  size_t count;
  bool late; /* a part needs a response */
};

/* One expansion. */
typedef struct expansion {
  const cli_facts *facts;
  cli_text *out;
  size_t start;  /* of the whole path in |out| */
  size_t begin;  /* of the segment being written */
  bool strange;  /* a field has put bytes into this segment */
  bool absolute; /* the template starts with "/" */
} expansion;

uint64_t cli_hash(uint64_t hash, ahttp_str str)
{
  for (size_t i = 0; i < str.len; i++) {
    hash = (hash ^ (uint8_t)str.ptr[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

static void template_append_part(cli_template *template, template_part added)
{
  template->parts = cli_realloc(template->parts, (template->count + 1) *
                                                     sizeof(*template->parts));
  template->parts[template->count++] = added;
  if (added.field == FIELD_STATUS || added.field == FIELD_CTYPE_EXT) {
    template->late = true;
  }
}

static void template_append_literal(cli_template *template, char byte)
{
  template_part *last =
      template->count > 0 ? &template->parts[template->count - 1] : NULL;

  if (last == NULL || last->field != FIELD_LITERAL) {
    template_append_part(template,
                         (template_part){.start = template->literals.len});
    last = &template->parts[template->count - 1];
  }
  cli_text_append_byte(&template->literals, byte);
  last->len++;
}

/* |text| is what stands between the braces. */
static int field_parse(template_part *out, ahttp_str text)
{
  const char *colon = memchr(text.ptr, ':', text.len);
  size_t name_len = colon == NULL ? text.len : (size_t)(colon - text.ptr);

  for (size_t i = 0; i < sizeof(field_table) / sizeof(*field_table); i++) {
    if (strlen(field_table[i].name) != name_len ||
        memcmp(field_table[i].name, text.ptr, name_len) != 0) {
      continue;
    }
    out->field = field_table[i].field;
    if (colon == NULL) {
      return out->field == FIELD_SHARD ? -1 : 0;
    }
    for (const char *at = colon + 1; at < text.ptr + text.len; at++) {
      if (*at < '0' || *at > '9' || out->number > UINT32_MAX) {
        return -1;
      }
      out->number = out->number * 10 + (uint64_t)(*at - '0');
    }
    bool in_range = out->number > 0 && out->number <= field_table[i].number_max;
    return in_range ? 0 : -1;
  }
  return -1;
}

/* Reads the field whose "{" is at |*at|, and moves |*at| to its "}". */
static int template_read_field(cli_template *template, size_t *at,
                               cli_text *problem)
{
  const char *text = template->source.ptr;
  size_t len = strcspn(text + *at + 1, "}");
  template_part read = {.start = *at, .len = len + 2};

  if (text[*at + 1 + len] == '\0') {
    cli_text_printf(problem, "a { without } in the template \"%s\"", text);
    return -1;
  }
  if (field_parse(&read, (ahttp_str){text + *at + 1, len}) != 0) {
    cli_text_printf(problem,
                    "{%.*s} is no field of a template; ahttp help templates "
                    "lists them",
                    (int)len, text + *at + 1);
    return -1;
  }
  template_append_part(template, read);
  *at += len + 1;
  return 0;
}

int cli_template_new(cli_template **out, const char *text, cli_text *problem)
{
  cli_template *template = cli_calloc(1, sizeof(*template));

  *out = NULL;
  cli_text_add(&template->source, text);
  for (size_t at = 0; text[at] != '\0'; at++) {
    bool doubled =
        (text[at] == '{' || text[at] == '}') && text[at + 1] == text[at];
    if (doubled) {
      at++;
    }
    if (doubled || text[at] != '{') {
      template_append_literal(template, text[at]);
    } else if (template_read_field(template, &at, problem) != 0) {
      cli_template_free(template);
      return -1;
    }
  }
  *out = template;
  return 0;
}

void cli_template_free(cli_template *template)
{
  if (template == NULL) {
    return;
  }
  cli_text_clear(&template->source);
  cli_text_clear(&template->literals);
  free(template->parts);
  free(template);
}

bool cli_template_is_late(const cli_template *template)
{
  return template->late;
}

/* Makes the segment that ends here safe; the last one is the file's name. */
static void segment_end(expansion *x, bool is_last)
{
  const char *segment = cli_text_chars(x->out) + x->begin;
  bool dots = strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;

  if (dots && (x->strange || is_last)) {
    memset(x->out->ptr + x->begin, '_', x->out->len - x->begin);
  }
  if (is_last && x->out->len == x->begin) {
    cli_text_add(x->out, "index.html");
  }
  if (x->strange) {
    cli_name_fit(x->out, x->begin, is_last ? CLI_NAME_MAX : CLI_SEGMENT_MAX);
  }
}

/* A "/": empty segments vanish, but for the first of an absolute path. */
static void segment_next(expansion *x)
{
  bool empty = x->out->len == x->begin;
  bool at_start = x->begin == x->start;

  if (empty && !(at_start && x->absolute)) {
    return;
  }
  segment_end(x, false);
  cli_text_append_byte(x->out, '/');
  x->begin = x->out->len;
  x->strange = false;
}

static void expand_literal(expansion *x, ahttp_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] == '/') {
      segment_next(x);
    } else {
      cli_text_append_byte(x->out, text.ptr[i]);
    }
  }
}

/* The URL's path without its last segment; no slash at either end. */
static ahttp_str url_dir(const ahttp_url *url)
{
  ahttp_str path = ahttp_url_path(url);
  const char *last = path.len == 0 ? NULL : memrchr(path.ptr, '/', path.len);

  if (last == NULL || last == path.ptr) {
    return (ahttp_str){"", 0};
  }
  return (ahttp_str){path.ptr + 1, (size_t)(last - path.ptr) - 1};
}

static void expand_dir(expansion *x)
{
  ahttp_str dir = url_dir(x->facts->url);

  while (dir.len > 0) {
    const char *slash = memchr(dir.ptr, '/', dir.len);
    size_t len = slash == NULL ? dir.len : (size_t)(slash - dir.ptr);
    x->strange = true;
    cli_name_append_segment(x->out, (ahttp_str){dir.ptr, len});
    if (slash == NULL) {
      return;
    }
    segment_next(x);
    dir.ptr += len + 1;
    dir.len -= len + 1;
  }
}

static void append_name(const cli_facts *facts, cli_text *out)
{
  ahttp_str path = ahttp_url_path(facts->url);
  size_t start = cli_name_start(path);

  if (start == path.len) {
    cli_text_add(out, "index.html");
  } else {
    cli_name_append_segment(out,
                            (ahttp_str){path.ptr + start, path.len - start});
  }
}

/* |extension| follows; empty, it takes the dot before it away. */
static void expand_extension(expansion *x, ahttp_str extension)
{
  cli_text *out = x->out;

  if (extension.len == 0 && out->len > x->begin &&
      out->ptr[out->len - 1] == '.') {
    cli_text_truncate(out, out->len - 1);
  }
  cli_text_append_str(out, extension);
}

static void expand_name_part(expansion *x, template_field wanted)
{
  cli_text name = {0};

  append_name(x->facts, &name);
  size_t stem = cli_name_stem_len(cli_text_str(&name));
  if (wanted == FIELD_STEM) {
    cli_text_append(x->out, name.ptr, stem);
  } else {
    size_t skip = stem < name.len ? stem + 1 : stem;
    expand_extension(x, (ahttp_str){name.ptr + skip, name.len - skip});
  }
  cli_text_clear(&name);
}

/* The extension for a Content-Type, its parameters left aside; "" if none. */
static ahttp_str type_extension(ahttp_str type)
{
  const char *semicolon =
      type.len == 0 ? NULL : memchr(type.ptr, ';', type.len);
  size_t len = semicolon == NULL ? type.len : (size_t)(semicolon - type.ptr);

  while (len > 0 && (type.ptr[len - 1] == ' ' || type.ptr[len - 1] == '\t')) {
    len--;
  }
  for (size_t i = 0; i < sizeof(type_table) / sizeof(*type_table); i++) {
    if (strlen(type_table[i].type) == len &&
        strncasecmp(type_table[i].type, type.ptr, len) == 0) {
      const char *found = type_table[i].extension;
      return (ahttp_str){found, strlen(found)};
    }
  }
  return (ahttp_str){"", 0};
}

static void expand_hash(expansion *x, ahttp_str of, unsigned digits)
{
  char hex[17];
  uint64_t hash = cli_hash(CLI_HASH_START, of);

  for (unsigned i = 0; i < 16; i++) {
    hex[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  }
  cli_text_append(x->out, hex, digits);
}

static void expand_field(expansion *x, const cli_template *template,
                         const template_part *part)
{
  const cli_facts *facts = x->facts;

  switch (part->field) {
  case FIELD_LITERAL:
    expand_literal(
        x, (ahttp_str){template->literals.ptr + part->start, part->len});
    return;
  case FIELD_N:
    cli_text_append_padded(x->out, facts->n, (size_t)part->number);
    break;
  case FIELD_HOST:
    cli_name_append_segment(x->out, ahttp_url_host(facts->url));
    break;
  case FIELD_PATH:
    expand_dir(x);
    if (url_dir(facts->url).len > 0) {
      segment_next(x);
    }
    append_name(facts, x->out);
    break;
  case FIELD_DIR:
    expand_dir(x);
    break;
  case FIELD_NAME:
    append_name(facts, x->out);
    break;
  case FIELD_STEM:
  case FIELD_EXT:
    expand_name_part(x, part->field);
    break;
  case FIELD_QHASH:
    expand_hash(x, ahttp_url_query(facts->url), 8);
    break;
  case FIELD_URLHASH:
    expand_hash(x, ahttp_url_href(facts->url),
                part->number == 0 ? 16 : (unsigned)part->number);
    break;
  case FIELD_SHARD:
    cli_text_append_padded(x->out, (facts->n - 1) / part->number, SHARD_DIGITS);
    break;
  case FIELD_STATUS:
    cli_text_append_u64(x->out, (uint64_t)facts->status);
    break;
  case FIELD_CTYPE_EXT:
    expand_extension(x, type_extension(facts->content_type));
    break;
  }
  x->strange = true;
}

void cli_template_expand(const cli_template *template, const cli_facts *facts,
                         cli_text *out)
{
  expansion x = {
      .facts = facts,
      .out = out,
      .start = out->len,
      .begin = out->len,
      .absolute = template->source.len > 0 && template->source.ptr[0] == '/',
  };

  cli_text_append(out, "", 0);
  for (size_t i = 0; i < template->count; i++) {
    const template_part *part = &template->parts[i];
    bool needs_response =
        part->field == FIELD_STATUS || part->field == FIELD_CTYPE_EXT;
    if (needs_response && facts->status == 0) {
      cli_text_append(out, template->source.ptr + part->start, part->len);
    } else {
      expand_field(&x, template, part);
    }
  }
  segment_end(&x, true);
}
