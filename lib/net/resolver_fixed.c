/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/resolver_fixed.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/str.h"

/* Addresses of one entry, sorted by family while they are read. */
typedef struct address_pair {
  ah_address v6[AH_ADDRESSES_MAX];
  ah_address v4[AH_ADDRESSES_MAX];
  size_t v6_count;
  size_t v4_count;
} address_pair;

/* Adds what |text| says; false if that is no address. */
static bool pair_add(address_pair *pair, ahttp_str text)
{
  if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
    text = ah_str(text.ptr + 1, text.len - 2);
  }
  ah_address address;
  if (!ah_address_parse(&address, text, 0)) {
    return false;
  }
  if (address.any.sa_family == AF_INET) {
    if (pair->v4_count < AH_ADDRESSES_MAX) {
      pair->v4[pair->v4_count++] = address;
    }
  } else if (pair->v6_count < AH_ADDRESSES_MAX) {
    pair->v6[pair->v6_count++] = address;
  }
  return true;
}

static int entry_set_addresses(ah_fixed_entry *entry, ahttp_str list)
{
  address_pair pair;
  pair.v6_count = 0;
  pair.v4_count = 0;
  ahttp_str element;
  while (ah_str_next_element(&list, &element)) {
    if (!pair_add(&pair, element)) {
      return AHTTP_EINVAL;
    }
  }
  if (pair.v6_count + pair.v4_count == 0) {
    return AHTTP_EINVAL;
  }
  if (pair.v6_count > 0) {
    entry->v6 = ah_address_list_new(pair.v6, pair.v6_count);
    if (entry->v6 == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  if (pair.v4_count > 0) {
    entry->v4 = ah_address_list_new(pair.v4, pair.v4_count);
    if (entry->v4 == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  return AHTTP_OK;
}

/* The host as lookups will have it: lower case, no final dot, no brackets. */
static int entry_set_host(ah_fixed_entry *entry, ahttp_str host)
{
  if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
    host = ah_str(host.ptr + 1, host.len - 2);
  }
  if (host.len > 1 && host.ptr[host.len - 1] == '.') {
    host.len--;
  }
  if (host.len == 0) {
    return AHTTP_EINVAL;
  }
  entry->host = ah_memdup0(host.ptr, host.len);
  if (entry->host == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < host.len; i++) {
    entry->host[i] = (char)ah_char_lower((uint8_t)entry->host[i]);
  }
  return AHTTP_OK;
}

int ah_fixed_hosts_copy(ah_fixed_hosts *fixed,
                        const ahttp_resolve_entry *entries, size_t count)
{
  memset(fixed, 0, sizeof(*fixed));
  if (count == 0) {
    return AHTTP_OK;
  }
  fixed->entries = ah_calloc(count, sizeof(*fixed->entries));
  if (fixed->entries == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    ah_fixed_entry *entry = &fixed->entries[i];
    fixed->count++;
    entry->port = entries[i].port;
    int rv = entry_set_host(entry, ah_str_from_c(entries[i].host));
    if (rv == AHTTP_OK) {
      rv = entry_set_addresses(entry, ah_str_from_c(entries[i].addresses));
    }
    if (rv != AHTTP_OK) {
      ah_fixed_hosts_clear(fixed);
      return rv;
    }
  }
  return AHTTP_OK;
}

void ah_fixed_hosts_clear(ah_fixed_hosts *fixed)
{
  for (size_t i = 0; i < fixed->count; i++) {
    ah_free(fixed->entries[i].host);
    ah_address_list_unref(fixed->entries[i].v6);
    ah_address_list_unref(fixed->entries[i].v4);
  }
  ah_free(fixed->entries);
  memset(fixed, 0, sizeof(*fixed));
}

/* How well |entry| fits: 0 not at all, more is better. */
static int entry_fit(const ah_fixed_entry *entry, ahttp_str host, uint16_t port)
{
  bool is_host = ah_str_eq(ah_str_from_c(entry->host), host);
  bool is_any_host = strcmp(entry->host, "*") == 0;
  bool is_port = entry->port == port;
  if ((!is_host && !is_any_host) || (!is_port && entry->port != 0)) {
    return 0;
  }
  return 1 + (is_host ? 2 : 0) + (is_port ? 1 : 0);
}

const ah_fixed_entry *ah_fixed_hosts_find(const ah_fixed_hosts *fixed,
                                          ahttp_str host, uint16_t port)
{
  const ah_fixed_entry *best = NULL;
  int best_fit = 0;
  for (size_t i = 0; i < fixed->count; i++) {
    int fit = entry_fit(&fixed->entries[i], host, port);
    if (fit > 0 && fit >= best_fit) {
      best = &fixed->entries[i];
      best_fit = fit;
    }
  }
  return best;
}
