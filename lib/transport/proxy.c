/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/proxy.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/str.h"
#include "http/url.h"
#include "http/url_percent.h"
#include "net/socks5.h"

enum {
  SOCKS_PORT = 1080 /* as everybody has it; curl and HTTPX, too */
};

static int proxy_refuse(ahttp_error *err, const char *why)
{
  ah_error_say(err, AHTTP_EINVAL, AHTTP_PHASE_NONE, "%s", why);
  return AHTTP_EINVAL;
}

static int proxy_out_of_memory(ahttp_error *err)
{
  ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
  return AHTTP_ENOMEM;
}

/* --- The URL. --------------------------------------------------------------
 */

static bool kind_of_scheme(ahttp_str scheme, ah_proxy_kind *out)
{
  static const struct {
    ahttp_str scheme;
    ah_proxy_kind kind;
  } rows[] = {{{"http", 4}, AH_PROXY_HTTP},
              {{"https", 5}, AH_PROXY_HTTPS},
              {{"socks5", 6}, AH_PROXY_SOCKS5},
              {{"socks5h", 7}, AH_PROXY_SOCKS5H}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    if (ah_str_ieq(scheme, rows[i].scheme)) {
      *out = rows[i].kind;
      return true;
    }
  }
  return false;
}

/* Whether the authority of |text|, a URL without its scheme, ends in a port. */
static bool text_has_port(ahttp_str text)
{
  bool has_port = false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '/' || c == '?' || c == '#') {
      break;
    }
    if (c == ':') {
      has_port = i + 1 < text.len &&
                 ah_char_is((uint8_t)text.ptr[i + 1], AH_CHAR_DIGIT);
    } else if (c == '@' || c == ']') {
      has_port = false;
    }
  }
  return has_port;
}

/*
 * Parses |text| as a URL whose host is a domain or an address, whatever its
 * scheme: in the URL standard those of socks5 would be opaque.  A missing
 * scheme means http, as for curl and HTTPX.  Sets the port if the URL standard
 * would not know its default.
 */
static int proxy_parse_url(ah_proxy *proxy, ahttp_str text, ahttp_url *url,
                           ahttp_error *err)
{
  const ahttp_str mark = AH_STR("://");
  ahttp_str scheme = AH_STR("http");
  const char *at = text.len == 0 ? NULL : strstr(text.ptr, mark.ptr);
  if (at != NULL) {
    scheme = ah_str(text.ptr, (size_t)(at - text.ptr));
    text = ah_str(at + mark.len, text.len - scheme.len - mark.len);
  }
  if (!kind_of_scheme(scheme, &proxy->kind)) {
    return proxy_refuse(err, "the scheme of a proxy's URL is none of http, "
                             "https, socks5, socks5h");
  }
  if (ah_proxy_is_socks(proxy) && !text_has_port(text)) {
    proxy->port = SOCKS_PORT;
  }
  const ahttp_str prefix =
      proxy->kind == AH_PROXY_HTTPS ? AH_STR("https://") : AH_STR("http://");
  char *bytes = ah_arena_bytes(&proxy->arena, prefix.len + text.len);
  if (bytes == NULL) {
    return proxy_out_of_memory(err);
  }
  memcpy(bytes, prefix.ptr, prefix.len);
  memcpy(bytes + prefix.len, text.ptr, text.len);
  const char *why = "it is empty";
  int rv = ah_url_parse(url, &proxy->arena,
                        ah_str(bytes, prefix.len + text.len), NULL, &why);
  if (rv == AHTTP_ENOMEM) {
    return proxy_out_of_memory(err);
  }
  if (rv != AHTTP_OK || url->host.len == 0) {
    ah_error_say(err, AHTTP_EINVAL, AHTTP_PHASE_NONE,
                 "the URL of a proxy cannot be read: %s", why);
    return AHTTP_EINVAL;
  }
  return AHTTP_OK;
}

static int proxy_set_place(ah_proxy *proxy, const ahttp_url *url,
                           ahttp_error *err)
{
  int rv = ah_arena_copy(&proxy->arena, ah_url_hostname(url), &proxy->host);
  if (rv != AHTTP_OK) {
    return proxy_out_of_memory(err);
  }
  proxy->host_is_ip = url->is_ip;
  proxy->port = proxy->port == 0 ? url->port : proxy->port;
  return AHTTP_OK;
}

