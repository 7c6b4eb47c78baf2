/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/dial_trace.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "net/error_map.h"

enum {
  /* Addresses that an event names: more are not tried in a usual dial. */
  NAMED_ADDRESSES_MAX = 8
};

static void tell(ah_teller *teller, ahttp_trace_kind kind, const char *text,
                 const ahttp_error *err)
{
  ahttp_trace_event event = {
      .kind = kind, .text = ah_str_from_c(text), .error = err};
  teller->tell(teller, &event);
}

void ah_dial_tell_lookup(ah_teller *teller, const char *host)
{
  if (teller != NULL) {
    tell(teller, AHTTP_TRACE_DNS_STARTED, host, NULL);
  }
}

/* Room for the names of all, with ", " between. */
typedef struct name_list {
  char text[NAMED_ADDRESSES_MAX * (AH_ADDRESS_TEXT_BYTES + 2)];
  size_t len;
  unsigned count;
} name_list;

static void names_add(name_list *names, const ah_address_list *list)
{
  size_t count = list == NULL ? 0 : list->count;
  for (size_t i = 0; i < count && names->count < NAMED_ADDRESSES_MAX; i++) {
    if (names->count++ > 0) {
      memcpy(names->text + names->len, ", ", 2);
      names->len += 2;
    }
    char *name = names->text + names->len;
    ah_address_print(&list->items[i], name, AH_ADDRESS_TEXT_BYTES);
    names->len += strlen(name);
  }
}

void ah_dial_tell_resolved(ah_teller *teller, const ah_address_list *v6,
                           const ah_address_list *v4)
{
  if (teller == NULL) {
    return;
  }
  name_list names = {.len = 0};
  names_add(&names, v6);
  names_add(&names, v4);
  ahttp_trace_event event = {
      .kind = AHTTP_TRACE_DNS_COMPLETE,
      .text = ah_str(names.text, names.len),
      .number = (v6 == NULL ? 0 : v6->count) + (v4 == NULL ? 0 : v4->count),
  };
  teller->tell(teller, &event);
}

void ah_dial_tell_unresolved(ah_teller *teller, const ahttp_error *err)
{
  if (teller != NULL) {
    tell(teller, AHTTP_TRACE_DNS_FAILED, NULL, err);
  }
}

/* One of the three kinds of an attempt, by what it is at. */
static void tell_attempt(ah_teller *teller, int which,
                         const ah_address *address, const char *path,
                         const ahttp_error *err)
{
  char where[AH_ADDRESS_TEXT_BYTES];
  int first = (int)AHTTP_TRACE_CONNECT_UNIX_STARTED;
  if (address != NULL) {
    first = (int)AHTTP_TRACE_CONNECT_TCP_STARTED;
    path = ah_address_print_port(address, where, sizeof(where));
  }
  tell(teller, (ahttp_trace_kind)(first + which), path, err);
}

void ah_dial_tell_attempt(ah_teller *teller, const ah_address *address,
                          const char *path)
{
  if (teller != NULL) {
    tell_attempt(teller, 0, address, path, NULL);
  }
}

void ah_dial_tell_outcome(ah_teller *teller, const ah_address *address,
                          const char *path, int os_errno)
{
  if (teller == NULL) {
    return;
  }
  if (os_errno == 0) {
    tell_attempt(teller, 1, address, path, NULL);
    return;
  }
  ahttp_error err;
  if (os_errno == ECANCELED) {
    ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_CONNECT);
  } else {
    (void)ah_error_from_errno(&err, os_errno, AHTTP_PHASE_CONNECT, "connect");
  }
  tell_attempt(teller, 2, address, path, &err);
}
