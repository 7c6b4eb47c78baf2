/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_METHOD_H
#define AH_HTTP_METHOD_H

#include <ahttp/types.h>

/* What a method means (RFC 9110, section 9). */
enum {
  AH_METHOD_SAFE = 1,        /* section 9.2.1 */
  AH_METHOD_IDEMPOTENT = 2,  /* section 9.2.2 */
  AH_METHOD_HEAD = 4,        /* the response has no content */
  AH_METHOD_CONNECT = 8,     /* a 2xx response turns into a tunnel */
  AH_METHOD_HAS_CONTENT = 16 /* content is expected: POST, PUT, PATCH send
                                Content-Length: 0 when there is none */
};

/* The traits of |method| (case matters); 0 for one we do not know. */
unsigned ah_method_traits(ahttp_str method);

#endif
