/* SPDX-License-Identifier: MIT */
/*
 * Answers come from inside c-ares and from inside ah_resolver_lookup(), so they
 * are only noted in the query, and each lookup's task tells its owner at the
 * end of the turn, one family a run: the owner may cancel or free the lookup in
 * between.
 */
#include "config.h"
#include "net/resolver.h"

#include <string.h>

#include <ares.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/error_map.h"
#include "net/resolver_query.h"

enum {
  RESOLVER_LOOK_MS = 1000, /* two stat() a second are cheap enough */
  RESOLVER_TRY_MS = 2000,  /* a lost packet is made up for within the usual
                              connect timeout of 5 s */
  DNS_PORT = 53
};

bool ah_resolver_read_literal(const ah_resolver *resolver, ahttp_str host,
                              uint16_t port, ah_address *out)
{
  return ah_address_parse(out, host, port) &&
         ah_fixed_hosts_find(&resolver->fixed, host, port) == NULL;
}

/* --- Lookups --- */

static void lookup_leave(ah_lookup *lookup)
{
  ah_query *query = lookup->query;
  ah_loop_undefer(&lookup->task);
  ah_list_remove(&lookup->node);
  lookup->query = NULL;
  lookup->pending = 0;
  ah_query_give_up(query);
  ah_query_unref(query);
}

static void lookup_call_on_answer(ah_lookup *lookup, const ah_query *query,
                                  int i, uint16_t port)
{
  const ah_query_part *part = &query->parts[i];
  if (part->answer.status == ARES_ENODATA && part->question.reason == NULL) {
    lookup->on_answer(lookup, ah_query_families[i], NULL, 0, NULL);
    return;
  }
  if (part->answer.addresses == NULL) {
    ahttp_error err;
    (void)ah_error_from_ares(&err, part->answer.status, query->host);
    if (part->question.reason != NULL) {
      ah_error_say(&err, err.code, err.phase, "%s: %s", query->host,
                   part->question.reason);
    }
    lookup->on_answer(lookup, ah_query_families[i], NULL, 0, &err);
    return;
  }
  const ah_address_list *list = part->answer.addresses;
  ah_address items[AH_ADDRESSES_MAX];
  memcpy(items, list->items, list->count * sizeof(items[0]));
  for (size_t n = 0; n < list->count; n++) {
    ah_address_set_port(&items[n], port);
  }
  lookup->on_answer(lookup, ah_query_families[i], items, list->count, NULL);
}

/* Tells one family's answer.  |lookup| may be gone afterwards. */
static void lookup_deliver(ah_task *task)
{
  ah_lookup *lookup = AH_CONTAINER(task, ah_lookup, task);
  ah_query *query = ah_query_ref(lookup->query);
  unsigned known = lookup->pending & query->answered;
  ah_assert(known != 0);
  int i = (known & (1U << AH_FAMILY_V6)) != 0 ? AH_FAMILY_V6 : AH_FAMILY_V4;
  known &= ~(1U << i);
  lookup->pending &= ~(1U << i);
  if (lookup->pending == 0) {
    lookup_leave(lookup);
  } else if (known != 0) {
    ah_loop_defer(query->resolver->loop, task);
  }
  lookup_call_on_answer(lookup, query, i, lookup->port);
  ah_query_unref(query);
}

static unsigned lookup_families(const ah_lookup *lookup)
{
  return lookup->families == 0 ? AH_FAMILIES_ALL : lookup->families;
}

static void lookup_join(ah_lookup *lookup, ah_query *query, uint16_t port)
{
  lookup->query = ah_query_ref(query);
  lookup->pending = lookup_families(lookup);
  lookup->port = port;
  lookup->task.run = lookup_deliver;
  ah_list_push_back(&query->lookups, &lookup->node);
  if ((query->answered & lookup->pending) != 0) {
    ah_loop_defer(query->resolver->loop, &lookup->task);
  }
}

int ah_resolver_lookup(ah_resolver *resolver, ah_lookup *lookup, ahttp_str host,
                       uint16_t port)
{
  ah_assert(!resolver->closed && lookup->query == NULL);
  ah_query *query = ah_query_find(resolver, host);
  if (query != NULL) {
    lookup_join(lookup, query, port);
    ah_query_want(query, lookup->pending);
    return AHTTP_OK;
  }
  const unsigned families = lookup_families(lookup);
  int rv = ah_query_start(&query, resolver, host, port, families);
  if (rv != AHTTP_OK) {
    return rv;
  }
  lookup_join(lookup, query, port);
  ah_query_unref(query);
  return AHTTP_OK;
}

