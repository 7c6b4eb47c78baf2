/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h1_writer.h"

#include <ahttp/error.h>

#include "base/assert.h"
#include "base/str.h"
#include "http/h1_text.h"
#include "http/method.h"

#define LINE_VERSION " HTTP/1.1\r\n"
#define HOST_NAME "Host: "
#define SCHEME_MARK "://"

enum {
  DECIMAL_DIGITS_MAX = 20, /* of an uint64_t */
  FIELD_FRAME_BYTES = 4    /* ": " and CRLF */
};

#define BIT(id) (UINT64_C(1) << AH_FIELD_##id)

/* What frames the message or manages the connection is the writer's.  A field
 * of a caller's could only contradict it (RFC 9112, sections 6 and 9). */
static const uint64_t own_fields = BIT(CONNECTION) | BIT(CONTENT_LENGTH) |
                                   BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                                   BIT(TRANSFER_ENCODING);

static uint8_t *put(uint8_t *dst, const char *text, size_t len)
{
  memcpy(dst, text, len);
  return dst + len;
}

static uint8_t *put_str(uint8_t *dst, ahttp_str text)
{
  return text.len == 0 ? dst : put(dst, text.ptr, text.len);
}

/* Appends |value| in decimal. */
static uint8_t *put_decimal(uint8_t *dst, uint64_t value)
{
  char digits[DECIMAL_DIGITS_MAX];
  size_t at = sizeof(digits);
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return put(dst, digits + at, sizeof(digits) - at);
}

#define PUT(dst, literal) put(dst, literal, sizeof(literal) - 1)

/* RFC 9112, section 6.3; RFC 9110, section 8.6: a method whose content has a
 * meaning says that there is none. */
static uint8_t *put_content_framing(uint8_t *dst,
                                    const ah_request_head *request)
{
  switch (ah_h1_upload_of(request)) {
  case AH_H1_UPLOAD_CHUNKED:
    return PUT(dst, "Transfer-Encoding: chunked\r\n");
  case AH_H1_UPLOAD_LENGTH:
    dst = PUT(dst, "Content-Length: ");
    dst = put_decimal(dst, (uint64_t)request->body->length);
    return PUT(dst, "\r\n");
  case AH_H1_UPLOAD_NONE:
    break;
  }
  return (request->traits & AH_METHOD_HAS_CONTENT) == 0
             ? dst
             : PUT(dst, "Content-Length: 0\r\n");
}

/* RFC 9110, sections 7.8 and 10.1.4: fields for the next hop alone are named
 * in Connection. */
static uint8_t *put_connection(uint8_t *dst, const ahttp_fields *fields)
{
  bool upgrade = (fields->known & BIT(UPGRADE)) != 0;
  bool te = (fields->known & BIT(TE)) != 0;
  if (upgrade && te) {
    return PUT(dst, "Connection: Upgrade, TE\r\n");
  }
  if (upgrade) {
    return PUT(dst, "Connection: Upgrade\r\n");
  }
  return te ? PUT(dst, "Connection: TE\r\n") : dst;
}

static void head_set_framing(ah_h1_head *head)
{
  uint8_t *begin = (uint8_t *)head->framing;
  uint8_t *end = put_content_framing(begin, head->request);
  end = put_connection(end, head->request->fields);
  head->framing_len = (size_t)(end - begin);
  ah_assert(head->framing_len <= sizeof(head->framing));
}

/* RFC 9112, section 3.2: origin-form, to a proxy absolute-form without
 * credentials, or for CONNECT authority-form, which has the port even if it is
 * the scheme's. */
static void head_set_target(ah_h1_head *head)
{
  const ah_request_head *request = head->request;
  const ahttp_url *url = request->url;
  head->target_port_len = 0;
  head->scheme = AH_STR("");
  head->authority = AH_STR("");
  if (request->connect_to.len > 0) {
    head->target = request->connect_to;
    return;
  }
  if (request->is_absolute) {
    head->scheme = url->scheme;
    head->authority = ah_url_authority(url);
  }
  if ((request->traits & AH_METHOD_CONNECT) != 0) {
    uint8_t *port = (uint8_t *)head->port;
    uint8_t *end = put_decimal(PUT(port, ":"), url->port);
    head->target_port_len = (size_t)(end - port);
    head->target = url->host;
    return;
  }
  head->target = ah_url_target(url);
  if (head->target.len == 0) {
    head->target = AH_STR("/"); /* section 3.2.1 */
  }
}

/* RFC 9110, section 7.2: the authority of the target, unless Host is given. */
static void head_set_host(ah_h1_head *head)
{
  const ah_request_head *request = head->request;
  const ah_field *field = ah_fields_find(request->fields, AH_FIELD_HOST);
  head->host_port_len = 0;
  if (field != NULL) {
    head->host = field->value;
  } else if (request->connect_to.len > 0) {
    head->host = request->connect_to; /* section 7.2: the target's authority */
  } else if (head->target_port_len > 0) {
    head->host = head->target;
    head->host_port_len = head->target_port_len;
  } else {
    head->host = ah_url_authority(request->url);
  }
}

/* What is wrong with |field|, or NULL. */
static const char *field_check(const ah_field *field)
{
  /* Most names are known ones, and those are tokens. */
  if (field->id == AH_FIELD_OTHER && !ah_str_all(field->name, AH_CHAR_TOKEN)) {
    return "a field name is not a token";
  }
  return ah_h1_text_is_clean(field->value)
             ? NULL
             : "a field value has control characters";
}

static size_t field_line_len(const ah_field *field)
{
  return field->name.len + field->value.len + FIELD_FRAME_BYTES;
}

