/* SPDX-License-Identifier: MIT */
#ifndef CLI_URL_TEXT_H
#define CLI_URL_TEXT_H

#include "cli/text.h"

/*
 * Returns |typed| with the scheme people leave out: "https://", or "http://"
 * for localhost, numeric loopback addresses and ":8080/x", which is
 * http://localhost:8080/x; it is put together in |room|.  What has a scheme, or
 * can have none, is returned as it is: the URL parser then says what is wrong
 * with it.
 */
ahttp_str cli_url_complete(cli_text *room, ahttp_str typed);

/* What is wrong with |typed| before it is looked at as a URL, as a sentence;
 * NULL if nothing. */
const char *cli_url_text_problem(ahttp_str typed);

#endif
