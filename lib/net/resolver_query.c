/* SPDX-License-Identifier: MIT */
/*
 * A lookup is answered from the first of these that knows the host: fixed
 * answers, the host itself if it is an address, localhost, the hosts file; then
 * family by family the cache, and DNS.
 *
 * A query is one host being looked up.  It gathers the two families' answers
 * and has the lookups that wait for them.  While a family is being asked for,
 * the query is in the table, where further lookups of the host find it and
 * join.  It lives as long as lookups wait or questions are under way; when
 * every lookup has been cancelled the answers still fill the cache.
 *
 * When resolv.conf changes (another network), the servers that are being asked
 * may be gone.  The channel is closed and its questions are asked again on a
 * new one.
 */
#include "config.h"
#include "net/resolver_query.h"

#include <string.h>

#include <ares.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

const int ah_query_families[AH_FAMILY_COUNT] = {AF_INET6, AF_INET};

/* --- Queries --- */

static ahttp_str query_host(const ah_query *query)
{
  return ah_str(query->host, query->host_len);
}

/* The host without a final dot, which only DNS cares about. */
static ahttp_str query_name(const ah_query *query)
{
  ahttp_str name = query_host(query);
  if (name.len > 1 && name.ptr[name.len - 1] == '.') {
    name.len--;
  }
  return name;
}

ah_query *ah_query_ref(ah_query *query)
{
  query->refs++;
  return query;
}

void ah_query_unref(ah_query *query)
{
  ah_assert(query->refs > 0);
  query->refs--;
  if (query->refs > 0) {
    return;
  }
  ah_assert(query->asking == 0);
  ah_loop_undefer(&query->ask);
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    ah_address_list_unref(query->parts[i].answer.addresses);
    ah_free(query->parts[i].question.reason);
  }
  ah_free(query);
}

/* Notes the answer for family |i| and has the lookups tell it. */
static void query_answer(ah_query *query, int i, const ah_answer *answer)
{
  ah_assert((query->answered & (1U << i)) == 0);
  query->answered |= 1U << i;
  query->parts[i].answer.status = answer->status;
  query->parts[i].answer.addresses = ah_address_list_ref(answer->addresses);
  AH_LIST_FOREACH (node, &query->lookups) {
    ah_lookup *lookup = AH_CONTAINER(node, ah_lookup, node);
    if ((lookup->pending & (1U << i)) != 0) {
      ah_loop_defer(query->resolver->loop, &lookup->task);
    }
  }
}

/* A family is no longer asked for. */
static void query_leave_table(ah_query *query, int i)
{
  query->asking &= ~(1U << i);
  if (query->asking == 0) {
    ah_hash_remove(&query->resolver->queries, &query->entry);
  }
}

/* A program's own resolver says itself what may be kept. */
static bool answer_is_kept(const ah_resolver *resolver, int status,
                           uint32_t ttl)
{
  if (resolver->hook != NULL) {
    return status == ARES_SUCCESS && ttl > 0;
  }
  return status == ARES_SUCCESS || status == ARES_ENOTFOUND ||
         status == ARES_ENODATA;
}

/* Runs inside c-ares. */
static void query_on_dns_answer(ah_dns_question *question,
                                const ah_answer *answer, uint32_t ttl)
{
  ah_query_part *part = AH_CONTAINER(question, ah_query_part, question);
  ah_query *query = part->query;
  ah_resolver *resolver = query->resolver;
  int i = (int)(part - query->parts);
  if (answer->status == ARES_EDESTRUCTION && !resolver->closed) {
    query->to_ask |= 1U << i; /* resolv.conf has changed */
    ah_loop_defer(resolver->loop, &query->ask);
    return;
  }
  if (answer_is_kept(resolver, answer->status, ttl)) {
    ah_resolver_cache_put(&resolver->cache, query_host(query),
                          ah_query_families[i], answer, ttl,
                          ah_loop_now_ms(resolver->loop));
  }
  query_leave_table(query, i);
  query_answer(query, i, answer);
  ah_query_unref(query);
}

