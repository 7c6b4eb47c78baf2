/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_READER_H
#define AH_CLIENT_READER_H

#include "client/call.h"

/*
 * A response that a thread reads as it comes: the loop's thread puts content
 * in, the reading thread takes it out and says what it took (manual credit), so
 * that never more than a window is held.
 */

/* The handlers of a call with a reader; its user data is the reader. */
extern const ahttp_handlers ah_reader_handlers;

/* AHTTP_OK or AHTTP_ENOMEM.  read_all() has the limits of |client|. */
int ah_reader_new(ah_reader **out, const ahttp_client *client);
/* NULL is allowed. */
void ah_reader_free(ah_reader *reader);

/* Gives |reader| to |call|, which has not been launched, and to which it
 * belongs from here on. */
void ah_reader_attach(ah_reader *reader, ahttp_call *call);

/* Is set when something has come in. */
ah_latch *ah_reader_news(ah_reader *reader);

/* After the first news: AHTTP_OK and the response, whose head is there, without
 * a reference of its own; or the error. */
int ah_reader_response(ah_reader *reader, ahttp_response **out,
                       ahttp_error *err);

#endif
