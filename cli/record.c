/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/record.h"

#include <string.h>

#include "cli/json.h"
#include "cli/redact.h"

#define RECORD_VERSION 1

/* A record has thirty keys: each is put together in one piece. */
static void write_key(cli_text *out, const char *key)
{
  size_t len = strlen(key);

  cli_text_reserve(out, len + 4); /* and a comma, two quotes and a colon */
  char *at = out->ptr + out->len;
  if (at[-1] != '{') {
    *at++ = ',';
  }
  *at++ = '"';
  memcpy(at, key, len);
  at += len;
  *at++ = '"';
  *at++ = ':';
  *at = '\0';
  out->len = (size_t)(at - out->ptr);
}

static void write_string(cli_text *out, const char *key, ahttp_str value)
{
  write_key(out, key);
  cli_json_string(out, value);
}

static void write_chars(cli_text *out, const char *key, const char *value)
{
  write_string(out, key, (ahttp_str){value, strlen(value)});
}

static void write_raw(cli_text *out, const char *key, const char *value)
{
  write_key(out, key);
  cli_text_add(out, value);
}

static void write_u64(cli_text *out, const char *key, uint64_t value)
{
  write_key(out, key);
  cli_text_append_u64(out, value);
}

/* A phase of dialing that took no time did not happen: the connection was
 * there, or another call's dialing was awaited. */
static void write_dial(cli_text *out, const char *key, uint64_t ns)
{
  write_key(out, key);
  if (ns == 0) {
    cli_text_add(out, "null");
  } else {
    cli_json_seconds(out, ns);
  }
}

/* A text with URLs in it, their secrets hidden. */
static void write_url(cli_text *out, const cli_record *record, const char *key,
                      ahttp_str value)
{
  cli_text hidden = {0};

  if (!record->show_secrets) {
    cli_redact_urls(&hidden, value);
    value = cli_text_str(&hidden);
  }
  write_string(out, key, value);
  cli_text_clear(&hidden);
}

static const char *proto_name(ahttp_version version)
{
  switch (version) {
  case AHTTP_VERSION_1_0:
    return "\"http/1.0\"";
  case AHTTP_VERSION_1_1:
    return "\"http/1.1\"";
  case AHTTP_VERSION_2:
    return "\"h2\"";
  case AHTTP_VERSION_UNKNOWN:
    break;
  }
  return "null";
}

static void write_error(cli_text *out, const cli_record *record)
{
  if (record->class == CLI_CLASS_NONE) {
    write_raw(out, "error", "null");
    return;
  }
  write_key(out, "error");
  cli_text_append_byte(out, '{');
  write_chars(out, "class", cli_class_name(record->class));
  write_url(out, record, "msg", record->message);
  write_raw(out, "retryable",
            cli_class_is_retryable(record->class) ? "true" : "false");
  cli_text_append_byte(out, '}');
}

