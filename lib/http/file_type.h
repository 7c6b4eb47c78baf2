/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_FILE_TYPE_H
#define AH_HTTP_FILE_TYPE_H

#include <ahttp/types.h>

/* The media type that files called |name| usually have, by what follows the
 * last dot, in any case; "application/octet-stream" for others.  Static. */
ahttp_str ah_file_type_guess(ahttp_str name);

#endif