/* --- Credentials. ----------------------------------------------------------
 */

static int text_decode(ahttp_str *out, ah_arena *arena, ahttp_str text)
{
  char *bytes = ah_arena_bytes(arena, text.len + 1);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  *out = ah_str(bytes, ah_url_percent_decode(bytes, text));
  return AHTTP_OK;
}

/* Those of |opts|, else those of |url|. */
static int proxy_set_credentials(ah_proxy *proxy, const ahttp_proxy *opts,
                                 const ahttp_url *url)
{
  ah_arena *arena = &proxy->arena;
  if (opts->username != NULL) {
    proxy->has_credentials = true;
    int rv =
        ah_arena_copy(arena, ah_str_from_c(opts->username), &proxy->username);
    return rv == AHTTP_OK ? ah_arena_copy(arena, ah_str_from_c(opts->password),
                                          &proxy->password)
                          : rv;
  }
  proxy->has_credentials = url->username.len > 0 || url->password.len > 0;
  int rv = text_decode(&proxy->username, arena, url->username);
  return rv == AHTTP_OK ? text_decode(&proxy->password, arena, url->password)
                        : rv;
}

/* RFC 7617, section 2: neither may have control characters. */
static bool has_control(ahttp_str text)
{
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if (c < ' ' || c == 0x7f) {
      return true;
    }
  }
  return false;
}

static int proxy_set_basic(ah_proxy *proxy)
{
  const ahttp_str scheme = AH_STR("Basic ");
  size_t pair_len = proxy->username.len + 1 + proxy->password.len;
  size_t len = scheme.len + AH_BASE64_LEN(pair_len);
  char *pair = ah_arena_bytes(&proxy->arena, pair_len);
  char *value = pair == NULL ? NULL : ah_arena_bytes(&proxy->arena, len);
  if (value == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(pair, proxy->username.ptr, proxy->username.len);
  pair[proxy->username.len] = ':';
  memcpy(pair + proxy->username.len + 1, proxy->password.ptr,
         proxy->password.len);
  memcpy(value, scheme.ptr, scheme.len);
  ah_base64_encode(value + scheme.len, ah_str(pair, pair_len));
  OPENSSL_cleanse(pair, pair_len);
  proxy->basic = ah_str(value, len);
  return AHTTP_OK;
}

static int proxy_check_credentials(ah_proxy *proxy, ahttp_error *err)
{
  if (!proxy->has_credentials) {
    return AHTTP_OK;
  }
  if (ah_proxy_is_socks(proxy)) {
    bool fits = proxy->username.len <= AH_SOCKS5_TEXT_BYTES_MAX &&
                proxy->password.len <= AH_SOCKS5_TEXT_BYTES_MAX;
    /* RFC 1929, section 2 */
    return fits && proxy->username.len > 0
               ? AHTTP_OK
               : proxy_refuse(err, "a SOCKS5 username has 1 to 255 bytes, a "
                                   "password at most 255");
  }
  if (has_control(proxy->username) || has_control(proxy->password)) {
    return proxy_refuse(err, "a proxy's username or password has control "
                             "characters");
  }
  bool has_colon =
      memchr(proxy->username.ptr, ':', proxy->username.len) != NULL;
  if (proxy->auth == AHTTP_PROXY_AUTH_DIGEST) {
    return AHTTP_OK;
  }
  if (has_colon) {
    return proxy_refuse(err, "a proxy's username has a colon");
  }
  return proxy_set_basic(proxy) == AHTTP_OK ? AHTTP_OK
                                            : proxy_out_of_memory(err);
}

/* --- Fields and TLS. -------------------------------------------------------
 */

#define BIT(id) (UINT64_C(1) << AH_FIELD_##id)

static int proxy_add_fields(ah_proxy *proxy, const ahttp_proxy *opts,
                            ahttp_error *err)
{
  /* What frames a message or says whom it is for is the library's. */
  static const uint64_t own = BIT(CONNECTION) | BIT(CONTENT_LENGTH) |
                              BIT(HOST) | BIT(KEEP_ALIVE) |
                              BIT(PROXY_CONNECTION) | BIT(TE) | BIT(TRAILER) |
                              BIT(TRANSFER_ENCODING) | BIT(UPGRADE);
  for (size_t i = 0; i < opts->field_count; i++) {
    const ahttp_proxy_field *field = &opts->fields[i];
    int rv = ah_fields_add(&proxy->fields, ah_str_from_c(field->name),
                           ah_str_from_c(field->value));
    if (rv == AHTTP_ENOMEM) {
      return proxy_out_of_memory(err);
    }
    if (rv != AHTTP_OK || (proxy->fields.known & own) != 0) {
      return proxy_refuse(err, "a field for the proxy is none, or belongs to "
                               "the library");
    }
  }
  return AHTTP_OK;
}

static int proxy_set_tls(ah_proxy *proxy, const ahttp_proxy *opts,
                         ahttp_error *err)
{
  if (proxy->kind != AH_PROXY_HTTPS) {
    return AHTTP_OK;
  }
  int rv = ah_tls_profile_new(&proxy->tls, opts->tls);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
    return rv;
  }
  return ah_tls_profile_check(proxy->tls, err);
}

