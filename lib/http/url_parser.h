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

#endif
