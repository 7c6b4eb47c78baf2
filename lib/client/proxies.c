/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/proxies.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/str.h"
#include "client/options.h"
#include "client/proxy_environment.h"
#include "http/no_proxy.h"
#include "http/url_pattern.h"

/*
 * Asked in this order: the rules of |opts->proxies|, the most specific pattern
 * first; then |opts->proxy| or, without one, the environment.  Both of the
 * latter are for all hosts but those of the list of exceptions.
 */
typedef struct rule {
  ah_url_pattern pattern;
  ah_proxy *proxy; /* NULL: none */
  size_t index;    /* in the order given, which decides ties */
} rule;

struct ah_proxies {
  ah_proxy **items; /* owned; |count|, no two are equal */
  size_t count;
  rule *rules; /* |rule_count|, the most specific first */
  size_t rule_count;
  ah_proxy *http; /* for all other http:// URLs; NULL: none */
  ah_proxy *https;
  ahttp_str exceptions; /* from |http| and |https| */
};

enum {
  OTHERS_MAX = 3 /* proxies besides those of rules: http, https, all */
};

static int rule_compare(const void *a, const void *b)
{
  const rule *left = a;
  const rule *right = b;
  int order = ah_url_pattern_compare(&left->pattern, &right->pattern);
  return order != 0 ? order : left->index < right->index ? -1 : 1;
}

static int fail_plain(ahttp_error *err, int code)
{
  ah_error_plain(err, code, AHTTP_PHASE_NONE);
  return code;
}

