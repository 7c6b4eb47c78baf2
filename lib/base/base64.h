/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_BASE64_H
#define AH_BASE_BASE64_H

#include <ahttp/types.h>

/* How many bytes |len| bytes make (RFC 4648, section 4, padded). */
#define AH_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Writes AH_BASE64_LEN(data.len) bytes to |dst|, no NUL. */
void ah_base64_encode(char *dst, ahttp_str data);

#endif
