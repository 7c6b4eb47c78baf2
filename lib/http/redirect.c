/* SPDX-License-Identifier: MIT */
/*
 * What follows a 3xx response: RFC 9110, section 15.4, with HTTPX's rules for
 * method and content, and those of the fetch standard ("HTTP-redirect fetch")
 * for the rest.
 *
 *   1. The target is Location resolved against the current URL; one without a
 *      fragment inherits the current one.  It must be http or https.  Of
 *      several Locations that differ none is followed: which of them is meant
 *      may be an attacker's choice.
 *   2. The method.  303 asks for a GET (or HEAD) of another resource, and 302
 *      is read the same way, as HTTPX does; 301 turns POST into GET.  All else,
 *      and 307 and 308, repeat the request as it was.
 *   3. The content goes with the method.  Repeated, it has to be read again
 *      from its beginning.  Left behind, it takes the fields that describe it
 *      along.
 *   4. Credentials belong to the origin (scheme, host, port) they were given
 *      for.  Any other one gets no Authorization, Cookie, Proxy-Authorization
 *      and no Host chosen for the old one.  A call goes on from what this
 *      returns, so what was left behind does not come back on the way back.
 *      One exception: http to https of the same host on the default ports,
 *      the upgrade that servers do by redirect, keeps Authorization.
 *
 * How many redirects are followed is the caller's business, and so are cookies
 * of a jar, which are added to each hop after this.
 */
#include "config.h"
#include "http/redirect.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/assert.h"
#include "base/str.h"

enum {
  /* HTTPX's limit of a URL; servers refuse a request line long before. */
  LOCATION_BYTES_MAX = 65536
};

/* Which fields of the old request stay behind. */
typedef struct field_filter {
  bool drops_content;       /* what describes the content */
  bool drops_credentials;   /* what is bound to the origin */
  bool keeps_authorization; /* even so */
} field_filter;

static bool url_has_scheme(const ahttp_url *url, const char *scheme)
{
  return ah_str_eq(url->scheme, ah_str_from_c(scheme));
}

static bool is_downgrade(const ahttp_url *from, const ahttp_url *to)
{
  return url_has_scheme(from, "https") && url_has_scheme(to, "http");
}

bool ah_redirect_is_upgrade(const ahttp_url *from, const ahttp_url *to)
{
  return url_has_scheme(from, "http") && url_has_scheme(to, "https") &&
         from->port == 80 && to->port == 443 && ah_str_eq(from->host, to->host);
}

/* |a|, |b| and |c| after each other. */
static int join(ah_arena *arena, ahttp_str a, ahttp_str b, ahttp_str c,
                ahttp_str *out)
{
  const ahttp_str parts[] = {a, b, c};
  char *text = ah_arena_bytes(arena, a.len + b.len + c.len);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t len = 0;
  for (size_t i = 0; i < 3; i++) {
    if (parts[i].len > 0) {
      memcpy(text + len, parts[i].ptr, parts[i].len);
    }
    len += parts[i].len;
  }
  *out = ah_str(text, len);
  return AHTTP_OK;
}

/*
 * Some servers that do not know their own name send "https://:443/"; they mean
 * the host they were asked as.  Returns the length of what comes before the
 * missing host, or 0 if |location| is not like that.
 */
static size_t hostless_prefix_len(ahttp_str location)
{
  static const ahttp_str prefixes[] = {{"http://:", 8}, {"https://:", 9}};
  for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
    size_t len = prefixes[i].len;
    if (location.len >= len &&
        ah_str_ieq(ah_str(location.ptr, len), prefixes[i])) {
      return len - 1;
    }
  }
  return 0;
}

/* RFC 9110, section 10.2.2: a Location without a fragment inherits the one of
 * the URL it was got from. */
static int inherit_fragment(ahttp_url *url, ah_arena *arena,
                            const ahttp_url *from)
{
  if (url->has_fragment || !from->has_fragment) {
    return AHTTP_OK;
  }
  ahttp_str text;
  int rv = join(arena, url->href, AH_STR("#"), from->fragment, &text);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return ah_url_parse(url, arena, text, NULL, NULL);
}

