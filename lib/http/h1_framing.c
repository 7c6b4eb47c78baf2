/* SPDX-License-Identifier: MIT */
/*
 * The length of a response (RFC 9112, section 6.3).  Two parties who disagree
 * about it disagree about where the next response begins, and then one request
 * gets the answer to another.  So what is ambiguous is an error here, or at
 * least the last message of its connection, even where the RFC would let it
 * pass:
 *
 * - several Content-Length values must be the same digits, not just the same
 *   number;
 * - Transfer-Encoding in an HTTP/1.0 message is an error, not ignored;
 * - Transfer-Encoding beside Content-Length wins, and the connection ends;
 * - chunked twice, or a coding nobody has registered, is an error.
 *
 * Transfer codings other than chunked are never undone: we do not ask for any
 * (TE), so they do not occur.  Where one does, its content is given out as it
 * came, and ends with the connection unless chunked is the outermost.
 */
#include "config.h"
#include "http/h1_framing.h"

#include <ahttp/error.h>

#include "base/str.h"
#include "http/method.h"

enum {
  /* Any number of so many digits fits into an uint64_t. */
  LENGTH_DIGITS_MAX = 19
};

/* RFC 9112, section 7 and the IANA registry. */
static const ahttp_str other_codings[] = {
    {"gzip", 4},     {"x-gzip", 6},      {"deflate", 7},
    {"compress", 8}, {"x-compress", 10}, {"identity", 8},
};

static bool coding_is_known(ahttp_str coding)
{
  for (size_t i = 0; i < sizeof(other_codings) / sizeof(other_codings[0]);
       i++) {
    if (ah_str_ieq(coding, other_codings[i])) {
      return true;
    }
  }
  return false;
}

/* The transfer codings of a message so far, in the order they were applied. */
typedef struct coding_list {
  unsigned count;
  bool has_chunked;
  bool ends_chunked; /* the last one is chunked */
} coding_list;

/* Adds those of one Transfer-Encoding line.  NULL, or what is wrong. */
static const char *coding_list_add(coding_list *codings, ahttp_str list)
{
  ahttp_str coding;
  while (ah_str_next_element(&list, &coding)) {
    bool is_chunked = ah_str_ieq(coding, AH_STR("chunked"));
    if (!is_chunked && !coding_is_known(coding)) {
      return "unknown transfer coding";
    }
    if (is_chunked && codings->has_chunked) {
      return "chunked transfer coding applied twice";
    }
    codings->has_chunked = codings->has_chunked || is_chunked;
    codings->ends_chunked = is_chunked;
    codings->count++;
  }
  return NULL;
}

/* RFC 9112, section 6.3, rule 4, for a response. */
static int framing_read_codings(ah_h1_framing *out,
                                const ah_response_head *head, const char **why)
{
  coding_list codings = {.count = 0};
  if (head->version == AHTTP_VERSION_1_0) {
    *why = "Transfer-Encoding in an HTTP/1.0 response";
    return AHTTP_EPROTO;
  }
  const ah_field *field =
      ah_fields_find(&head->fields, AH_FIELD_TRANSFER_ENCODING);
  while (field != NULL) {
    *why = coding_list_add(&codings, field->value);
    if (*why != NULL) {
      return AHTTP_EPROTO;
    }
    field = ah_fields_find_next(&head->fields, field);
  }
  if (codings.count == 0) {
    *why = "empty Transfer-Encoding";
    return AHTTP_EPROTO;
  }
  out->content =
      codings.ends_chunked ? AH_H1_CONTENT_CHUNKED : AH_H1_CONTENT_UNTIL_CLOSE;
  if (ah_fields_find(&head->fields, AH_FIELD_CONTENT_LENGTH) != NULL) {
    out->keep_alive = false;
  }
  return AHTTP_OK;
}

/* One Content-Length line, which may be a list (section 6.3, rule 5).  Every
 * element must be the same digits as |*first|, the very first one. */
static bool lengths_read(ahttp_str list, ahttp_str *first)
{
  for (;;) {
    const char *comma = list.len == 0 ? NULL : memchr(list.ptr, ',', list.len);
    size_t len = comma == NULL ? list.len : (size_t)(comma - list.ptr);
    ahttp_str digits = ah_str_trim(ah_str(list.ptr, len));
    if (first->ptr == NULL) {
      *first = digits;
    }
    if (digits.len == 0 || !ah_str_eq(digits, *first)) {
      return false;
    }
    if (comma == NULL) {
      return true;
    }
    list = ah_str(comma + 1, list.len - len - 1);
  }
}

