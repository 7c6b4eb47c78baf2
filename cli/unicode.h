/* SPDX-License-Identifier: MIT */
#ifndef CLI_UNICODE_H
#define CLI_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the UTF-8 sequence at the start of |len| > 0 bytes and sets
 * |*point|.  Returns its length, 1 to 4, or 0 if the bytes are not well-formed
 * (Unicode 15, table 3-7: no surrogates, no overlong forms).
 */
size_t cli_utf8_decode(uint32_t *point, const char *bytes, size_t len);

/* True for the C0 and C1 controls, DEL, and the marks that change the
 * direction of text: what must reach neither a terminal nor a file name. */
bool cli_point_is_control(uint32_t point);

#endif
