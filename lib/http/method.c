/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/method.h"

#include "base/str.h"

enum {
  READ = AH_METHOD_SAFE | AH_METHOD_IDEMPOTENT
};

static const struct {
  ahttp_str name;
  unsigned traits;
} methods[] = {
    {{"GET", 3}, READ},
    {{"POST", 4}, AH_METHOD_HAS_CONTENT},
    {{"HEAD", 4}, READ | AH_METHOD_HEAD},
    {{"PUT", 3}, AH_METHOD_IDEMPOTENT | AH_METHOD_HAS_CONTENT},
    {{"DELETE", 6}, AH_METHOD_IDEMPOTENT},
    {{"PATCH", 5}, AH_METHOD_HAS_CONTENT}, /* RFC 5789 */
    {{"OPTIONS", 7}, READ},
    {{"TRACE", 5}, READ},
    {{"CONNECT", 7}, AH_METHOD_CONNECT},
    {{"QUERY", 5},
     READ | AH_METHOD_HAS_CONTENT}, /* draft-ietf-httpbis-safe-method-w-body */
    {{"PROPFIND", 8}, READ},        /* RFC 4918; as in IANA's registry */
    {{"REPORT", 6}, READ},          /* RFC 3253 */
    {{"SEARCH", 6}, READ},          /* RFC 5323 */
};

unsigned ah_method_traits(ahttp_str method)
{
  for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    if (ah_str_eq(methods[i].name, method)) {
      return methods[i].traits;
    }
  }
  return 0;
}