static int framing_read_length(ah_h1_framing *out, const ahttp_fields *fields,
                               const char **why)
{
  ahttp_str first = {NULL, 0};
  const ah_field *field = ah_fields_find(fields, AH_FIELD_CONTENT_LENGTH);
  while (field != NULL) {
    if (!lengths_read(field->value, &first)) {
      *why = "invalid or contradicting Content-Length";
      return AHTTP_EPROTO;
    }
    field = ah_fields_find_next(fields, field);
  }
  /* They are all the same: one look tells whether they are digits. */
  if (first.len > LENGTH_DIGITS_MAX || !ah_str_to_u64(first, &out->length)) {
    *why = "invalid or contradicting Content-Length";
    return AHTTP_EPROTO;
  }
  out->content = AH_H1_CONTENT_LENGTH;
  return AHTTP_OK;
}

/* RFC 9112, section 9.3. */
static bool head_allows_reuse(const ah_response_head *head)
{
  const ahttp_fields *fields = &head->fields;
  if (ah_fields_has_token(fields, AH_FIELD_CONNECTION, AH_STR("close"))) {
    return false;
  }
  return head->version == AHTTP_VERSION_1_1 ||
         ah_fields_has_token(fields, AH_FIELD_CONNECTION, AH_STR("keep-alive"));
}

/* "timeout=5" among the parameters of Keep-Alive (RFC 2068, section 19.7.1),
 * in milliseconds. */
static uint32_t head_keep_alive_ms(const ah_response_head *head)
{
  const ah_field *field = ah_fields_find(&head->fields, AH_FIELD_KEEP_ALIVE);
  if (field == NULL) {
    return UINT32_MAX;
  }
  ahttp_str list = field->value;
  ahttp_str param;
  while (ah_str_next_element(&list, &param)) {
    static const ahttp_str key = {"timeout=", 8};
    uint64_t seconds;
    if (param.len > key.len && ah_str_ieq(ah_str(param.ptr, key.len), key) &&
        ah_str_to_u64(ah_str(param.ptr + key.len, param.len - key.len),
                      &seconds)) {
      return seconds < UINT32_MAX / 1000 ? (uint32_t)seconds * 1000
                                         : UINT32_MAX - 1;
    }
  }
  return UINT32_MAX;
}

/* RFC 9112, section 6.3, rules 1 and 2: responses that have no content
 * whatever their fields say. */
static bool response_is_empty(int status, unsigned traits)
{
  return (traits & AH_METHOD_HEAD) != 0 || status < 200 || status == 204 ||
         status == 304;
}

int ah_h1_framing_of(ah_h1_framing *out, const ah_response_head *head,
                     unsigned traits, const char **why)
{
  *out = (ah_h1_framing){
      .content = AH_H1_CONTENT_NONE,
      .keep_alive = head_allows_reuse(head),
      .keep_alive_ms = head_keep_alive_ms(head),
  };
  /* 101, and 2xx to CONNECT (rule 2): what follows is another protocol. */
  if (head->status == 101 || ((traits & AH_METHOD_CONNECT) != 0 &&
                              head->status >= 200 && head->status < 300)) {
    out->keep_alive = false;
    out->switches = true;
    return AHTTP_OK;
  }
  if (response_is_empty(head->status, traits)) {
    return AHTTP_OK;
  }
  /* Rules 3 and 4. */
  int rv = AHTTP_OK;
  if (ah_fields_find(&head->fields, AH_FIELD_TRANSFER_ENCODING) != NULL) {
    rv = framing_read_codings(out, head, why);
  } else if (ah_fields_find(&head->fields, AH_FIELD_CONTENT_LENGTH) != NULL) {
    rv = framing_read_length(out, &head->fields, why); /* rules 5 and 6 */
  } else {
    out->content = AH_H1_CONTENT_UNTIL_CLOSE; /* rule 8 */
  }
  if (out->content == AH_H1_CONTENT_UNTIL_CLOSE) {
    out->keep_alive = false;
  }
  return rv;
}
