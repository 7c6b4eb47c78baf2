/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_PARSER_H
#define AH_HTTP_URL_PARSER_H

#include "http/url.h"

/*
 * The basic URL parser (URL standard, section 4.4) for every kind of URL, of
 * which ah_url_parse() is the face.  The same arguments and results; |why| is
 * not NULL.
 */
int ah_url_parser_run(ahttp_url *out, ah_arena *arena, ahttp_str text,
                      const ahttp_url *base, const char **why);

/* Copies |text| to |dst|, which has room for it, without tabs and line ends,
 * which the standard drops wherever they are, and returns the length. */
size_t ah_url_strip(char *dst, ahttp_str text);

#endif
