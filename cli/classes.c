/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/classes.h"

#include <stddef.h>

/* ahttp_error codes to classes.  Where the phase or protocol decides, the
 * exceptions are in cli_class_of_error(). */
static const struct {
  int code;
  cli_class class;
} class_table[] = {
    {AHTTP_EINVAL, CLI_CLASS_BAD_INPUT},
    {AHTTP_ENOMEM, CLI_CLASS_INTERNAL},
    {AHTTP_ESTATE, CLI_CLASS_INTERNAL},
    {AHTTP_EURL, CLI_CLASS_BAD_URL},
    {AHTTP_EFIELD, CLI_CLASS_BAD_INPUT},
    {AHTTP_ESCHEME, CLI_CLASS_BAD_URL},
    {AHTTP_ECALLBACK, CLI_CLASS_IO_WRITE},
    {AHTTP_ECANCELED, CLI_CLASS_SIGNAL},
    {AHTTP_EBODY, CLI_CLASS_BAD_INPUT},
    {AHTTP_ECLOSED, CLI_CLASS_SIGNAL},
    {AHTTP_EFILE, CLI_CLASS_IO_WRITE},
    {AHTTP_ERESOLVE, CLI_CLASS_DNS_TEMP},
    {AHTTP_ENOTFOUND, CLI_CLASS_DNS_NOTFOUND},
    {AHTTP_ECONNECT, CLI_CLASS_CONNECT_UNREACHABLE},
    {AHTTP_EREFUSED, CLI_CLASS_CONNECT_REFUSED},
    {AHTTP_EUNREACHABLE, CLI_CLASS_CONNECT_UNREACHABLE},
    {AHTTP_EREAD, CLI_CLASS_RESET},
    {AHTTP_EWRITE, CLI_CLASS_RESET},
    {AHTTP_ETLS, CLI_CLASS_TLS_HANDSHAKE},
    {AHTTP_ECERT, CLI_CLASS_TLS_CERT},
    {AHTTP_EPIN, CLI_CLASS_TLS_CERT},
    {AHTTP_EPROTO, CLI_CLASS_PROTOCOL_H1},
    {AHTTP_ELIMIT, CLI_CLASS_TOO_LARGE},
    {AHTTP_ETRUNCATED, CLI_CLASS_TRUNCATED},
    {AHTTP_EDISCONNECTED, CLI_CLASS_RESET},
    {AHTTP_ESTREAM, CLI_CLASS_RESET},
    {AHTTP_EGOAWAY, CLI_CLASS_RESET},
    {AHTTP_EDECODE, CLI_CLASS_PROTOCOL_H1},
    {AHTTP_ETIMEOUT_CONNECT, CLI_CLASS_CONNECT_TIMEOUT},
    {AHTTP_ETIMEOUT_READ, CLI_CLASS_TIMEOUT_IDLE},
    {AHTTP_ETIMEOUT_WRITE, CLI_CLASS_TIMEOUT_IDLE},
    {AHTTP_ETIMEOUT_POOL, CLI_CLASS_CONNECT_TIMEOUT},
    {AHTTP_ETIMEOUT_TOTAL, CLI_CLASS_TIMEOUT_TOTAL},
    {AHTTP_ETIMEOUT_WAIT, CLI_CLASS_TIMEOUT_TOTAL},
    {AHTTP_EREDIRECTS, CLI_CLASS_REDIRECT_LIMIT},
    {AHTTP_EREDIRECT, CLI_CLASS_POLICY_DENIED},
    {AHTTP_EPROXY, CLI_CLASS_PROXY},
    {AHTTP_ESTATUS, CLI_CLASS_INTERNAL},
};

static const struct {
  const char *name;
  int exit_code;
  bool is_retryable;
} class_facts[] = {
#define CLI_CLASS_FACTS(name, text, code, retryable) {text, code, retryable},
    CLI_CLASS_MAP(CLI_CLASS_FACTS)
#undef CLI_CLASS_FACTS
};

const char *cli_outcome_name(cli_outcome outcome)
{
  static const char *const names[] = {
#define CLI_OUTCOME_NAME(name, text) text,
      CLI_OUTCOME_MAP(CLI_OUTCOME_NAME)
#undef CLI_OUTCOME_NAME
  };

  return names[outcome];
}

const char *cli_class_name(cli_class class)
{
  return class_facts[class].name;
}

int cli_class_exit_code(cli_class class)
{
  return class_facts[class].exit_code;
}

bool cli_class_is_retryable(cli_class class)
{
  return class_facts[class].is_retryable;
}

cli_class cli_class_of_error(const ahttp_error *err, bool is_h2)
{
  cli_class class = CLI_CLASS_INTERNAL;

  for (size_t i = 0; i < sizeof(class_table) / sizeof(*class_table); i++) {
    if (class_table[i].code == err->code) {
      class = class_table[i].class;
    }
  }
  if (class == CLI_CLASS_TIMEOUT_IDLE && err->phase != AHTTP_PHASE_RECEIVE &&
      err->code == AHTTP_ETIMEOUT_READ) {
    return CLI_CLASS_TIMEOUT_TTFB;
  }
  if (class == CLI_CLASS_PROTOCOL_H1 &&
      (is_h2 || err->domain == AHTTP_DOMAIN_H2)) {
    return CLI_CLASS_PROTOCOL_H2;
  }
  return class;
}
