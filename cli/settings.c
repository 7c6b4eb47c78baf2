/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/settings.h"

#include <unistd.h>

#include "cli/net_option.h"
#include "cli/proxy_option.h"

/* A host that speaks HTTP/1.1 gets six connections, as browsers have it; one
 * that speaks HTTP/2 thirty-two streams. */
#define H1_CONNS_DEFAULT 6
#define H2_STREAMS_DEFAULT 32

/* How long an unused connection may wait for the next URL of its host. */
#define IDLE_CONN_MS 15000

/* 0 is "no limit" here and "the default" in the library. */
static uint32_t limit_ms(uint32_t ms)
{
  return ms == 0 ? AHTTP_NO_LIMIT : ms;
}

/* A file gets what the server has stored, unless asked otherwise, as curl and
 * wget do it; somebody at a terminal wants to read it, as HTTPie has it. */
static bool decodes(const cli_options *options)
{
  bool is_for_reading = options->output == NULL &&
                        cli_options_is_piped(options) &&
                        isatty(STDOUT_FILENO) == 1;
  return options->compressed || is_for_reading;
}

/* The longest times the library allows a call; what is shorter, but needs more
 * than the library knows, is cli_shared_set_times(). */
static void opts_set_times(ahttp_client_opts *opts, const cli_options *options)
{
  uint32_t ttfb = limit_ms(options->ttfb_ms);
  uint32_t idle = limit_ms(options->idle_ms);
  uint32_t connect = limit_ms(options->connect_ms);
  uint32_t max = limit_ms(options->max_ms);

  opts->connect_ms = connect < max ? connect : max;
  opts->write_ms = idle;
  /* The library has one time for both; the shorter of two is ours. */
  opts->read_ms = ttfb > idle ? ttfb : idle;
  opts->pool_ms = AHTTP_NO_LIMIT; /* we start more than the limits let run */
  /* The library's total time begins in the queue, which one URL does not have
   * and many have for long. */
  if (cli_options_is_single(options)) {
    opts->total_ms = max;
  }
}

int cli_client_new(ahttp_client **out, uv_loop_t *loop,
                   const cli_options *options, const ahttp_trace *trace,
                   ahttp_cookie_jar *jar, cli_text *problem)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_error err;
  ahttp_net_opts net;
  cli_proxy proxy;
  uint32_t redirects = options->follow_off ? 0 : options->redirects_max;

  opts.loop = loop;
  opts.tls = &options->tls;
  opts_set_times(&opts, options);
  opts.conns_max = options->jobs;
  opts.conns_idle_max = options->jobs;
  opts.idle_ms = IDLE_CONN_MS;
  opts.conns_per_origin_max =
      options->per_host > 0 ? options->per_host : H1_CONNS_DEFAULT;
  opts.h2_streams_max =
      options->per_host > 0 ? options->per_host : H2_STREAMS_DEFAULT;
  opts.redirects_max = redirects;
  opts.decode = decodes(options) ? AHTTP_DECODE_ON : AHTTP_DECODE_OFF;
  opts.http = options->http;
  opts.user_agent = options->user_agent != NULL ? options->user_agent
                                                : "ahttp/" AHTTP_VERSION_STRING;
  opts.unix_socket = options->unix_socket;
  opts.dns_servers = options->dns_servers;
  opts.resolve = options->resolve;
  opts.resolve_count = options->resolve_count;
  opts.trace = trace;
  opts.connect_retries = options->connect_retries;
  cli_net_opts_fill(&net, options);
  opts.net = &net;
  opts.cookies = jar;
  if (cli_proxy_fill(&proxy, &opts, options, problem) != 0) {
    return -1;
  }
  int rv = ahttp_client_new_err(out, &opts, &err);
  cli_proxy_clear(&proxy);
  if (rv != AHTTP_OK) {
    cli_text_printf(problem, "cannot start: %s", err.text);
    return -1;
  }
  return 0;
}

void cli_shared_set_times(cli_shared *shared)
{
  const cli_options *options = shared->options;
  uint32_t ttfb = limit_ms(options->ttfb_ms);
  uint32_t idle = limit_ms(options->idle_ms);

  shared->ttfb_ms = ttfb < idle ? ttfb : 0;
  shared->idle_ms = idle < ttfb ? idle : 0;
  shared->max_ms = cli_options_is_single(options) ? 0 : options->max_ms;
}
