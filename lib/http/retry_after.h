/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_RETRY_AFTER_H
#define AH_HTTP_RETRY_AFTER_H

#include <stdbool.h>

#include <ahttp/types.h>

/*
 * Reads Retry-After (RFC 9110, section 10.2.3), seconds or a date, as
 * milliseconds from |now_s| (since 1970, UTC) on: |ms_max| at most, 0 if it is
 * over.  False, and |*out| is 0, if it is neither.
 */
bool ah_retry_after_parse(ahttp_str value, int64_t now_s, uint32_t ms_max,
                          uint32_t *out);

#endif