static ah_query *query_new(ah_resolver *resolver, ahttp_str host)
{
  ah_query *query = ah_calloc(1, sizeof(*query));
  if (query == NULL) {
    return NULL;
  }
  query->resolver = resolver;
  query->refs = 1;
  ah_list_init(&query->lookups);
  query->host_len = host.len;
  for (size_t i = 0; i < host.len; i++) {
    query->host[i] = (char)ah_char_lower((uint8_t)host.ptr[i]);
  }
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    query->parts[i].query = query;
    query->parts[i].question.family = ah_query_families[i];
    query->parts[i].question.answered = query_on_dns_answer;
  }
  return query;
}

/* --- DNS --- */

void ah_resolver_finish_closing(ah_resolver *resolver)
{
  if (resolver->closed && resolver->channels_open == 0) {
    ah_loop_defer(resolver->loop, &resolver->closed_task);
  }
}

static void resolver_on_channel_closed(void *arg)
{
  ah_resolver *resolver = arg;
  resolver->channels_open--;
  ah_resolver_finish_closing(resolver);
}

void ah_resolver_close_channel(ah_resolver *resolver)
{
  ah_dns_channel *channel = resolver->channel;
  if (channel != NULL) {
    resolver->channel = NULL;
    ah_dns_channel_close(channel, resolver_on_channel_closed, resolver);
  }
}

void ah_resolver_close_hook(ah_resolver *resolver)
{
  if (resolver->hook != NULL) {
    resolver->channels_open++;
    ah_resolver_hook_close(resolver->hook, resolver_on_channel_closed,
                           resolver);
  }
}

/* Sees to it that there is a channel for the present resolv.conf. */
static int resolver_open_channel(ah_resolver *resolver)
{
  if (resolver->closed) {
    return ARES_EDESTRUCTION;
  }
  if (resolver->hook != NULL) {
    return ARES_SUCCESS;
  }
  uint64_t now_ms = ah_loop_now_ms(resolver->loop);
  if (ah_file_watch_changed(&resolver->resolv, now_ms)) {
    ah_resolver_close_channel(resolver);
  }
  if (resolver->channel != NULL) {
    return ARES_SUCCESS;
  }
  ah_dns_channel_opts opts = {
      .servers = resolver->servers,
      .server_count = resolver->server_count,
      .resolv_path = resolver->resolv_path,
      .try_ms = resolver->try_ms,
  };
  int status = ah_dns_channel_new(&resolver->channel, resolver->loop, &opts);
  if (status == ARES_SUCCESS) {
    resolver->channels_open++;
  }
  return status;
}

/* Asks for family |i|.  With a hook that calls the program, after which the
 * query may have been given up and the resolver closed. */
static void query_ask_family(ah_query *query, int i)
{
  ah_resolver *resolver = query->resolver;
  ah_dns_question *question = &query->parts[i].question;
  int status = resolver_open_channel(resolver);
  if (status != ARES_SUCCESS) {
    ah_answer answer = {.status = status};
    query_on_dns_answer(question, &answer, 0);
  } else if (resolver->hook != NULL) {
    ah_resolver_hook_ask(resolver->hook, question, query->host, query->port);
  } else {
    ah_dns_channel_ask(resolver->channel, question, query->host);
  }
}

/* Asks for the families in to_ask, which are in |asking| already. */
static void query_ask(ah_query *query)
{
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    if ((query->to_ask & (1U << i)) != 0) {
      query->to_ask &= ~(1U << i);
      query_ask_family(query, i);
    }
  }
}

static void query_ask_again(ah_task *task)
{
  ah_query *query = AH_CONTAINER(task, ah_query, ask);
  (void)ah_query_ref(query);
  query_ask(query);
  ah_query_unref(query);
}