static int target_parse(ahttp_url *url, ah_arena *arena, const ahttp_url *from,
                        ahttp_str location)
{
  size_t prefix_len = hostless_prefix_len(location);
  if (prefix_len > 0) {
    ahttp_str before = ah_str(location.ptr, prefix_len);
    ahttp_str after =
        ah_str(location.ptr + prefix_len, location.len - prefix_len);
    int rv = join(arena, before, from->host, after, &location);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  int rv = ah_url_parse(url, arena, location, from, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return inherit_fragment(url, arena, from);
}

/* Why the Location is not even read, or NULL. */
static const char *location_refusal(const ah_redirect_answer *answer)
{
  if (answer->is_ambiguous) {
    return "it has several Locations, which differ";
  }
  if (answer->location.len > LOCATION_BYTES_MAX) {
    return "its Location is longer than 65536 bytes";
  }
  return NULL;
}

/* Why |to| must not be followed, or NULL. */
static const char *target_refusal(const ahttp_url *from, const ahttp_url *to,
                                  bool refuses_downgrade)
{
  if (!url_has_scheme(to, "http") && !url_has_scheme(to, "https")) {
    return "it leads to a URL that is neither http nor https";
  }
  if (refuses_downgrade && is_downgrade(from, to)) {
    return "it leads from https to http";
  }
  return NULL;
}

/* Whether |status| turns |method| into GET: httpx/_client.py,
 * _redirect_method(). */
static bool is_rewritten(int status, const ah_request_head *request)
{
  if (ah_str_eq(request->method, AH_STR("GET"))) {
    return false;
  }
  switch (status) {
  case 301: /* RFC 9110, section 15.4.2, the note */
    return ah_str_eq(request->method, AH_STR("POST"));
  case 302: /* section 15.4.3, the note; HTTPX goes beyond POST */
  case 303: /* section 15.4.4 */
    return !ah_str_eq(request->method, AH_STR("HEAD"));
  default:
    return false;
  }
}

static bool is_content_field(const ah_field *field)
{
  const ahttp_str prefix = AH_STR("content-");
  if (field->id == AH_FIELD_TRANSFER_ENCODING ||
      field->id == AH_FIELD_TRAILER || field->id == AH_FIELD_EXPECT) {
    return true;
  }
  return field->name.len > prefix.len &&
         ah_str_ieq(ah_str(field->name.ptr, prefix.len), prefix);
}

static bool is_dropped(const field_filter *filter, const ah_field *field)
{
  if (filter->drops_content && is_content_field(field)) {
    return true;
  }
  if (!filter->drops_credentials) {
    return false;
  }
  if (field->id == AH_FIELD_AUTHORIZATION) {
    return !filter->keeps_authorization;
  }
  return field->id == AH_FIELD_COOKIE || field->id == AH_FIELD_HOST ||
         field->id == AH_FIELD_PROXY_AUTHORIZATION;
}

static int copy_fields(ahttp_fields *to, const ahttp_fields *from,
                       const field_filter *filter)
{
  for (uint32_t i = 0; i < from->count; i++) {
    const ah_field *field = &from->items[i];
    if (is_dropped(filter, field)) {
      continue;
    }
    int rv = ah_fields_add_view(to, field->name, field->value, field->id);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* Fills |*out|; on failure it may be half filled. */
static int redirect_compute(ah_redirect *out, ah_arena *arena,
                            const ah_request_head *request,
                            const ah_redirect_answer *answer, const char **why)
{
  const ahttp_url *from = request->url;
  *why = location_refusal(answer);
  if (*why != NULL) {
    return AHTTP_EREDIRECT;
  }
  int rv = target_parse(&out->url, arena, from, answer->location);
  if (rv != AHTTP_OK) {
    *why = "its Location is not a URL";
    return rv == AHTTP_EURL ? AHTTP_EREDIRECT : rv;
  }
  *why = target_refusal(from, &out->url, answer->refuses_downgrade);
  if (*why != NULL) {
    return AHTTP_EREDIRECT;
  }
  bool is_get = is_rewritten(answer->status, request);
  bool drops_body = is_get || answer->status == 303;
  out->method = is_get ? AH_STR("GET") : request->method;
  out->keeps_body = request->body != NULL && !drops_body;
  if (out->keeps_body && !request->body->can_rewind) {
    *why = "the request content cannot be sent a second time";
    return AHTTP_EREDIRECT;
  }
  out->changes_origin = !ah_url_same_origin(from, &out->url);
  const field_filter filter = {
      .drops_content = drops_body,
      .drops_credentials = out->changes_origin,
      .keeps_authorization = ah_redirect_is_upgrade(from, &out->url),
  };
  ah_fields_init(&out->fields, arena);
  return copy_fields(&out->fields, request->fields, &filter);
}

bool ah_redirect_is_status(int status)
{
  switch (status) {
  case 301:
  case 302:
  case 303:
  case 307:
  case 308:
    return true;
  default:
    return false;
  }
}

bool ah_redirect_find(ah_redirect_answer *out, const ah_response_head *response)
{
  const ahttp_fields *fields = &response->fields;
  const ah_field *location = ah_fields_find(fields, AH_FIELD_LOCATION);
  if (!ah_redirect_is_status(response->status) || location == NULL) {
    return false;
  }
  *out = (ah_redirect_answer){.status = response->status,
                              .location = location->value};
  const ah_field *other = location;
  while ((other = ah_fields_find_next(fields, other)) != NULL) {
    out->is_ambiguous |= !ah_str_eq(other->value, location->value);
  }
  return true;
}

int ah_redirect_next(ah_redirect *out, ah_arena *arena,
                     const ah_request_head *request,
                     const ah_redirect_answer *answer, const char **why)
{
  const char *ignored = NULL;
  ah_assert(ah_redirect_is_status(answer->status));
  *out = (ah_redirect){.keeps_body = false};
  int rv = redirect_compute(out, arena, request, answer,
                            why == NULL ? &ignored : why);
  if (rv != AHTTP_OK) {
    *out = (ah_redirect){.keeps_body = false};
  }
  return rv;
}