void ah_lookup_cancel(ah_lookup *lookup)
{
  if (lookup->query != NULL) {
    lookup_leave(lookup);
  }
}

/* --- The resolver --- */

static void resolver_free(ah_resolver *resolver)
{
  ah_fixed_hosts_clear(&resolver->fixed);
  ah_hosts_clear(&resolver->hosts);
  ah_resolver_cache_clear(&resolver->cache);
  ah_hash_clear(&resolver->queries);
  ah_free(resolver->hosts_path);
  ah_free(resolver->resolv_path);
  ah_free(resolver->servers);
  ah_free(resolver);
}

static void resolver_tell_closed(ah_task *task)
{
  ah_resolver *resolver = AH_CONTAINER(task, ah_resolver, closed_task);
  void (*on_closed)(void *arg) = resolver->on_closed;
  void *arg = resolver->closed_arg;
  ah_assert(resolver->queries.count == 0);
  ah_loop_drop(resolver->loop);
  resolver_free(resolver);
  if (on_closed != NULL) {
    on_closed(arg);
  }
}

static int resolver_set_servers(ah_resolver *resolver, ahttp_str list)
{
  ahttp_str rest = list;
  ahttp_str element;
  while (ah_str_next_element(&rest, &element)) {
    ah_address *grown =
        ah_realloc_array(resolver->servers, resolver->server_count + 1,
                         sizeof(*resolver->servers));
    if (grown == NULL) {
      return AHTTP_ENOMEM;
    }
    resolver->servers = grown;
    if (!ah_address_parse_port(&grown[resolver->server_count], element,
                               DNS_PORT)) {
      return AHTTP_EINVAL;
    }
    resolver->server_count++;
  }
  return AHTTP_OK;
}

static int path_set(char **out, const char *path, const char *usual)
{
  const char *chosen = path == NULL ? usual : path;
  *out = ah_memdup0(chosen, strlen(chosen));
  return *out == NULL ? AHTTP_ENOMEM : AHTTP_OK;
}

static int resolver_set_opts(ah_resolver *resolver,
                             const ah_resolver_opts *opts)
{
  int rv = path_set(&resolver->hosts_path, opts->hosts_path, "/etc/hosts");
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = path_set(&resolver->resolv_path, opts->resolv_path, "/etc/resolv.conf");
  if (rv != AHTTP_OK) {
    return rv;
  }
  uint32_t look_ms = opts->look_ms == 0 ? RESOLVER_LOOK_MS : opts->look_ms;
  ah_file_watch_init(&resolver->resolv, resolver->resolv_path, look_ms);
  ah_hosts_init(&resolver->hosts, resolver->hosts_path, look_ms);
  resolver->try_ms = opts->try_ms == 0 ? RESOLVER_TRY_MS : opts->try_ms;
  rv = resolver_set_servers(resolver, ah_str_from_c(opts->servers));
  if (rv == AHTTP_OK) {
    rv =
        ah_fixed_hosts_copy(&resolver->fixed, opts->entries, opts->entry_count);
  }
  if (rv == AHTTP_OK && opts->hook != NULL) {
    rv = ah_resolver_hook_new(&resolver->hook, resolver->loop, opts->hook);
  }
  return rv;
}

int ah_resolver_new(ah_resolver **out, ah_loop *loop,
                    const ah_resolver_opts *opts)
{
  *out = NULL;
  ah_resolver *resolver = ah_calloc(1, sizeof(*resolver));
  if (resolver == NULL) {
    return AHTTP_ENOMEM;
  }
  resolver->loop = loop;
  resolver->closed_task.run = resolver_tell_closed;
  ah_resolver_cache_init(&resolver->cache);
  ah_hash_init(&resolver->queries);
  ah_hosts_init(&resolver->hosts, NULL, 0);
  int rv = resolver_set_opts(resolver, opts);
  if (rv != AHTTP_OK) {
    resolver_free(resolver);
    return rv;
  }
  *out = resolver;
  return AHTTP_OK;
}

void ah_resolver_close(ah_resolver *resolver, void (*on_closed)(void *arg),
                       void *arg)
{
  ah_assert(!resolver->closed);
  resolver->closed = true;
  resolver->on_closed = on_closed;
  resolver->closed_arg = arg;
  ah_loop_hold(resolver->loop); /* until it has been told */
  ah_resolver_close_channel(resolver);
  ah_resolver_close_hook(resolver);
  ah_resolver_finish_closing(resolver);
}