/* Asks for |families|: a server at once, a program in a turn of its own. */
static void query_start_asking(ah_query *query, unsigned families)
{
  query->ask.run = query_ask_again;
  query->asking |= families;
  query->to_ask |= families;
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    if ((families & (1U << i)) != 0) {
      (void)ah_query_ref(query);
    }
  }
  if (query->resolver->hook != NULL) {
    ah_loop_defer(query->resolver->loop, &query->ask);
  } else {
    query_ask(query);
  }
}

void ah_query_give_up(ah_query *query)
{
  ah_resolver *resolver = query->resolver;
  if (resolver->hook == NULL || !ah_list_is_empty(&query->lookups)) {
    return;
  }
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    if ((query->asking & (1U << i)) == 0) {
      continue;
    }
    if ((query->to_ask & (1U << i)) == 0) {
      ah_resolver_hook_forget(resolver->hook, &query->parts[i].question);
    }
    query->to_ask &= ~(1U << i);
    query_leave_table(query, i);
    ah_query_unref(query); /* the caller has another reference */
  }
}

/* --- Answers at hand --- */

/* Answers family |i| with |list|, which may be NULL: it has no address. */
static void query_answer_list(ah_query *query, int i, ah_address_list *list)
{
  ah_answer answer = {.status = list == NULL ? ARES_ENODATA : ARES_SUCCESS,
                      .addresses = list};
  query_answer(query, i, &answer);
}

