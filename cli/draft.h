/* SPDX-License-Identifier: MIT */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include <ahttp/ahttp.h>

#include "cli/options.h"
#include "cli/text.h"

/* What all requests of a run have in common: method, fields, content. */
typedef struct cli_draft cli_draft;

/* Returns 0 and sets |*out|, or sets |problem| and returns -1.  Data that is
 * read from a pipe is read here. */
int cli_draft_new(cli_draft **out, const cli_options *options,
                  cli_text *problem);
void cli_draft_free(cli_draft *draft);

const char *cli_draft_method(const cli_draft *draft);

/* Makes the request for |url|.  The errors are ahttp_request_new()'s, and
 * AHTTP_EBODY if a file to send has vanished. */
int cli_draft_make(const cli_draft *draft, ahttp_str url, ahttp_request **out);

#endif
