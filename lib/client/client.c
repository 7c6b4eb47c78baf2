/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/client.h"

#include <ahttp/version.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "client/call.h"
#include "net/tls_profile.h"

/* --- Making. -------------------------------------------------------------- */

static int client_add_default_field(ahttp_client *client, ah_field_id id,
                                    ahttp_str value)
{
  return value.len == 0 ? AHTTP_OK
                        : ah_fields_add(&client->default_fields,
                                        ah_field_id_name(id), value);
}

static int client_copy_opts(ahttp_client *client, const ahttp_client_opts *opts)
{
  ah_send_settings_init(&client->settings, opts);
  client->content_max = opts->content_max;
  client->route.http = opts->http;
  int rv = ah_arena_copy(&client->arena, ah_str_from_c(opts->unix_socket),
                         &client->route.unix_path);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_str agent = opts->user_agent == NULL
                        ? AH_STR("libahttp/" AHTTP_VERSION_STRING)
                        : ah_str_from_c(opts->user_agent);
  rv = client_add_default_field(client, AH_FIELD_USER_AGENT, agent);
  if (rv != AHTTP_OK) {
    return rv == AHTTP_EFIELD ? AHTTP_EINVAL : rv;
  }
  return client_add_default_field(client, AH_FIELD_ACCEPT, AH_STR("*/*"));
}

static int client_make_own_uv(ahttp_client *client)
{
  client->own_uv = ah_calloc(1, sizeof(*client->own_uv));
  if (client->own_uv == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_loop_init(client->own_uv) != 0) {
    ah_free(client->own_uv);
    client->own_uv = NULL;
    return AHTTP_ENOMEM;
  }
  return AHTTP_OK;
}

static int client_make_engine(ahttp_client *client,
                              const ahttp_client_opts *opts)
{
  int rv = AHTTP_OK;
  if (opts->loop == NULL) {
    rv = client_make_own_uv(client);
  }
  if (rv == AHTTP_OK) {
    rv = ah_loop_new(&client->loop,
                     opts->loop == NULL ? client->own_uv : opts->loop);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_tls_profile_new(&client->route.tls, opts->tls);
  if (rv != AHTTP_OK) {
    return rv;
  }
  const ah_resolver_opts resolver_opts = {.servers = opts->dns_servers,
                                          .entries = opts->resolve,
                                          .entry_count = opts->resolve_count};
  rv = ah_resolver_new(&client->resolver, client->loop, &resolver_opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  const ah_pool_opts pool_opts = {
      .conns_max = opts->conns_max,
      .conns_per_origin_max = opts->conns_per_origin_max,
      .conns_idle_max = opts->conns_idle_max,
      .idle_ms = opts->idle_ms,
      .h2_conns_per_origin_max = opts->h2_conns_per_origin_max,
      .h2_streams_max = opts->h2_streams_max,
  };
  return ah_pool_new(&client->pool, client->loop, client->resolver, &pool_opts);
}

int ahttp_client_new(ahttp_client **out, const ahttp_client_opts *opts)
{
  *out = NULL;
  ahttp_client_opts copy;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (rv == AHTTP_OK) {
    rv = ah_client_opts_check(&copy);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_client_opts_default(&copy);
  ahttp_client *client = ah_calloc(1, sizeof(*client));
  if (client == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_arena_init(&client->arena, NULL, 0);
  ah_fields_init(&client->default_fields, &client->arena);
  ah_list_init(&client->calls);
  rv = client_copy_opts(client, &copy);
  if (rv == AHTTP_OK) {
    rv = client_make_engine(client, &copy);
  }
  if (rv != AHTTP_OK) {
    ahttp_client_free(client);
    return rv;
  }
  *out = client;
  return AHTTP_OK;
}

/* --- Closing: calls, then the pool, the resolver, the loop's handles. ------
 */

static void client_free_memory(ahttp_client *client)
{
  ahttp_closed_cb on_closed = client->on_closed;
  void *arg = client->closed_arg;
  bool is_private = client->own_uv != NULL;
  ah_tls_profile_unref(client->route.tls);
  ah_arena_clear(&client->arena);
  if (!is_private) { /* a private one is still being driven */
    ah_free(client);
  }
  if (on_closed != NULL) {
    on_closed(arg);
  }
}

static void client_on_loop_closed(void *arg)
{
  client_free_memory(arg);
}

static void client_close_loop(void *arg)
{
  ahttp_client *client = arg;
  if (client->loop == NULL) {
    client_free_memory(client);
    return;
  }
  ah_loop *loop = client->loop;
  client->loop = NULL;
  ah_loop_drop(loop);
  ah_loop_close(loop, client_on_loop_closed, client);
}

static void client_close_resolver(void *arg)
{
  ahttp_client *client = arg;
  if (client->resolver == NULL) {
    client_close_loop(client);
    return;
  }
  ah_resolver_close(client->resolver, client_close_loop, client);
}

static void client_close_pool(ahttp_client *client)
{
  if (client->pool == NULL) {
    client_close_resolver(client);
    return;
  }
  ah_pool_close(client->pool, client_close_resolver, client);
}

void ah_client_call_done(ahttp_client *client, ah_list_node *call_node)
{
  ah_list_remove(call_node);
  client->call_count--;
  if (client->is_closing && client->call_count == 0) {
    client_close_pool(client);
  }
}

/* Runs a private loop until its last handle is closed, then frees both. */
static void client_drive_to_end(ahttp_client *client)
{
  uv_loop_t *uv = client->own_uv;
  (void)uv_run(uv, UV_RUN_DEFAULT);
  int rv = uv_loop_close(uv);
  ah_assert(rv == 0);
  ah_free(uv);
  ah_free(client);
}

void ahttp_client_close(ahttp_client *client, ahttp_closed_cb on_closed,
                        void *user_data)
{
  ah_assert(!client->is_closing);
  client->is_closing = true;
  client->on_closed = on_closed;
  client->closed_arg = user_data;
  bool is_private = client->own_uv != NULL;
  if (client->loop != NULL) {
    ah_loop_hold(client->loop);
  }
  if (client->call_count == 0) {
    client_close_pool(client);
  } else {
    AH_LIST_FOREACH (node, &client->calls) {
      ah_call_close(AH_CONTAINER(node, ahttp_call, node));
    }
  }
  if (is_private) {
    client_drive_to_end(client);
  }
}

void ahttp_client_free(ahttp_client *client)
{
  if (client != NULL) {
    ahttp_client_close(client, NULL, NULL);
  }
}

/* --- Looking. --------------------------------------------------------------
 */

void ahttp_client_get_stats(const ahttp_client *client, ahttp_client_stats *out)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  stats.calls_active = client->call_count;
  ah_pool_stats(client->pool, &stats);
  ah_sized_copy_out(out, &stats, sizeof(stats));
}
