/* SPDX-License-Identifier: MIT */
#ifndef CLI_NAME_H
#define CLI_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/text.h"

/*
 * File names made from what strangers wrote.  A URL must not be able to leave
 * its folder, to put control codes into a listing, or to be too long for the
 * file system.
 */

/* What NAME is called while it is being written: NAME.part. */
#define CLI_PART_SUFFIX ".part"

/* NAME_MAX of Linux' file systems, and the same with room for ".part". */
#define CLI_SEGMENT_MAX 255
#define CLI_NAME_MAX (CLI_SEGMENT_MAX - (sizeof(CLI_PART_SUFFIX) - 1))

/*
 * Appends the URL path segment |segment|, percent-decoded if that is
 * UTF-8 text without controls and slashes, else as it is.
 */
void cli_name_append_segment(cli_text *out, ahttp_str segment);

/* Cuts what |path| has from |start| on to |max| bytes, keeping the extension
 * and whole UTF-8 sequences. */
void cli_name_fit(cli_text *path, size_t start, size_t max);

/* Puts ".|number|" before the extension of the last part of |path|. */
void cli_name_add_number(cli_text *path, uint64_t number);

/* Where the last part of |path| starts. */
size_t cli_name_start(ahttp_str path);

/* The length of |name| without its extension: up to the last dot, unless that
 * is the first byte. */
size_t cli_name_stem_len(ahttp_str name);

#endif