static int proxy_fill(ah_proxy *proxy, const ahttp_proxy *opts,
                      ahttp_error *err)
{
  ahttp_url url;
  if (opts->auth != AHTTP_PROXY_AUTH_ANY &&
      opts->auth != AHTTP_PROXY_AUTH_BASIC &&
      opts->auth != AHTTP_PROXY_AUTH_DIGEST) {
    return proxy_refuse(err, "a proxy's kind of authentication is unknown");
  }
  if (opts->url == NULL || (opts->field_count > 0 && opts->fields == NULL)) {
    return proxy_refuse(err, "a proxy has no URL, or a count of fields and no "
                             "fields");
  }
  proxy->auth = opts->auth;
  int rv = proxy_parse_url(proxy, ah_str_from_c(opts->url), &url, err);
  if (rv == AHTTP_OK) {
    rv = proxy_set_place(proxy, &url, err);
  }
  if (rv == AHTTP_OK && proxy_set_credentials(proxy, opts, &url) != AHTTP_OK) {
    rv = proxy_out_of_memory(err);
  }
  if (rv == AHTTP_OK) {
    rv = proxy_check_credentials(proxy, err);
  }
  if (rv == AHTTP_OK) {
    rv = proxy_add_fields(proxy, opts, err);
  }
  return rv == AHTTP_OK ? proxy_set_tls(proxy, opts, err) : rv;
}

int ah_proxy_new(ah_proxy **out, const ahttp_proxy *opts, ahttp_error *err)
{
  *out = NULL;
  ah_proxy *proxy = ah_calloc(1, sizeof(*proxy));
  if (proxy == NULL) {
    return proxy_out_of_memory(err);
  }
  ah_arena_init(&proxy->arena, NULL, 0);
  ah_arena_init(&proxy->digest.arena, NULL, 0);
  ah_fields_init(&proxy->fields, &proxy->arena);
  int rv = proxy_fill(proxy, opts, err);
  if (rv != AHTTP_OK) {
    ah_proxy_free(proxy);
    return rv;
  }
  *out = proxy;
  return AHTTP_OK;
}

void ah_proxy_free(ah_proxy *proxy)
{
  if (proxy == NULL) {
    return;
  }
  ah_tls_profile_unref(proxy->tls);
  ah_arena_clear(&proxy->digest.arena);
  ah_arena_clear(&proxy->arena);
  ah_free(proxy);
}

static bool fields_equal(const ahttp_fields *a, const ahttp_fields *b)
{
  if (a->count != b->count) {
    return false;
  }
  for (uint32_t i = 0; i < a->count; i++) {
    if (!ah_str_eq(a->items[i].name, b->items[i].name) ||
        !ah_str_eq(a->items[i].value, b->items[i].value)) {
      return false;
    }
  }
  return true;
}

bool ah_proxy_equal(const ah_proxy *a, const ah_proxy *b)
{
  return a->kind == b->kind && a->port == b->port &&
         ah_str_eq(a->host, b->host) &&
         a->has_credentials == b->has_credentials && a->auth == b->auth &&
         ah_str_eq(a->username, b->username) &&
         ah_str_eq(a->password, b->password) &&
         fields_equal(&a->fields, &b->fields) &&
         (a->tls == NULL || ah_tls_profile_equal(a->tls, b->tls));
}
