/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/status.h>

#include "base/error.h"
#include "client/response.h"
#include "http/fields.h"
#include "http/url.h"

enum {
  /* Room in a sentence for what a server may have made as long as it liked. */
  REASON_BYTES_MAX = 80,
  URL_BYTES_MAX = 200,
  LOCATION_BYTES_MAX = 100
};

static int status_class(const ahttp_response *response)
{
  return response->head->status / 100;
}

bool ahttp_response_is_informational(const ahttp_response *response)
{
  return status_class(response) == 1;
}

bool ahttp_response_is_success(const ahttp_response *response)
{
  return status_class(response) == 2;
}

bool ahttp_response_is_redirect(const ahttp_response *response)
{
  return status_class(response) == 3;
}

bool ahttp_response_is_client_error(const ahttp_response *response)
{
  return status_class(response) == 4;
}

bool ahttp_response_is_server_error(const ahttp_response *response)
{
  return status_class(response) == 5;
}

bool ahttp_response_is_error(const ahttp_response *response)
{
  return ahttp_response_is_client_error(response) ||
         ahttp_response_is_server_error(response);
}

/* What HTTPX calls the classes, in its own sentence. */
static const char *class_name(int class)
{
  switch (class) {
  case 1:
    return "informational response";
  case 3:
    return "redirect response";
  case 4:
    return "client error";
  case 5:
    return "server error";
  default:
    return "invalid status code";
  }
}

/* The first bytes of |text| as a C string; what terminals might obey is '?'. */
static const char *text_print(ahttp_str text, char *dst, size_t cap)
{
  size_t len = text.len < cap ? text.len : cap - 1;
  for (size_t i = 0; i < len; i++) {
    bool is_plain = text.ptr[i] >= 0x20 && text.ptr[i] <= 0x7e;
    dst[i] = is_plain ? text.ptr[i] : '?';
  }
  dst[len] = '\0';
  return dst;
}

/* As the server says it, or, since HTTP/2 has none, as the registry does. */
static const char *reason_print(const ah_response_head *head, char *dst,
                                size_t cap)
{
  return head->reason.len > 0 ? text_print(head->reason, dst, cap)
                              : ahttp_status_phrase(head->status);
}

static const char *location_print(const ahttp_response *response, char *dst,
                                  size_t cap)
{
  const ah_field *location =
      ah_fields_find(&response->head->fields, AH_FIELD_LOCATION);
  bool leads = ahttp_response_is_redirect(response) && location != NULL;
  return leads ? text_print(location->value, dst, cap) : "";
}

static void error_fill(ahttp_error *err, const ahttp_response *response)
{
  char reason_text[REASON_BYTES_MAX];
  char url_text[URL_BYTES_MAX];
  char location_text[LOCATION_BYTES_MAX];
  const ah_response_head *head = response->head;
  const char *reason = reason_print(head, reason_text, sizeof(reason_text));
  const char *location =
      location_print(response, location_text, sizeof(location_text));
  ah_error_set(err, AHTTP_ESTATUS, AHTTP_PHASE_RECEIVE, AHTTP_DOMAIN_HTTP,
               head->status, "%s %d%s%s for URL %s%s%s",
               class_name(status_class(response)), head->status,
               reason[0] == '\0' ? "" : " ", reason,
               ah_url_display(response->url, url_text, sizeof(url_text)),
               location[0] == '\0' ? "" : ", which leads to ", location);
}

int ahttp_response_raise_for_status(const ahttp_response *response,
                                    ahttp_error *err)
{
  bool is_well = ahttp_response_is_success(response);
  if (err != NULL && is_well) {
    ah_error_clear(err);
  } else if (err != NULL) {
    error_fill(err, response);
  }
  return is_well ? AHTTP_OK : AHTTP_ESTATUS;
}
