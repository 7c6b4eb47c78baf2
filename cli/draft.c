/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/draft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cookies.h"
#include "cli/form.h"
#include "cli/memory.h"

#define FORM_TYPE "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"

struct cli_draft {
  const char *method;
  const cli_words *fields;
  cli_text cookies; /* a Cookie field's value; empty: none */
  bool has_content;
  const char *type;      /* of the content, unless -H says it; or NULL */
  const char *accept;    /* the same of the answer */
  ahttp_multipart *form; /* the content; or NULL: */
  const char *file;      /* the content, read while sending; or NULL: */
  cli_text content;
};

/* What -d or --json have, which are never both there. */
static const cli_words *draft_words(const cli_options *options)
{
  return options->json.count > 0 ? &options->json : &options->data;
}

/* "@FILE" as the only data is not held in memory; standard input is, since it
 * can be read only once. */
static const char *draft_find_file(const cli_options *options)
{
  const cli_words *words = draft_words(options);
  const char *only = words->count == 1 ? words->items[0] : "";

  return only[0] == '@' && strcmp(only, "@-") != 0 ? only + 1 : NULL;
}

static int append_file(cli_text *out, const char *name, cli_text *problem)
{
  bool is_stdin = strcmp(name, "-") == 0;
  FILE *file = is_stdin ? stdin : fopen(name, "rbe");
  int rv = 0;

  while (file != NULL && !feof(file) && ferror(file) == 0) {
    cli_text_reserve(out, BUFSIZ);
    out->len += fread(out->ptr + out->len, 1, BUFSIZ, file);
  }
  if (file == NULL || ferror(file) != 0) {
    cli_text_printf(problem, "cannot read %s: %s", name, strerror(errno));
    rv = -1;
  }
  if (file != NULL && !is_stdin) {
    (void)fclose(file); /* it was only read */
  }
  return rv;
}

static int draft_read_content(cli_draft *draft, const cli_options *options,
                              cli_text *problem)
{
  const cli_words *words = draft_words(options);

  for (size_t i = 0; i < words->count; i++) {
    const char *word = words->items[i];
    if (i > 0 && options->json.count == 0) {
      cli_text_append_byte(&draft->content, '&');
    }
    if (word[0] != '@') {
      cli_text_add(&draft->content, word);
    } else if (append_file(&draft->content, word + 1, problem) != 0) {
      return -1;
    }
  }
  return 0;
}

static void draft_join_cookies(cli_draft *draft, const cli_words *words)
{
  for (size_t i = 0; i < words->count; i++) {
    if (cli_cookie_is_data(words->items[i])) {
      cli_text_add(&draft->cookies, draft->cookies.len > 0 ? "; " : "");
      cli_text_add(&draft->cookies, words->items[i]);
    }
  }
}

/* |field| is "Name: value" or "Name;". */
static int request_add_field(ahttp_request *request, const char *field)
{
  size_t name = strcspn(field, ":;");
  const char *value = field + name + 1;

  return ahttp_request_add_field_str(request, (ahttp_str){field, name},
                                     (ahttp_str){value, strlen(value)});
}

static int request_add_cookies(ahttp_request *request, const cli_draft *draft)
{
  if (draft->cookies.len == 0) {
    return AHTTP_OK;
  }
  return ahttp_request_add_field_str(
      request, (ahttp_str){"Cookie", strlen("Cookie")},
      (ahttp_str){draft->cookies.ptr, draft->cookies.len});
}

static bool fields_have(const cli_words *fields, const char *name)
{
  for (size_t i = 0; i < fields->count; i++) {
    if (strcspn(fields->items[i], ":;") == strlen(name) &&
        strncasecmp(fields->items[i], name, strlen(name)) == 0) {
      return true;
    }
  }
  return false;
}