/* RFC 3339 in UTC; the second's text is kept, for thousands share it. */
static void write_start(cli_text *out, const struct timespec *start)
{
  static time_t second;
  static char text[32];
  struct tm parts;

  if (text[0] == '\0' || second != start->tv_sec) {
    second = start->tv_sec;
    if (gmtime_r(&second, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
      text[0] = '\0';
      return;
    }
  }
  write_key(out, "start");
  cli_text_append_byte(out, '"');
  cli_text_add(out, text);
  cli_text_append_byte(out, '.');
  cli_text_append_padded(out, (uint64_t)(start->tv_nsec / 1000), 6);
  cli_text_append(out, "Z\"", 2);
}

static void write_connection(cli_text *out, const ahttp_call_info *info)
{
  if (info->conn_id == 0) {
    return;
  }
  if (info->remote_port > 0) {
    write_chars(out, "ip", info->remote_address);
    write_u64(out, "port", info->remote_port);
  } else {
    write_raw(out, "ip", "null");
    write_raw(out, "port", "null");
  }
  write_u64(out, "conn", info->conn_id);
  if (info->stream_id >= 0) {
    write_u64(out, "stream", (uint64_t)info->stream_id);
  } else {
    write_raw(out, "stream", "null");
  }
  write_raw(out, "reused", info->reused ? "true" : "false");
  if (info->tls_version[0] == '\0') {
    write_raw(out, "tls", "null");
    return;
  }
  bool prefixed = strncmp(info->tls_version, "TLSv", 4) == 0;
  write_key(out, "tls");
  cli_text_append_byte(out, '{');
  write_chars(out, "version", info->tls_version + (prefixed ? 4 : 0));
  write_chars(out, "cipher", info->tls_cipher);
  write_raw(out, "resumed", info->tls_resumed ? "true" : "false");
  cli_text_append_byte(out, '}');
}

static void write_reached(cli_text *out, const ahttp_call_info *info,
                          const char *key, ahttp_phase phase, uint64_t ns)
{
  if (info->phase < phase) {
    write_raw(out, key, "null");
  } else {
    write_key(out, key);
    cli_json_seconds(out, ns);
  }
}

static void write_times(cli_text *out, const ahttp_call_info *info)
{
  write_key(out, "time");
  cli_text_append_byte(out, '{');
  write_key(out, "queue");
  cli_json_seconds(out, info->queue_ns);
  write_dial(out, "dns", info->dns_ns);
  write_dial(out, "connect", info->connect_ns);
  write_dial(out, "tls", info->tls_ns);
  write_reached(out, info, "send", AHTTP_PHASE_SEND, info->send_ns);
  write_reached(out, info, "wait", AHTTP_PHASE_WAIT, info->wait_ns);
  write_reached(out, info, "recv", AHTTP_PHASE_RECEIVE, info->receive_ns);
  if (info->earlier_ns > 0) {
    write_dial(out, "earlier", info->earlier_ns);
  }
  write_key(out, "total");
  cli_json_seconds(out, info->total_ns);
  cli_text_append_byte(out, '}');
}

static void write_call(cli_text *out, const cli_record *record)
{
  const ahttp_call_info *info = record->info;

  if (info == NULL) {
    return;
  }
  write_connection(out, info);
  write_start(out, &record->start);
  write_times(out, info);
  write_key(out, "bytes");
  cli_text_append_byte(out, '{');
  write_u64(out, "out", info->bytes_out);
  write_u64(out, "head", info->bytes_head);
  write_u64(out, "body", info->bytes_body);
  cli_text_append_byte(out, '}');
  write_u64(out, "attempts", info->attempts);
}

static void write_redirect(cli_text *out, const cli_record *record,
                           const ahttp_response *from, const ahttp_response *to)
{
  if (out->ptr[out->len - 1] != '[') {
    cli_text_append_byte(out, ',');
  }
  cli_text_append_byte(out, '{');
  write_u64(out, "status", (uint64_t)ahttp_response_status(from));
  write_url(out, record, "url", ahttp_url_href(ahttp_response_url(from)));
  write_url(out, record, "to", ahttp_url_href(ahttp_response_url(to)));
  cli_text_append_byte(out, '}');
}

/* Of the earlier responses those that were redirects, not challenges. */
static void write_redirects(cli_text *out, const cli_record *record)
{
  const ahttp_response *last = record->response;
  size_t count = ahttp_response_history_count(last);

  write_key(out, "redirects");
  cli_text_append_byte(out, '[');
  for (size_t i = 0; i < count; i++) {
    const ahttp_response *from = ahttp_response_history(last, i);
    const ahttp_response *to =
        i + 1 < count ? ahttp_response_history(last, i + 1) : last;
    if (ahttp_response_redirects(to) > ahttp_response_redirects(from)) {
      write_redirect(out, record, from, to);
    }
  }
  cli_text_append_byte(out, ']');
}

static void write_fields(cli_text *out, const ahttp_response *response)
{
  static const struct {
    const char *key;
    const char *field;
  } shown[] = {
      {"content_type", "content-type"},
      {"content_encoding", "content-encoding"},
      {"etag", "etag"},
      {"last_modified", "last-modified"},
  };
  const ahttp_fields *fields = ahttp_response_fields(response);

  for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
    ahttp_str value;
    if (ahttp_fields_get(fields, shown[i].field, &value)) {
      write_string(out, shown[i].key, value);
    } else {
      write_raw(out, shown[i].key, "null");
    }
  }
}

void cli_record_write(cli_text *out, const cli_record *record)
{
  const ahttp_response *response = record->response;

  cli_text_append_byte(out, '{');
  write_u64(out, "v", RECORD_VERSION);
  write_u64(out, "n", record->n);
  write_url(out, record, "url", record->url);
  if (response != NULL) {
    write_url(out, record, "final_url",
              ahttp_url_href(ahttp_response_url(response)));
  }
  write_chars(out, "method", record->method);
  write_chars(out, "outcome", cli_outcome_name(record->outcome));
  if (response != NULL) {
    write_u64(out, "status", (uint64_t)ahttp_response_status(response));
  } else {
    write_raw(out, "status", "null");
  }
  write_error(out, record);
  if (response != NULL) {
    write_raw(out, "proto", proto_name(ahttp_response_version(response)));
  }
  write_call(out, record);
  if (response != NULL) {
    write_redirects(out, record);
    write_fields(out, response);
  }
  if (record->file != NULL) {
    write_chars(out, "file", record->file);
  } else {
    write_raw(out, "file", "null");
  }
  cli_text_append(out, "}\n", 2);
}
