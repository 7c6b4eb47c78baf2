/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/address_list.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

ah_address_list *ah_address_list_new(const ah_address *items, size_t count)
{
  ah_assert(count > 0);
  if (count > AH_ADDRESSES_MAX) {
    count = AH_ADDRESSES_MAX;
  }
  ah_address_list *list = ah_malloc(sizeof(*list) + count * sizeof(*items));
  if (list == NULL) {
    return NULL;
  }
  list->refs = 1;
  list->count = count;
  memcpy(list->items, items, count * sizeof(*items));
  return list;
}

ah_address_list *ah_address_list_ref(ah_address_list *list)
{
  if (list != NULL) {
    list->refs++;
  }
  return list;
}

void ah_address_list_unref(ah_address_list *list)
{
  if (list == NULL) {
    return;
  }
  ah_assert(list->refs > 0);
  list->refs--;
  if (list->refs == 0) {
    ah_free(list);
  }
}
