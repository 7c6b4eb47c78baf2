/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_ERROR_H
#define AH_BASE_ERROR_H

#include <ahttp/error.h>

/* Positive results that are no errors; they never leave the library. */
enum {
  AH_MORE = 1,   /* more input is needed */
  AH_BLOCKED = 2 /* not now; a later event will say when */
};

/*
 * Fills |*err|: |code|, |phase|, the number it came from, and a text made from
 * |format|, cut at the end of the room.  The text says what happened without
 * the URL, which the call puts in front.
 */
void ah_error_set(ahttp_error *err, int code, ahttp_phase phase,
                  ahttp_domain domain, long native, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The same without a native number. */
#define ah_error_say(err, code, phase, ...) \
  ah_error_set(err, code, phase, AHTTP_DOMAIN_NONE, 0, __VA_ARGS__)

/* |*err| for AHTTP_OK, with an empty text. */
static inline void ah_error_clear(ahttp_error *err)
{
  err->code = AHTTP_OK;
  err->phase = AHTTP_PHASE_NONE;
  err->domain = AHTTP_DOMAIN_NONE;
  err->native = 0;
  err->text[0] = '\0';
}

/* |*err| for |code| with its phrase from the table as text. */
void ah_error_plain(ahttp_error *err, int code, ahttp_phase phase);

#endif
