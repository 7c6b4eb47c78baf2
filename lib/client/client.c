/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/client.h"

#include <ahttp/version.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "client/auth.h"
#include "client/interceptor.h"
#include "client/request.h"
#include "http/content_coding.h"
#include "http/h1_writer.h"
#include "net/tls_profile.h"

/* --- Making. -------------------------------------------------------------- */

static int client_add_default_field(ahttp_client *client, ah_field_id id,
                                    ahttp_str value)
{
  return value.len == 0 ? AHTTP_OK
                        : ah_fields_add(&client->default_fields,
                                        ah_field_id_name(id), value);
}

/* Takes the jar that |opts| name, or makes one. */
static int client_copy_jar(ahttp_client *client, const ahttp_client_opts *opts)
{
  if (opts->cookies != NULL) {
    client->cookies = ahttp_cookie_jar_ref(opts->cookies);
  } else if (opts->keep_cookies) {
    int rv = ahttp_cookie_jar_new(&client->cookies);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  if (client->cookies != NULL) {
    client->settings.interceptors |= AH_PLACE_BIT(AH_AT_COOKIES);
  }
  return AHTTP_OK;
}

/* Whether the caller gives fields of |id|. */
static bool opts_have_field(const ahttp_client_opts *opts, ah_field_id id)
{
  for (size_t i = 0; i < opts->field_count; i++) {
    if (ah_field_id_of(opts->fields[i].name) == id) {
      return true;
    }
  }
  return false;
}

static int client_add_library_fields(ahttp_client *client,
                                     const ahttp_client_opts *opts)
{
  ahttp_str agent = opts->user_agent == NULL
                        ? AH_STR("libahttp/" AHTTP_VERSION_STRING)
                        : ah_str_from_c(opts->user_agent);
  int rv = AHTTP_OK;
  if (!opts_have_field(opts, AH_FIELD_USER_AGENT)) {
    rv = client_add_default_field(client, AH_FIELD_USER_AGENT, agent);
  }
  if (rv == AHTTP_OK && !opts_have_field(opts, AH_FIELD_ACCEPT)) {
    rv = client_add_default_field(client, AH_FIELD_ACCEPT, AH_STR("*/*"));
  }
  client->offers_codings = !opts_have_field(opts, AH_FIELD_ACCEPT_ENCODING);
  if (rv == AHTTP_OK && client->offers_codings) {
    rv = client_add_default_field(client, AH_FIELD_ACCEPT_ENCODING,
                                  ah_accept_encoding());
  }
  return rv == AHTTP_EFIELD ? AHTTP_EINVAL : rv;
}

static int client_add_given_fields(ahttp_client *client,
                                   const ahttp_client_opts *opts)
{
  for (size_t i = 0; i < opts->field_count; i++) {
    ah_field_id id = ah_field_id_of(opts->fields[i].name);
    if (ah_request_is_framing_field(id) ||
        (id == AH_FIELD_HOST &&
         ah_fields_find(&client->default_fields, id) != NULL)) {
      return AHTTP_EFIELD;
    }
    int rv = ah_fields_add(&client->default_fields, opts->fields[i].name,
                           opts->fields[i].value);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

static int client_copy_opts(ahttp_client *client, const ahttp_client_opts *opts)
{
  ah_send_settings_init(&client->settings, opts);
  client->settings.auth = ah_auth_ref(client->settings.auth);
  client->content_max = opts->content_max;
  client->decode_ratio_max = opts->decode_ratio_max;
  client->route.http = opts->http;
  int rv = ah_retry_settings_copy(&client->settings.retry, &client->arena,
                                  opts->retry);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_retry_budget_init(&client->retry_budget, opts->retry);
  rv = client_copy_jar(client, opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_arena_copy(&client->arena, ah_str_from_c(opts->unix_socket),
                     &client->route.unix_path);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = client_add_library_fields(client, opts);
  if (rv == AHTTP_OK) {
    rv = client_add_given_fields(client, opts);
  }
  if (rv == AHTTP_OK) {
    rv = ah_h1_lines_make(&client->default_fields);
  }
  if (rv == AHTTP_OK) {
    rv = ah_hooks_copy(&client->hooks, &client->arena, opts);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (client->hooks.count > 0) {
    client->settings.interceptors |= AH_PLACE_BIT(AH_AT_HOOKS);
  }
  if (client->proxies != NULL && ah_proxies_may_ask(client->proxies)) {
    client->settings.interceptors |= AH_PLACE_BIT(AH_AT_PROXY);
  }
  rv = ah_mounts_new(&client->mounts, &client->arena, opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return ah_base_url_init(&client->base_url, &client->arena,
                          ah_str_from_c(opts->base_url), opts->params);
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

static int client_make_loop(ahttp_client *client, const ahttp_client_opts *opts)
{
  ah_driver_kind kind = opts->loop != NULL ? AH_DRIVEN_BY_CALLER
                        : opts->background ? AH_DRIVEN_BY_THREAD
                                           : AH_DRIVEN_BY_WAITERS;
  int rv = ah_driver_new(&client->driver, kind);
  if (rv == AHTTP_OK && opts->loop == NULL) {
    rv = client_make_own_uv(client);
  }
  if (rv == AHTTP_OK) {
    rv = ah_loop_new(&client->loop,
                     opts->loop == NULL ? client->own_uv : opts->loop);
  }
  if (rv == AHTTP_OK) {
    client->clock = opts->clock;
    ah_deadlines_set_clock(client->loop, opts->clock);
    ah_driver_attach(client->driver, client->loop);
  }
  return rv;
}

static int client_make_policy(ahttp_client *client, const ahttp_net_opts *net)
{
  ahttp_net_opts copy;
  if (net == NULL) {
    return AHTTP_OK;
  }
  int rv = ah_opts_copy(&copy, sizeof(copy), net);
  return rv == AHTTP_OK ? ah_socket_policy_new(&client->policy, &copy) : rv;
}

static int client_make_engine(ahttp_client *client,
                              const ahttp_client_opts *opts, ahttp_error *err)
{
  int rv = client_make_loop(client, opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = client_make_policy(client, opts->net);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_tls_profile_new(&client->route.tls, opts->tls);
  if (rv == AHTTP_OK) {
    rv = ah_tls_profile_check(client->route.tls, err);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_trace_copy(&client->trace, opts->trace,
                     ah_driver_telling(client->driver));
  if (rv != AHTTP_OK) {
    return rv;
  }
  const ah_resolver_opts resolver_opts = {.servers = opts->dns_servers,
                                          .entries = opts->resolve,
                                          .entry_count = opts->resolve_count,
                                          .hook = opts->resolver};
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
      .trace = client->trace.callback == NULL ? NULL : &client->trace,
      .policy = client->policy,
      .route = &client->route,
  };
  return ah_pool_new(&client->pool, client->loop, client->resolver, &pool_opts);
}

static ahttp_client *client_alloc(void)
{
  ahttp_client *client = ah_calloc(1, sizeof(*client));
  if (client != NULL) {
    ah_arena_init(&client->arena, NULL, 0);
    ah_fields_init(&client->default_fields, &client->arena);
    ah_list_init(&client->calls);
    client->interceptors = ah_interceptors;
    client->close_letter.run = ah_client_on_close_letter;
  }
  return client;
}

static int client_new(ahttp_client **out, const ahttp_client_opts *opts,
                      ahttp_error *err)
{
  ahttp_client_opts copy;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (rv == AHTTP_OK) {
    rv = ah_client_opts_check(&copy);
  }
  if (rv == AHTTP_OK && copy.background && copy.loop != NULL) {
    rv = AHTTP_EINVAL;
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_client_opts_default(&copy);
  ahttp_client *client = client_alloc();
  if (client == NULL) {
    return AHTTP_ENOMEM;
  }
  rv = ah_proxies_new(&client->proxies, &client->arena, &copy, err);
  if (rv == AHTTP_OK) {
    rv = client_copy_opts(client, &copy);
  }
  if (rv == AHTTP_OK) {
    rv = client_make_engine(client, &copy, err);
  }
  if (rv == AHTTP_OK && copy.background) {
    rv = ah_client_start_thread(client);
  }
  if (rv != AHTTP_OK) {
    ah_client_abandon(client);
    return rv;
  }
  *out = client;
  return AHTTP_OK;
}

int ahttp_client_new_err(ahttp_client **out, const ahttp_client_opts *opts,
                         ahttp_error *err)
{
  ahttp_error unwanted;
  ahttp_error *told = err == NULL ? &unwanted : err;
  *out = NULL;
  ah_error_clear(told);
  int rv = client_new(out, opts, told);
  if (rv != AHTTP_OK && told->code != rv) {
    ah_error_plain(told, rv, AHTTP_PHASE_NONE);
  }
  told->phase = AHTTP_PHASE_NONE; /* no call was under way */
  return rv;
}

int ahttp_client_new(ahttp_client **out, const ahttp_client_opts *opts)
{
  return ahttp_client_new_err(out, opts, NULL);
}

ahttp_cookie_jar *ahttp_client_cookies(const ahttp_client *client)
{
  return client->cookies;
}

/* --- Looking. --------------------------------------------------------------
 */

static void client_fill_stats(const ahttp_client *client,
                              ahttp_client_stats *stats)
{
  stats->calls_active = client->call_count;
  ah_pool_stats(client->pool, stats);
}

/* A look from another thread. */
typedef struct look {
  ah_letter letter;
  ah_latch done;
  const ahttp_client *client;
  ahttp_client_stats stats;
} look;

static void look_on_letter(ah_letter *letter)
{
  look *self = AH_CONTAINER(letter, look, letter);
  client_fill_stats(self->client, &self->stats);
  ah_driver_set(self->client->driver, &self->done);
}

static void client_look_by_letter(const ahttp_client *client,
                                  ahttp_client_stats *stats)
{
  look self = {.letter.run = look_on_letter, .client = client, .stats = *stats};
  ah_waiter waiter;
  ah_link link;
  ah_latch_init(&self.done);
  ah_waiter_init(&waiter, 1, UINT32_MAX);
  ah_waiter_watch(&waiter, &link, &self.done);
  if (ah_driver_post(client->driver, &self.letter) == AHTTP_OK) {
    (void)ah_driver_wait(client->driver, &waiter, &link, 1, false);
  }
  *stats = self.stats;
}

void ahttp_client_get_stats(const ahttp_client *client, ahttp_client_stats *out)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  int rv = ah_driver_lead(client->driver);
  if (rv == AH_BLOCKED) {
    client_look_by_letter(client, &stats);
  } else {
    client_fill_stats(client, &stats);
  }
  if (rv == AHTTP_OK) {
    ah_driver_resign(client->driver);
  }
  ah_sized_copy_out(out, &stats, sizeof(stats));
}
