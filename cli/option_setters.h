/* SPDX-License-Identifier: MIT */
#ifndef CLI_OPTION_SETTERS_H
#define CLI_OPTION_SETTERS_H

#include "cli/options.h"

/*
 * How the options of the table take their values: cli_option.set.  |value| is
 * NULL for options without one.  They return 0, or set |problem| to a sentence
 * and return -1.
 */
/* A bool becomes true. */
int cli_set_flag(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem);
/* Nothing: curl's options for what happens here anyway. */
int cli_set_nothing(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem);
/* A const char *. */
int cli_set_string(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem);
/* One more of a cli_words. */
int cli_set_word(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem);
/* A uint32_t from |min| to |max|. */
int cli_set_number(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem);
/* A uint32_t of milliseconds, from text in seconds or with a unit. */
int cli_set_duration(cli_options *options, const cli_option *option,
                     const char *value, cli_text *problem);
/* One more list to read. */
int cli_set_list(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem);
/* One more URL, or "@FILE", a list: curl's --url. */
int cli_set_url(cli_options *options, const cli_option *option,
                const char *value, cli_text *problem);
/* One more "Name: value". */
int cli_set_field(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem);
/* The scheme of --user is the one that |min| holds. */
int cli_set_auth_scheme(cli_options *options, const cli_option *option,
                        const char *value, cli_text *problem);
/* The HTTP policy that |min| holds. */
int cli_set_http(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem);
/* The lowest TLS version is the one that |min| holds. */
int cli_set_tls_min(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem);
/* The lowest or the highest TLS version. */
int cli_set_tls_version(cli_options *options, const cli_option *option,
                        const char *value, cli_text *problem);
/* One more HOST:PORT:ADDR. */
int cli_set_resolve(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem);
/* One degree quieter. */
int cli_set_quiet(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem);
/* One of auto, bar, none. */
int cli_set_progress(cli_options *options, const cli_option *option,
                     const char *value, cli_text *problem);
/* No progress line. */
int cli_set_progress_off(cli_options *options, const cli_option *option,
                         const char *value, cli_text *problem);
/* One of auto, always, never. */
int cli_set_color(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem);

#endif