static int query_answer_addresses(ah_query *query, int i,
                                  const ah_address *items, size_t count)
{
  ah_address_list *list = NULL;
  if (count > 0) {
    list = ah_address_list_new(items, count);
    if (list == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  query_answer_list(query, i, list);
  ah_address_list_unref(list);
  return AHTTP_OK;
}

static bool query_is_fixed(ah_query *query, uint16_t port)
{
  const ah_fixed_entry *entry =
      ah_fixed_hosts_find(&query->resolver->fixed, query_name(query), port);
  if (entry == NULL) {
    return false;
  }
  query_answer_list(query, AH_FAMILY_V6, entry->v6);
  query_answer_list(query, AH_FAMILY_V4, entry->v4);
  return true;
}

static int query_try_literal(ah_query *query)
{
  ah_address address;
  if (!ah_address_parse(&address, query_host(query), 0)) {
    return AHTTP_OK;
  }
  int family = address.any.sa_family == AF_INET6 ? AH_FAMILY_V6 : AH_FAMILY_V4;
  int rv = query_answer_addresses(query, family, &address, 1);
  if (rv == AHTTP_OK) {
    query_answer_list(query, AH_FAMILY_V6 + AH_FAMILY_V4 - family, NULL);
  }
  return rv;
}

static bool name_is_localhost(ahttp_str name)
{
  ahttp_str last = AH_STR("localhost");
  if (name.len < last.len) {
    return false;
  }
  size_t before = name.len - last.len;
  return ah_str_eq(ah_str(name.ptr + before, last.len), last) &&
         (before == 0 || name.ptr[before - 1] == '.');
}

/* RFC 6761, section 6.3: localhost and what is below it is this host, and is
 * not asked for, nor looked up in files that say otherwise. */
static int query_try_localhost(ah_query *query)
{
  if (!name_is_localhost(query_name(query))) {
    return AHTTP_OK;
  }
  ah_address v6 = {
      .v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
  ah_address v4 = {.v4 = {.sin_family = AF_INET}};
  v4.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int rv = query_answer_addresses(query, AH_FAMILY_V6, &v6, 1);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return query_answer_addresses(query, AH_FAMILY_V4, &v4, 1);
}

static int query_try_hosts(ah_query *query)
{
  if (query->resolver->hook != NULL) {
    return AHTTP_OK; /* it takes the place of the hosts file too */
  }
  uint64_t now_ms = ah_loop_now_ms(query->resolver->loop);
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    ah_address items[AH_ADDRESSES_MAX];
    size_t count;
    if (!ah_hosts_find(&query->resolver->hosts, query_name(query),
                       ah_query_families[i], now_ms, items, &count)) {
      return AHTTP_OK;
    }
    int rv = query_answer_addresses(query, i, items, count);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* Answers those of |families| that the cache knows. */
static void query_try_cache(ah_query *query, unsigned families)
{
  ah_resolver *resolver = query->resolver;
  for (int i = 0; i < AH_FAMILY_COUNT; i++) {
    ah_answer answer;
    if ((families & (1U << i)) != 0 &&
        ah_resolver_cache_find(&resolver->cache, query_host(query),
                               ah_query_families[i],
                               ah_loop_now_ms(resolver->loop), &answer)) {
      query_answer(query, i, &answer);
    }
  }
}

/* Answers what can be answered without asking anybody. */
static int query_answer_at_hand(ah_query *query, unsigned families)
{
  static int (*const sources[])(ah_query *) = {
      query_try_literal, query_try_localhost, query_try_hosts};

  if (query_is_fixed(query, query->port)) {
    return AHTTP_OK;
  }
  for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
    int rv = sources[i](query);
    if (rv != AHTTP_OK || query->answered != 0) {
      return rv;
    }
  }
  query_try_cache(query, families);
  return AHTTP_OK;
}

/* False for what cannot be a name and would be cut short as a C string. */
static bool host_is_possible(ahttp_str host)
{
  return host.len > 0 && host.len <= AH_HOST_BYTES_MAX &&
         memchr(host.ptr, '\0', host.len) == NULL;
}

/* Asks for those of |families| that are not answered. */
static int query_ask_for_rest(ah_query *query, unsigned families)
{
  unsigned rest = families & ~query->answered;
  if (rest == 0) {
    return AHTTP_OK;
  }
  int rv = ah_hash_insert(&query->resolver->queries, &query->entry,
                          query_host(query));
  if (rv == AHTTP_OK) {
    query_start_asking(query, rest);
  }
  return rv;
}

int ah_query_start(ah_query **out, ah_resolver *resolver, ahttp_str host,
                   uint16_t port, unsigned families)
{
  bool is_possible = host_is_possible(host);
  *out = NULL;
  ah_query *query =
      query_new(resolver, is_possible ? host : AH_STR("host name"));
  if (query == NULL) {
    return AHTTP_ENOMEM;
  }
  query->port = port;
  int rv = AHTTP_OK;
  if (!is_possible) {
    ah_answer answer = {.status = ARES_EBADNAME};
    query_answer(query, AH_FAMILY_V6, &answer);
    query_answer(query, AH_FAMILY_V4, &answer);
  } else {
    rv = query_answer_at_hand(query, families);
  }
  if (rv == AHTTP_OK) {
    rv = query_ask_for_rest(query, families);
  }
  if (rv != AHTTP_OK) {
    ah_query_unref(query);
    return rv;
  }
  *out = query;
  return AHTTP_OK;
}

void ah_query_want(ah_query *query, unsigned families)
{
  query_try_cache(query, families & ~(query->answered | query->asking));
  unsigned rest = families & ~(query->answered | query->asking);
  if (rest != 0) {
    query_start_asking(query, rest);
  }
}

ah_query *ah_query_find(const ah_resolver *resolver, ahttp_str host)
{
  char lower[AH_HOST_BYTES_MAX];
  if (!host_is_possible(host)) {
    return NULL;
  }
  for (size_t i = 0; i < host.len; i++) {
    lower[i] = (char)ah_char_lower((uint8_t)host.ptr[i]);
  }
  ah_hash_entry *found =
      ah_hash_find(&resolver->queries, ah_str(lower, host.len));
  return found == NULL ? NULL : AH_CONTAINER(found, ah_query, entry);
}
