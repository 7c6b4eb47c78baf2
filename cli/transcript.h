/* SPDX-License-Identifier: MIT */
#ifndef CLI_TRANSCRIPT_H
#define CLI_TRANSCRIPT_H

#include <stdint.h>

#include <ahttp/ahttp.h>

#include "cli/terminal.h"

/*
 * What -v shows: every line begins with the number of its input, so that many
 * at a time stay readable.  Values of fields that carry secrets are hidden.
 */
typedef struct cli_transcript {
  cli_terminal *terminal;
  bool show_secrets;
} cli_transcript;

void cli_transcript_request(const cli_transcript *transcript, uint64_t n,
                            const ahttp_request *request);
void cli_transcript_response(const cli_transcript *transcript, uint64_t n,
                             const ahttp_response *response);
void cli_transcript_end(const cli_transcript *transcript, uint64_t n,
                        const ahttp_call_info *info);

#endif
