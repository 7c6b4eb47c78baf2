/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/options.h"

#include <string.h>

#include "base/str.h"
#include "client/auth.h"

/* HTTPX's defaults (httpx/_config.py): five seconds each, 100 connections of
 * which 20 are kept for five seconds. */
enum {
  DEFAULT_TIMEOUT_MS = 5000,
  DEFAULT_CONNS_MAX = 100,
  DEFAULT_CONNS_IDLE_MAX = 20,
  DEFAULT_IDLE_MS = 5000,
  DEFAULT_H2_CONNS_PER_ORIGIN_MAX = 1, /* one multiplexes; RFC 9113, 9.1 */
  DEFAULT_H2_STREAMS_MAX = 100,        /* RFC 9113, 6.5.2: not below 100 */
  /* Apache httpd's DeflateInflateRatioLimit.  Text is packed ten times, logs
   * fifty; zeros 229 times by gzip at its fastest and 1029 at its best, and a
   * million times by brotli. */
  DEFAULT_DECODE_RATIO_MAX = 200
};

/* Enough for a document, not for a bomb. */
#define DEFAULT_CONTENT_MAX ((size_t)100 * 1024 * 1024)

int ah_opts_copy(void *out, size_t out_size, const void *in)
{
  memset(out, 0, out_size);
  if (in != NULL) {
    size_t in_size;
    memcpy(&in_size, in, sizeof(in_size));
    if (in_size < sizeof(in_size) || in_size > out_size) {
      return AHTTP_EINVAL;
    }
    memcpy(out, in, in_size);
  }
  memcpy(out, &out_size, sizeof(out_size));
  return AHTTP_OK;
}

static void set_default(uint32_t *member, uint32_t value)
{
  if (*member == 0) {
    *member = value;
  } else if (*member == AHTTP_NONE) {
    *member = 0;
  }
}

void ah_client_opts_default(ahttp_client_opts *opts)
{
  set_default(&opts->connect_ms, DEFAULT_TIMEOUT_MS);
  set_default(&opts->read_ms, DEFAULT_TIMEOUT_MS);
  set_default(&opts->write_ms, DEFAULT_TIMEOUT_MS);
  set_default(&opts->pool_ms, DEFAULT_TIMEOUT_MS);
  set_default(&opts->total_ms, AHTTP_NO_LIMIT);
  set_default(&opts->conns_max, DEFAULT_CONNS_MAX);
  set_default(&opts->conns_per_origin_max, AHTTP_NO_LIMIT);
  set_default(&opts->conns_idle_max, DEFAULT_CONNS_IDLE_MAX);
  set_default(&opts->idle_ms, DEFAULT_IDLE_MS);
  set_default(&opts->h2_conns_per_origin_max, DEFAULT_H2_CONNS_PER_ORIGIN_MAX);
  set_default(&opts->h2_streams_max, DEFAULT_H2_STREAMS_MAX);
  set_default(&opts->redirects_max, 0);
  set_default(&opts->connect_retries, 0);
  set_default(&opts->decode_ratio_max, DEFAULT_DECODE_RATIO_MAX);
  if (opts->content_max == 0) {
    opts->content_max = DEFAULT_CONTENT_MAX;
  }
}

int ah_client_opts_check(const ahttp_client_opts *opts)
{
  if ((unsigned)opts->http > AHTTP_HTTP_2_PRIOR_KNOWLEDGE ||
      (unsigned)opts->decode > AHTTP_DECODE_OFF) {
    return AHTTP_EINVAL;
  }
  if ((opts->resolver != NULL && opts->dns_servers != NULL) ||
      (opts->cookies != NULL && opts->keep_cookies)) {
    return AHTTP_EINVAL;
  }
  if (opts->resolve_count > 0 && opts->resolve == NULL) {
    return AHTTP_EINVAL;
  }
  if (opts->field_count > 0 && opts->fields == NULL) {
    return AHTTP_EINVAL;
  }
  for (size_t i = 0; i < opts->resolve_count; i++) {
    if (opts->resolve[i].host == NULL || opts->resolve[i].addresses == NULL) {
      return AHTTP_EINVAL;
    }
  }
  return AHTTP_OK;
}

void ah_send_settings_init(ah_send_settings *settings,
                           const ahttp_client_opts *opts)
{
  settings->connect_ms = opts->connect_ms;
  settings->read_ms = opts->read_ms;
  settings->write_ms = opts->write_ms;
  settings->pool_ms = opts->pool_ms;
  settings->total_ms = opts->total_ms;
  settings->redirects_max = opts->redirects_max;
  settings->decode = opts->decode != AHTTP_DECODE_OFF;
  settings->interceptors = 0;
  settings->trace = NULL;
  settings->sni = ah_str_from_c(NULL);
  settings->keep_certificate = opts->keep_certificate;
  settings->refuse_downgrade = opts->refuse_downgrade;
  settings->retry = NULL; /* in the client's arena, if at all */
  settings->retry_opts = NULL;
  settings->connect_retries = opts->connect_retries;
  settings->local_address = NULL; /* the socket policy has it */
  settings->auth = ah_auth_or_null(opts->auth);
  settings->expect_bytes =
      opts->expect_bytes == 0 ? UINT64_MAX : opts->expect_bytes;
}

static void override(uint32_t *member, uint32_t value)
{
  if (value == AHTTP_NONE) {
    *member = 0;
  } else if (value != 0) {
    *member = value;
  }
}

int ah_send_settings_override(ah_send_settings *settings,
                              const ahttp_send_opts *opts)
{
  if (opts == NULL) {
    return AHTTP_OK;
  }
  ahttp_send_opts copy;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  override(&settings->connect_ms, copy.connect_ms);
  override(&settings->read_ms, copy.read_ms);
  override(&settings->write_ms, copy.write_ms);
  override(&settings->pool_ms, copy.pool_ms);
  override(&settings->total_ms, copy.total_ms);
  override(&settings->redirects_max, copy.redirects_max);
  settings->trace = copy.trace;
  settings->sni = ah_str_from_c(copy.sni);
  settings->keep_certificate |= copy.keep_certificate;
  settings->refuse_downgrade |= copy.refuse_downgrade;
  settings->retry_opts = copy.retry;
  override(&settings->connect_retries, copy.connect_retries);
  settings->local_address = copy.local_address;
  if (copy.auth != NULL) {
    settings->auth = ah_auth_or_null(copy.auth);
  }
  if ((unsigned)copy.decode > AHTTP_DECODE_OFF) {
    return AHTTP_EINVAL;
  }
  if (copy.decode != AHTTP_DECODE_DEFAULT) {
    settings->decode = copy.decode == AHTTP_DECODE_ON;
  }
  return AHTTP_OK;
}

void ah_sized_copy_out(void *out, const void *full, size_t full_size)
{
  size_t room;
  memcpy(&room, out, sizeof(room));
  size_t n = room < full_size ? room : full_size;
  if (n < sizeof(room)) {
    return; /* the caller forgot to set the size: nothing is safe to write */
  }
  memcpy(out, full, n);
  memcpy(out, &room, sizeof(room));
}
