/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_MOCK_SCRIPT_H
#define AH_TRANSPORT_MOCK_SCRIPT_H

#include <ahttp/mock.h>

#include "base/arena.h"

/* One line of a script. */
typedef struct ah_mock_line {
  ahttp_mock_reply reply; /* a copy */
  ahttp_str method;       /* ptr NULL: any */
  ahttp_str url;          /* ptr NULL: any */
  bool is_prefix;         /* |url| is how it begins */
  unsigned used;
} ah_mock_line;

/* What a mock transport answers; all of it in an arena. */
typedef struct ah_mock_script {
  ah_mock_line *lines;
  size_t count;
} ah_mock_script;

/* Fails if |reply| cannot be said: AHTTP_EINVAL or AHTTP_EFIELD. */
int ah_mock_reply_check(const ahttp_mock_reply *reply);

/* Copies |count| replies.  AHTTP_OK, AHTTP_EINVAL, AHTTP_EFIELD or
 * AHTTP_ENOMEM. */
int ah_mock_script_copy(ah_mock_script *out, ah_arena *arena,
                        const ahttp_mock_reply *replies, size_t count);

/* The reply for a request, which counts as used; NULL if there is none. */
const ahttp_mock_reply *ah_mock_script_take(ah_mock_script *script,
                                            ahttp_str method, ahttp_str url);

#endif
