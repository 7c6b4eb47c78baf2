/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_FILE_TEXT_H
#define AH_CLIENT_FILE_TEXT_H

#include <ahttp/error.h>

#include "base/buf.h"

/* Small files, read and written whole. */

/*
 * Appends the content of the file at |path| to |buf|.  AHTTP_OK, AHTTP_EFILE,
 * AHTTP_ELIMIT (more than buf->max) or AHTTP_ENOMEM, with |*err| filled.
 */
int ah_file_text_read(const char *path, ah_buf *buf, ahttp_error *err);

/*
 * Makes |text| the content of the file at |path|, readable and writable for its
 * owner alone, in one step: a reader, also after a crash, finds the old content
 * or the new one.  A link is followed.  What is there and no regular file is
 * written directly.  AHTTP_OK, AHTTP_EFILE or AHTTP_ENOMEM, with |*err| filled;
 * then the old content is still there, and no other file.
 */
int ah_file_text_replace(const char *path, ahttp_str text, ahttp_error *err);

#endif
