/* SPDX-License-Identifier: MIT */
/*
 * -F as curl has it: NAME=VALUE, NAME=@FILE, NAME=<FILE, each with ;type=TYPE
 * and ;filename=NAME behind it in any order.  Two differences: a semicolon that
 * begins neither of these is part of the value, where curl cuts the value off,
 * and so is a comma, where curl begins another file.
 */
#include "config.h"
#include "cli/form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One word, taken apart. */
typedef struct form_field {
  ahttp_str name;
  char kind; /* '@', '<', or '=' for a value */
  cli_text value;
  cli_text type;
  cli_text filename;
  bool has_type;
  bool has_filename;
} form_field;

static void field_clear(form_field *field)
{
  cli_text_clear(&field->value);
  cli_text_clear(&field->type);
  cli_text_clear(&field->filename);
}

/* How long the mark of a parameter at |at| is, or 0; |*is_type| says which. */
static size_t mark_len(const char *at, bool *is_type)
{
  static const char type[] = ";type=";
  static const char filename[] = ";filename=";

  *is_type = strncasecmp(at, type, sizeof(type) - 1) == 0;
  if (*is_type) {
    return sizeof(type) - 1;
  }
  return strncasecmp(at, filename, sizeof(filename) - 1) == 0
             ? sizeof(filename) - 1
             : 0;
}

/* Reads |*at| up to the next mark or the end.  In quotes a backslash takes the
 * next character as it is; without an end they are no quotes. */
static void take_value(const char **at, cli_text *out)
{
  const char *from = *at;
  bool is_type;

  if (*from == '"') {
    for (from++; *from != '\0' && *from != '"'; from++) {
      from += from[0] == '\\' && from[1] != '\0' ? 1 : 0;
      cli_text_append_byte(out, *from);
    }
    if (*from == '"' && (from[1] == '\0' || mark_len(from + 1, &is_type) > 0)) {
      *at = from + 1;
      return;
    }
    cli_text_reset(out);
    from = *at;
  }
  while (*from != '\0' && mark_len(from, &is_type) == 0) {
    cli_text_append_byte(out, *from);
    from++;
  }
  *at = from;
}

static int field_parse(form_field *field, const char *word, cli_text *problem)
{
  size_t name_len = strcspn(word, "=");
  const char *at = word + name_len + 1;

  *field = (form_field){.name = {word, name_len}, .kind = '='};
  if (word[name_len] == '\0' || name_len == 0) {
    cli_text_printf(problem,
                    "--form wants NAME=VALUE, NAME=@FILE or NAME=<FILE, not "
                    "\"%s\"",
                    word);
    return -1;
  }
  if (*at == '@' || *at == '<') {
    field->kind = *at++;
  }
  take_value(&at, &field->value);
  while (*at != '\0') {
    bool is_type;
    at += mark_len(at, &is_type);
    cli_text *to = is_type ? &field->type : &field->filename;
    *(is_type ? &field->has_type : &field->has_filename) = true;
    cli_text_reset(to);
    take_value(&at, to);
  }
  return 0;
}

/* Standard input can be read once, and there may be many requests. */
static int read_stdin(cli_text *out)
{
  cli_text_reset(out);
  while (!feof(stdin) && ferror(stdin) == 0) {
    cli_text_reserve(out, BUFSIZ);
    out->len += fread(out->ptr + out->len, 1, BUFSIZ, stdin);
  }
  return ferror(stdin) == 0 ? AHTTP_OK : AHTTP_EBODY;
}

static int field_add(form_field *field, ahttp_multipart *form)
{
  ahttp_part part = AHTTP_PART_INIT;
  bool is_file = field->kind != '=';
  bool is_stdin = is_file && strcmp(cli_text_chars(&field->value), "-") == 0;

  part.name = field->name;
  if (field->kind == '<') {
    part.filename = (ahttp_str){"", 0}; /* the content of a file, not a file */
  } else if (is_stdin) {
    part.filename = (ahttp_str){"-", 1};
  }
  if (field->has_type) {
    part.type = (ahttp_str){cli_text_chars(&field->type), field->type.len};
  }
  if (field->has_filename) {
    part.filename =
        (ahttp_str){cli_text_chars(&field->filename), field->filename.len};
  }
  if (is_file && !is_stdin) {
    return ahttp_multipart_add_file(form, &part, cli_text_chars(&field->value));
  }
  int rv = is_stdin ? read_stdin(&field->value) : AHTTP_OK;
  return rv == AHTTP_OK
             ? ahttp_multipart_add_bytes(
                   form, &part, cli_text_chars(&field->value), field->value.len)
             : rv;
}

static int form_add(ahttp_multipart *form, const char *word, cli_text *problem)
{
  form_field field;
  int rv = field_parse(&field, word, problem);

  if (rv == 0) {
    rv = field_add(&field, form);
    if (rv == AHTTP_EBODY) {
      cli_text_printf(problem, "cannot read %s: %s",
                      cli_text_chars(&field.value), strerror(errno));
    } else if (rv != AHTTP_OK) {
      cli_text_printf(problem, "the form field \"%s\" cannot be sent: %s", word,
                      ahttp_strerror(rv));
    }
  }
  field_clear(&field);
  return rv == AHTTP_OK ? 0 : -1;
}

int cli_form_make(ahttp_multipart **out, const cli_words *words,
                  cli_text *problem)
{
  if (ahttp_multipart_new(out) != AHTTP_OK) {
    cli_text_add(problem, ahttp_strerror(AHTTP_ENOMEM));
    return -1;
  }
  for (size_t i = 0; i < words->count; i++) {
    if (form_add(*out, words->items[i], problem) != 0) {
      ahttp_multipart_free(*out);
      *out = NULL;
      return -1;
    }
  }
  return 0;
}

bool cli_form_wants_stdin(const char *word)
{
  form_field field;
  cli_text ignored = {0};
  bool wants = field_parse(&field, word, &ignored) == 0 && field.kind != '=' &&
               strcmp(cli_text_chars(&field.value), "-") == 0;

  field_clear(&field);
  cli_text_clear(&ignored);
  return wants;
}
