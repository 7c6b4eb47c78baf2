/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/transcript.h"

#include "cli/redact.h"

static void say(const cli_transcript *transcript, cli_text *line)
{
  cli_terminal_say(transcript->terminal, CLI_STYLE_FAINT, line->len,
                   cli_text_str(line));
  cli_text_clear(line);
}

static void append_url(const cli_transcript *transcript, cli_text *line,
                       const ahttp_url *url)
{
  if (transcript->show_secrets) {
    cli_text_append_str(line, ahttp_url_href(url));
  } else {
    cli_redact_urls(line, ahttp_url_href(url));
  }
}

static void say_fields(const cli_transcript *transcript, uint64_t n, char mark,
                       const ahttp_fields *fields)
{
  for (size_t i = 0; i < ahttp_fields_count(fields); i++) {
    ahttp_field field = ahttp_fields_at(fields, i);
    cli_text line = {0};
    bool hide = !transcript->show_secrets && cli_field_is_secret(field.name);

    cli_text_printf(&line, "[%llu] %c ", (unsigned long long)n, mark);
    cli_text_append_str(&line, field.name);
    cli_text_add(&line, ": ");
    if (hide) {
      cli_text_add(&line, "***");
    } else {
      cli_text_append_str(&line, field.value);
    }
    say(transcript, &line);
  }
}

void cli_transcript_request(const cli_transcript *transcript, uint64_t n,
                            const ahttp_request *request)
{
  cli_text line = {0};

  cli_text_printf(&line, "[%llu] > ", (unsigned long long)n);
  cli_text_append_str(&line, ahttp_request_method(request));
  cli_text_append_byte(&line, ' ');
  append_url(transcript, &line, ahttp_request_url(request));
  say(transcript, &line);
  say_fields(transcript, n, '>', ahttp_request_fields(request));
}

void cli_transcript_response(const cli_transcript *transcript, uint64_t n,
                             const ahttp_response *response)
{
  cli_text line = {0};
  const char *version = "HTTP/1.1";

  if (ahttp_response_version(response) == AHTTP_VERSION_2) {
    version = "HTTP/2";
  } else if (ahttp_response_version(response) == AHTTP_VERSION_1_0) {
    version = "HTTP/1.0";
  }
  cli_text_printf(&line, "[%llu] < %s %d ", (unsigned long long)n, version,
                  ahttp_response_status(response));
  cli_text_append_str(&line, ahttp_response_reason(response));
  say(transcript, &line);
  if (ahttp_response_redirects(response) > 0) {
    cli_text_printf(&line, "[%llu] * redirected to ", (unsigned long long)n);
    append_url(transcript, &line, ahttp_response_url(response));
    say(transcript, &line);
  }
  say_fields(transcript, n, '<', ahttp_response_fields(response));
}

void cli_transcript_end(const cli_transcript *transcript, uint64_t n,
                        const ahttp_call_info *info)
{
  cli_text line = {0};

  if (info->conn_id > 0) {
    cli_text_printf(&line, "[%llu] * connection %llu (%s)",
                    (unsigned long long)n, (unsigned long long)info->conn_id,
                    info->reused ? "reused" : "new");
    if (info->remote_port > 0) {
      cli_text_printf(&line, " to %s port %u", info->remote_address,
                      (unsigned)info->remote_port);
    }
    if (info->stream_id >= 0) {
      cli_text_printf(&line, " stream %lld", (long long)info->stream_id);
    }
    if (info->tls_version[0] != '\0') {
      cli_text_printf(&line, " %s %s", info->tls_version, info->tls_cipher);
    }
    say(transcript, &line);
  }
  cli_text_printf(&line,
                  "[%llu] * ms: queue %.1f dns %.1f connect %.1f tls %.1f send "
                  "%.1f wait %.1f receive %.1f total %.1f",
                  (unsigned long long)n, (double)info->queue_ns / 1e6,
                  (double)info->dns_ns / 1e6, (double)info->connect_ns / 1e6,
                  (double)info->tls_ns / 1e6, (double)info->send_ns / 1e6,
                  (double)info->wait_ns / 1e6, (double)info->receive_ns / 1e6,
                  (double)info->total_ns / 1e6);
  say(transcript, &line);
}