static uint8_t *put_field(uint8_t *dst, const ah_field *field)
{
  dst = put_str(dst, field->name);
  dst = PUT(dst, ": ");
  dst = put_str(dst, field->value);
  return PUT(dst, "\r\n");
}

/* Checks the fields and adds up their lengths. */
static int head_add_fields(ah_h1_head *head, const char **why)
{
  const ahttp_fields *fields = head->request->fields;
  unsigned hosts = 0;
  if ((fields->known & own_fields) != 0) {
    *why = "a field that frames the message belongs to the library";
    return AHTTP_EFIELD;
  }
  head->len += fields->lines.len;
  for (uint32_t i = fields->lines_count; i < fields->count; i++) {
    const ah_field *field = &fields->items[i];
    *why = field_check(field);
    if (*why != NULL) {
      return AHTTP_EFIELD;
    }
    if (field->id == AH_FIELD_HOST) {
      hosts++;
      continue;
    }
    head->len += field_line_len(field);
  }
  if (hosts > 1) {
    *why = "more than one Host field";
    return AHTTP_EFIELD;
  }
  return AHTTP_OK;
}

int ah_h1_lines_make(ahttp_fields *fields)
{
  size_t len = 0;
  if ((fields->known & (own_fields | BIT(HOST))) != 0) {
    return AHTTP_OK;
  }
  for (uint32_t i = 0; i < fields->count; i++) {
    if (field_check(&fields->items[i]) != NULL) {
      return AHTTP_OK;
    }
    len += field_line_len(&fields->items[i]);
  }
  char *lines = ah_arena_bytes(fields->arena, len);
  if (lines == NULL) {
    return AHTTP_ENOMEM;
  }
  uint8_t *end = (uint8_t *)lines;
  for (uint32_t i = 0; i < fields->count; i++) {
    end = put_field(end, &fields->items[i]);
  }
  fields->lines = ah_str(lines, len);
  fields->lines_count = fields->count;
  return AHTTP_OK;
}

ah_h1_upload ah_h1_upload_of(const ah_request_head *request)
{
  if (request->body == NULL) {
    return AH_H1_UPLOAD_NONE;
  }
  if (request->trailers != NULL) {
    return AH_H1_UPLOAD_CHUNKED; /* RFC 9112, section 7.1.2 */
  }
  if (request->body->length == 0) {
    return AH_H1_UPLOAD_NONE;
  }
  return request->body->length < 0 ? AH_H1_UPLOAD_CHUNKED : AH_H1_UPLOAD_LENGTH;
}

int ah_h1_head_init(ah_h1_head *head, const ah_request_head *request,
                    const char **why)
{
  head->request = request;
  if (request->method.len == 0 ||
      ah_h1_token_len(request->method) != request->method.len) {
    *why = "the method is not a token";
    return AHTTP_EINVAL;
  }
  head_set_target(head);
  head_set_host(head);
  if (!ah_h1_text_is_target(head->target) ||
      (request->is_absolute && !ah_h1_text_is_target(head->authority))) {
    *why = "the request target has invalid characters";
    return AHTTP_EINVAL;
  }
  if (!ah_h1_text_is_clean(head->host)) {
    *why = "the host has control characters";
    return AHTTP_EINVAL;
  }
  head_set_framing(head);
  head->len = request->method.len + 1 + head->target.len +
              (request->is_absolute ? head->scheme.len + sizeof(SCHEME_MARK) -
                                          1 + head->authority.len
                                    : 0) +
              head->target_port_len + sizeof(LINE_VERSION HOST_NAME) - 1 +
              head->host.len + head->host_port_len + 2 + head->framing_len + 2;
  return head_add_fields(head, why);
}

void ah_h1_head_write(const ah_h1_head *head, uint8_t *dst)
{
  const ah_request_head *request = head->request;
  const uint8_t *begin = dst;
  dst = put_str(dst, request->method);
  dst = PUT(dst, " ");
  if (request->is_absolute) {
    dst = put_str(dst, head->scheme);
    dst = PUT(dst, SCHEME_MARK);
    dst = put_str(dst, head->authority);
  }
  dst = put_str(dst, head->target);
  dst = put(dst, head->port, head->target_port_len);
  dst = PUT(dst, LINE_VERSION HOST_NAME);
  dst = put_str(dst, head->host);
  dst = put(dst, head->port, head->host_port_len);
  dst = PUT(dst, "\r\n");
  const ahttp_fields *fields = request->fields;
  dst = put_str(dst, fields->lines);
  for (uint32_t i = fields->lines_count; i < fields->count; i++) {
    if (fields->items[i].id != AH_FIELD_HOST) {
      dst = put_field(dst, &fields->items[i]);
    }
  }
  dst = put(dst, head->framing, head->framing_len);
  dst = PUT(dst, "\r\n");
  ah_assert((size_t)(dst - begin) == head->len);
}

size_t ah_h1_chunk_head_len(size_t len)
{
  ah_assert(len > 0 && len <= UINT32_MAX);
  size_t digits = 0;
  for (size_t rest = len; rest > 0; rest >>= 4) {
    digits++;
  }
  return digits + 2;
}

size_t ah_h1_chunk_frame(uint8_t *room, size_t head_len, size_t len)
{
  static const char hex[] = "0123456789abcdef";
  size_t own_len = ah_h1_chunk_head_len(len);
  ah_assert(own_len <= head_len);
  /* No leading zeros: they are legal, but some take them for an attack. */
  if (own_len < head_len) {
    memmove(room + own_len, room + head_len, len);
  }
  size_t at = own_len;
  room[--at] = '\n';
  room[--at] = '\r';
  for (size_t rest = len; at > 0; rest >>= 4) {
    room[--at] = (uint8_t)hex[rest & 15];
  }
  const uint8_t *end = PUT(room + own_len + len, "\r\n");
  return (size_t)(end - room);
}
