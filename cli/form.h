/* SPDX-License-Identifier: MIT */
#ifndef CLI_FORM_H
#define CLI_FORM_H

#include <ahttp/ahttp.h>

#include "cli/options.h"
#include "cli/text.h"

/*
 * Makes the content that -F's |words| describe.  All requests of a run share
 * it, so files are opened once.  Returns 0 and sets |*out|, or sets |problem|
 * and returns -1.  Free with ahttp_multipart_free().
 */
int cli_form_make(ahttp_multipart **out, const cli_words *words,
                  cli_text *problem);

/* True if one of |words| reads standard input. */
bool cli_form_wants_stdin(const char *word);

#endif