/* Finds out now what no URL could make right. */
static int draft_check(const cli_draft *draft, cli_text *problem)
{
  ahttp_request *request;
  int rv = ahttp_request_new(&request, draft->method, "http://localhost/");

  if (rv != AHTTP_OK) {
    cli_text_printf(problem, "\"%s\" is no request method", draft->method);
    return -1;
  }
  for (size_t i = 0; rv == AHTTP_OK && i < draft->fields->count; i++) {
    rv = request_add_field(request, draft->fields->items[i]);
    if (rv != AHTTP_OK) {
      cli_text_printf(problem, "the header \"%s\" cannot be sent: %s",
                      draft->fields->items[i], ahttp_strerror(rv));
    }
  }
  if (rv == AHTTP_OK) {
    rv = request_add_cookies(request, draft);
    if (rv != AHTTP_OK) {
      cli_text_printf(problem, "the cookies cannot be sent: %s",
                      ahttp_strerror(rv));
    }
  }
  if (rv == AHTTP_OK && draft->form != NULL) {
    rv = ahttp_request_set_multipart(request, draft->form);
    if (rv != AHTTP_OK) {
      cli_text_printf(problem, "the form cannot be sent: %s",
                      ahttp_strerror(rv));
    }
  }
  if (rv == AHTTP_OK && draft->file != NULL) {
    rv = ahttp_request_set_content_file(request, draft->file);
    if (rv != AHTTP_OK) {
      cli_text_printf(problem, "cannot read %s: %s", draft->file,
                      strerror(errno));
    }
  }
  ahttp_request_free(request);
  return rv == AHTTP_OK ? 0 : -1;
}

/* What the content is said to be, and -F's, which says it itself. */
static int draft_set_kind(cli_draft *draft, const cli_options *options,
                          cli_text *problem)
{
  bool is_json = options->json.count > 0;

  draft->has_content = draft_words(options)->count > 0;
  if (draft->has_content && !fields_have(&options->fields, "content-type")) {
    draft->type = is_json ? JSON_TYPE : FORM_TYPE; /* as curl does */
  }
  if (is_json && !fields_have(&options->fields, "accept")) {
    draft->accept = JSON_TYPE;
  }
  return options->form.count == 0
             ? 0
             : cli_form_make(&draft->form, &options->form, problem);
}

int cli_draft_new(cli_draft **out, const cli_options *options,
                  cli_text *problem)
{
  cli_draft *draft = cli_calloc(1, sizeof(*draft));
  size_t contents =
      options->data.count + options->json.count + options->form.count;
  const char *implied = contents > 0 ? "POST" : "GET";

  *out = NULL;
  draft->method = options->method != NULL ? options->method : implied;
  draft->fields = &options->fields;
  draft_join_cookies(draft, &options->cookies);
  draft->file = draft_find_file(options);
  if (draft_set_kind(draft, options, problem) != 0 ||
      (draft->file == NULL &&
       draft_read_content(draft, options, problem) != 0) ||
      draft_check(draft, problem) != 0) {
    cli_draft_free(draft);
    return -1;
  }
  *out = draft;
  return 0;
}

void cli_draft_free(cli_draft *draft)
{
  if (draft != NULL) {
    cli_text_clear(&draft->content);
    cli_text_clear(&draft->cookies);
    ahttp_multipart_free(draft->form);
    free(draft);
  }
}

const char *cli_draft_method(const cli_draft *draft)
{
  return draft->method;
}

static int draft_fill(const cli_draft *draft, ahttp_request *request)
{
  int rv = AHTTP_OK;

  for (size_t i = 0; rv == AHTTP_OK && i < draft->fields->count; i++) {
    rv = request_add_field(request, draft->fields->items[i]);
  }
  if (rv == AHTTP_OK) {
    rv = request_add_cookies(request, draft);
  }
  if (rv == AHTTP_OK && draft->type != NULL) {
    rv = ahttp_request_add_field(request, "Content-Type", draft->type);
  }
  if (rv == AHTTP_OK && draft->accept != NULL) {
    rv = ahttp_request_add_field(request, "Accept", draft->accept);
  }
  if (rv == AHTTP_OK && draft->form != NULL) {
    rv = ahttp_request_set_multipart(request, draft->form);
  }
  if (rv == AHTTP_OK && draft->has_content) {
    rv = draft->file != NULL
             ? ahttp_request_set_content_file(request, draft->file)
             : ahttp_request_set_content(request,
                                         cli_text_chars(&draft->content),
                                         draft->content.len);
  }
  return rv;
}

int cli_draft_make(const cli_draft *draft, ahttp_str url, ahttp_request **out)
{
  ahttp_str method = {draft->method, strlen(draft->method)};
  int rv = ahttp_request_new_str(out, method, url);

  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = draft_fill(draft, *out);
  if (rv != AHTTP_OK) {
    ahttp_request_free(*out);
    *out = NULL;
  }
  return rv;
}