/* Makes the proxy of |opts|, or finds an equal one. */
static int proxies_add(ah_proxies *self, const ahttp_proxy *opts,
                       ah_proxy **out, ahttp_error *err)
{
  ahttp_proxy copy;
  *out = NULL;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (rv != AHTTP_OK) {
    return fail_plain(err, rv);
  }
  ah_proxy *proxy;
  rv = ah_proxy_new(&proxy, &copy, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  for (size_t i = 0; i < self->count; i++) {
    if (ah_proxy_equal(self->items[i], proxy)) {
      ah_proxy_free(proxy);
      *out = self->items[i];
      return AHTTP_OK;
    }
  }
  self->items[self->count++] = proxy;
  proxy->id = (uint32_t)self->count;
  *out = proxy;
  return AHTTP_OK;
}

static int proxies_add_rules(ah_proxies *self, ah_arena *arena,
                             const ahttp_client_opts *opts, ahttp_error *err)
{
  for (size_t i = 0; i < opts->proxy_count; i++) {
    const ahttp_proxy_rule *given = &opts->proxies[i];
    rule *it = &self->rules[i];
    *it = (rule){.index = i};
    int rv = ah_url_pattern_parse(&it->pattern, arena,
                                  ah_str_from_c(given->pattern));
    if (rv == AHTTP_EINVAL) {
      ah_error_say(err, rv, AHTTP_PHASE_NONE,
                   "the pattern of a proxy is none: \"%.80s\"",
                   given->pattern == NULL ? "" : given->pattern);
      return rv;
    }
    if (rv != AHTTP_OK) {
      return fail_plain(err, rv);
    }
    if (given->proxy != NULL) {
      rv = proxies_add(self, given->proxy, &it->proxy, err);
      if (rv != AHTTP_OK) {
        return rv;
      }
    }
    self->rule_count++;
  }
  if (self->rule_count > 1) {
    qsort(self->rules, self->rule_count, sizeof(rule), rule_compare);
  }
  return AHTTP_OK;
}

/* A proxy of the variable |name|, whose value is not told: it may have a
 * password. */
static int proxies_add_variable(ah_proxies *self, const char *name,
                                const char *value, ah_proxy **out,
                                ahttp_error *err)
{
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  if (value == NULL) {
    return AHTTP_OK;
  }
  opts.url = value;
  int rv = proxies_add(self, &opts, out, err);
  if (rv == AHTTP_EINVAL) {
    ahttp_error why = *err;
    ah_error_say(err, rv, AHTTP_PHASE_NONE,
                 "the environment's %s cannot be used: %s", name, why.text);
  }
  return rv;
}

static int proxies_add_environment(ah_proxies *self,
                                   const ah_proxy_environment *env,
                                   ahttp_error *err)
{
  ah_proxy *all = NULL;
  int rv = proxies_add_variable(self, "all_proxy", env->all, &all, err);
  self->http = all;
  self->https = all;
  if (rv == AHTTP_OK) {
    rv = proxies_add_variable(self, "http_proxy", env->http, &self->http, err);
  }
  if (rv == AHTTP_OK) {
    rv = proxies_add_variable(self, "https_proxy", env->https, &self->https,
                              err);
  }
  return rv;
}

/* Fills |self|, which is empty and has room for everything. */
static int proxies_fill(ah_proxies *self, ah_arena *arena,
                        const ahttp_client_opts *opts,
                        const ah_proxy_environment *env, ahttp_error *err)
{
  int rv = proxies_add_rules(self, arena, opts, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (opts->proxy != NULL) {
    rv = proxies_add(self, opts->proxy, &self->http, err);
    self->https = self->http;
  } else {
    rv = proxies_add_environment(self, env, err);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  const char *exceptions = opts->no_proxy;
  if (exceptions == NULL && opts->proxy == NULL) {
    exceptions = env->no_proxy;
  }
  rv = ah_arena_copy(arena, ah_str_from_c(exceptions), &self->exceptions);
  return rv == AHTTP_OK ? rv : fail_plain(err, rv);
}

/* What the environment has to say: nothing where everything has been said. */
static void environment_read(ah_proxy_environment *env,
                             const ahttp_client_opts *opts)
{
  *env = (ah_proxy_environment){.http = NULL};
  /* HTTPX: a transport of the program's own knows its way, as does a socket. */
  if (!opts->env_off && opts->proxy == NULL && opts->transport == NULL &&
      opts->unix_socket == NULL) {
    ah_proxy_environment_read(env);
  }
}

int ah_proxies_new(ah_proxies **out, ah_arena *arena,
                   const ahttp_client_opts *opts, ahttp_error *err)
{
  ah_proxy_environment env;
  *out = NULL;
  environment_read(&env, opts);
  if (opts->proxy == NULL && opts->proxy_count == 0 && env.http == NULL &&
      env.https == NULL && env.all == NULL) {
    return AHTTP_OK;
  }
  if (opts->proxy_count > 0 && opts->proxies == NULL) {
    return fail_plain(err, AHTTP_EINVAL);
  }
  if (opts->unix_socket != NULL) {
    ah_error_say(err, AHTTP_EINVAL, AHTTP_PHASE_NONE,
                 "a unix socket and a proxy exclude each other");
    return AHTTP_EINVAL;
  }
  ah_proxies *self = ah_arena_alloc(arena, sizeof(*self));
  if (self == NULL) {
    return fail_plain(err, AHTTP_ENOMEM);
  }
  *self = (ah_proxies){.count = 0};
  self->items = ah_arena_alloc(arena, (opts->proxy_count + OTHERS_MAX) *
                                          sizeof(*self->items));
  self->rules =
      ah_arena_alloc(arena, (opts->proxy_count + 1) * sizeof(*self->rules));
  int rv = self->items == NULL || self->rules == NULL
               ? fail_plain(err, AHTTP_ENOMEM)
               : proxies_fill(self, arena, opts, &env, err);
  if (rv != AHTTP_OK) {
    ah_proxies_free(self);
    return rv;
  }
  *out = self;
  return AHTTP_OK;
}

void ah_proxies_free(ah_proxies *proxies)
{
  if (proxies == NULL) {
    return;
  }
  for (size_t i = 0; i < proxies->count; i++) {
    ah_proxy_free(proxies->items[i]);
  }
}

ah_proxy *ah_proxies_find(const ah_proxies *proxies, const ahttp_url *url)
{
  for (size_t i = 0; i < proxies->rule_count; i++) {
    if (ah_url_pattern_matches(&proxies->rules[i].pattern, url)) {
      return proxies->rules[i].proxy;
    }
  }
  ah_proxy *proxy =
      ah_str_eq(url->scheme, AH_STR("https")) ? proxies->https : proxies->http;
  if (proxy == NULL || ah_no_proxy_matches(proxies->exceptions, url)) {
    return NULL;
  }
  return proxy;
}

bool ah_proxies_may_ask(const ah_proxies *proxies)
{
  for (size_t i = 0; i < proxies->count; i++) {
    const ah_proxy *proxy = proxies->items[i];
    if (proxy->has_credentials && !ah_proxy_is_socks(proxy) &&
        proxy->auth != AHTTP_PROXY_AUTH_BASIC) {
      return true;
    }
  }
  return false;
}
