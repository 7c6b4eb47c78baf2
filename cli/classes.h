/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLASSES_H
#define CLI_CLASSES_H

#include <stdbool.h>

#include <ahttp/ahttp.h>

/*
 * How an input ended: its outcome, and for an error its class.  Records, the
 * summary and the exit code use these words; the list is closed, so scripts may
 * switch on it.
 */

/* name, text */
#define CLI_OUTCOME_MAP(X)        \
  X(OK, "ok")                     \
  X(NOT_MODIFIED, "not_modified") \
  X(HTTP_ERROR, "http_error")     \
  X(ERROR, "error")               \
  X(ABORTED, "aborted")

typedef enum cli_outcome {
#define CLI_OUTCOME_ENUM(name, text) CLI_OUTCOME_##name,
  CLI_OUTCOME_MAP(CLI_OUTCOME_ENUM)
#undef CLI_OUTCOME_ENUM
  CLI_OUTCOME_COUNT
} cli_outcome;

/* name, text, exit code of a single URL, worth another try */
#define CLI_CLASS_MAP(X)                                 \
  X(NONE, "none", 0, false)                              \
  X(BAD_INPUT, "bad_input", 64, false)                   \
  X(BAD_URL, "bad_url", 64, false)                       \
  X(DNS_NOTFOUND, "dns.notfound", 9, false)              \
  X(DNS_TEMP, "dns.temp", 9, true)                       \
  X(CONNECT_REFUSED, "connect.refused", 7, true)         \
  X(CONNECT_UNREACHABLE, "connect.unreachable", 7, true) \
  X(CONNECT_TIMEOUT, "connect.timeout", 2, true)         \
  X(PROXY, "proxy", 7, false)                            \
  X(TLS_CERT, "tls.cert", 8, false)                      \
  X(TLS_HANDSHAKE, "tls.handshake", 8, false)            \
  X(TIMEOUT_TTFB, "timeout.ttfb", 2, true)               \
  X(TIMEOUT_IDLE, "timeout.idle", 2, true)               \
  X(TIMEOUT_TOTAL, "timeout.total", 2, true)             \
  X(RESET, "reset", 10, true)                            \
  X(TRUNCATED, "truncated", 10, true)                    \
  X(PROTOCOL_H1, "protocol.h1", 10, false)               \
  X(PROTOCOL_H2, "protocol.h2", 10, false)               \
  X(REDIRECT_LIMIT, "redirect.limit", 6, false)          \
  X(TOO_LARGE, "too_large", 10, false)                   \
  X(IO_WRITE, "io.write", 11, false)                     \
  X(POLICY_DENIED, "policy.denied", 13, false)           \
  X(SIGNAL, "signal", 130, true)                         \
  X(INTERNAL, "internal", 1, false)

typedef enum cli_class {
#define CLI_CLASS_ENUM(name, text, code, retryable) CLI_CLASS_##name,
  CLI_CLASS_MAP(CLI_CLASS_ENUM)
#undef CLI_CLASS_ENUM
  CLI_CLASS_COUNT
} cli_class;

const char *cli_outcome_name(cli_outcome outcome);
const char *cli_class_name(cli_class class);
int cli_class_exit_code(cli_class class);
bool cli_class_is_retryable(cli_class class);

/* The class of a library error; |is_h2| tells which protocol was spoken. */
cli_class cli_class_of_error(const ahttp_error *err, bool is_h2);

#endif
