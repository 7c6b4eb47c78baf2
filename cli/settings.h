/* SPDX-License-Identifier: MIT */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <uv.h>

#include <ahttp/ahttp.h>

#include "cli/job.h"
#include "cli/options.h"

/* Makes the client that |options| describe, on |loop|, with |jar| (may be
 * NULL).  Returns 0, or sets |problem| and returns -1. */
int cli_client_new(ahttp_client **out, uv_loop_t *loop,
                   const cli_options *options, const ahttp_trace *trace,
                   ahttp_cookie_jar *jar, cli_text *problem);

/* Sets the times that the jobs of |shared| must check themselves; all others
 * are the client's. */
void cli_shared_set_times(cli_shared *shared);

#endif
