/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_ERROR_MAP_H
#define AH_NET_ERROR_MAP_H

#include <ahttp/error.h>

/* Foreign codes, translated at the border.  Each fills |*err| with our code,
 * the native one, and a text that begins with |what| ("connect to ..."), which
 * may be NULL. */

/* |os_errno| of a socket call in |phase|. */
int ah_error_from_errno(ahttp_error *err, int os_errno, ahttp_phase phase,
                        const char *what);
/* A c-ares status. */
int ah_error_from_ares(ahttp_error *err, int status, const char *what);
/* That |host| is known and has no address of the families asked for. */
int ah_error_no_address(ahttp_error *err, const char *host);

#endif
