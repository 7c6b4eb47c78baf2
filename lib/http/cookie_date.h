/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_COOKIE_DATE_H
#define AH_HTTP_COOKIE_DATE_H

#include <stdbool.h>

#include <ahttp/types.h>

/*
 * Reads the date of an Expires attribute, which is not an HTTP-date but
 * anything in which day, month, year and time can be made out (RFC 6265bis,
 * section 5.1.1).  Returns true and sets |*seconds|, since 1970-01-01 UTC and
 * possibly negative; or false.
 */
bool ah_cookie_date_parse(ahttp_str text, int64_t *seconds);

#endif
