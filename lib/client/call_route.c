/* SPDX-License-Identifier: MIT */
/* Where a hop of a call goes, and handing it over. */
#include "config.h"

#include "client/call.h"

#include "base/error.h"
#include "base/str.h"
#include "client/client.h"
#include "client/proxy_hop.h"
#include "http/method.h"

/* True if another protocol may take the connection over. */
static bool call_may_switch(const ahttp_call *call)
{
  const ah_request_head *head = &call->exchange.request;
  return (head->traits & AH_METHOD_CONNECT) != 0 ||
         ah_fields_find(head->fields, AH_FIELD_UPGRADE) != NULL;
}

/* Such a connection must speak HTTP/1.1: HTTP/2 has no upgrade (RFC 9113,
 * section 8.6), and its CONNECT is not supported. */
static int call_set_switchable(const ahttp_call *call, ah_route *route,
                               ahttp_error *err)
{
  bool is_tls = ah_str_eq(call->exchange.request.url->scheme, AH_STR("https"));
  if (route->http == AHTTP_HTTP_2_PRIOR_KNOWLEDGE ||
      (route->http == AHTTP_HTTP_2 && is_tls)) {
    ah_error_say(err, AHTTP_ESTATE, AHTTP_PHASE_NONE,
                 "Upgrade and CONNECT need HTTP/1.1, and the client allows "
                 "only HTTP/2");
    return AHTTP_ESTATE;
  }
  route->http = AHTTP_HTTP_1_1;
  return AHTTP_OK;
}

/* True if what the send has of its own for its host holds for this hop.  As
 * credentials do, its server name and its local address hold for the host they
 * were given for; so not after a redirect to another one. */
static bool call_is_at_home(const ahttp_call *call)
{
  return ah_str_eq(call->exchange.request.url->host, call->request->url.host);
}

/* Where the hop goes: the client's way, unless the send has one of its own.
 * AHTTP_OK, or fills |*err|. */
static int call_find_origin(ahttp_call *call, ahttp_error *err)
{
  const ah_route *route = &call->client->route;
  bool has_own = (call->settings->sni.len > 0 || call->local.len > 0) &&
                 call_is_at_home(call);
  bool may_switch = call_may_switch(call);
  const ah_proxies *proxies = call->client->proxies;
  ah_proxy *proxy = proxies == NULL
                        ? NULL
                        : ah_proxies_find(proxies, call->exchange.request.url);
  ah_route own;
  if (may_switch || has_own || proxy != NULL) {
    own = *route;
    own.proxy = proxy;
    if (has_own) {
      own.sni = call->settings->sni;
      own.local = call->local;
    }
    route = &own;
  }
  if (may_switch && call_set_switchable(call, &own, err) != AHTTP_OK) {
    return err->code;
  }
  int rv = ah_pool_origin(call->client->pool, call->exchange.request.url, route,
                          &call->exchange.origin);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  return rv;
}

/* The transport that the client has mounted for this hop, if any. */
static ah_transport *call_mounted(const ahttp_call *call)
{
  const ah_mounts *mounts = call->client->mounts;
  return mounts == NULL ? NULL
                        : ah_mounts_find(mounts, call->exchange.request.url);
}

/* Readies the request for the origin's proxy, if it has one. */
static int call_pass_proxy(ahttp_call *call)
{
  const ah_origin *origin = call->exchange.origin;
  call->answers_proxy = false;
  if (origin->proxy == NULL) {
    return AHTTP_OK;
  }
  return origin->is_forward ? ah_proxy_hop_forward(call, origin->proxy)
                            : ah_proxy_hop_tunnel(call);
}

/* The pool, which is told of the origin; NULL: the hop has ended. */
static ah_transport *call_pool(ahttp_call *call)
{
  ahttp_error err;
  int rv = call_find_origin(call, &err);
  if (rv == AHTTP_OK) {
    rv = call_pass_proxy(call);
    if (rv != AHTTP_OK) {
      ah_error_plain(&err, rv, AHTTP_PHASE_NONE);
    }
  }
  if (rv != AHTTP_OK) {
    ah_exchange_end(&call->exchange, &err);
    return NULL;
  }
  return ah_pool_transport(call->client->pool);
}

void ah_call_send_hop(ahttp_call *call)
{
  ah_exchange *exchange = &call->exchange;
  ah_transport *transport = call_mounted(call);
  if (transport == NULL) {
    transport = call_pool(call);
  }
  if (transport == NULL) {
    return;
  }
  ah_exchange_start(exchange, transport);
  if (call->is_paused) {
    ah_exchange_pause(exchange);
  }
}
