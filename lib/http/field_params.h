/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_FIELD_PARAMS_H
#define AH_HTTP_FIELD_PARAMS_H

#include <ahttp/message.h>

/* Cuts a token off |*rest|; empty if there is none. */
ahttp_str ah_field_params_take_token(ahttp_str *rest);

/* Drops blanks at the beginning of |*rest|. */
void ah_field_params_skip_blanks(ahttp_str *rest);

/* The first parameter |name| of |params|, in any case. */
bool ah_field_params_find(ahttp_str params, ahttp_str name,
                          ahttp_field_param *out);

/* Somewhere to write a value to; it is never written beyond |cap|. */
typedef struct ah_value {
  char *dst;
  size_t cap;
  size_t len; /* with what did not fit */
} ah_value;

void ah_value_init(ah_value *value, char *dst, size_t cap);
void ah_value_add(ah_value *value, char byte);
/* Ends it with a NUL: AHTTP_OK; or, if it did not fit, makes it empty:
 * AHTTP_ELIMIT.  |len| may be NULL. */
int ah_value_end(ah_value *value, size_t *len);
/* Makes it empty and returns |rv|. */
int ah_value_fail(ah_value *value, size_t *len, int rv);

#endif
