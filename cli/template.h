/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <ahttp/ahttp.h>

#include "cli/text.h"

/* A name template such as "{host}/{n:06}-{name}"; see template.c. */
typedef struct cli_template cli_template;

/* What the fields of a template are filled from. */
typedef struct cli_facts {
  uint64_t n;             /* the number of the input */
  const ahttp_url *url;   /* what was asked for, before redirects */
  int status;             /* 0: there is no response yet */
  ahttp_str content_type; /* of the response */
} cli_facts;

/* Reads |text|.  Returns 0 and sets |*out|, or sets |problem| to a sentence
 * and returns -1.  Free with cli_template_free(). */
int cli_template_new(cli_template **out, const char *text, cli_text *problem);
void cli_template_free(cli_template *template);

/* True if it has fields that only a response can fill. */
bool cli_template_is_late(const cli_template *template);

/*
 * Appends the path |template| makes of |facts|: relative unless the template
 * itself starts with "/", no part empty, ".", ".." or too long by what a field
 * put there.  Without a response, its fields stay as they are written.
 */
void cli_template_expand(const cli_template *template, const cli_facts *facts,
                         cli_text *out);

/* FNV-1a, 64 bits, of |str|; |hash| is CLI_HASH_START, or the hash of what
 * comes before. */
#define CLI_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t cli_hash(uint64_t hash, ahttp_str str);

#endif
