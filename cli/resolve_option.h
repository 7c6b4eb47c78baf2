/* SPDX-License-Identifier: MIT */
#ifndef CLI_RESOLVE_OPTION_H
#define CLI_RESOLVE_OPTION_H

#include <ahttp/ahttp.h>

#include "cli/text.h"

/*
 * Reads the value of --resolve, HOST:PORT:ADDR[,ADDR]...; ADDR may be an IPv6
 * address in brackets or without.  Returns 0 and fills |*out|, or sets
 * |problem| and returns -1.  Clear with cli_resolve_entry_clear().
 */
int cli_resolve_entry_parse(ahttp_resolve_entry *out, const char *value,
                            cli_text *problem);

void cli_resolve_entry_clear(ahttp_resolve_entry *entry);

#endif
