/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/httpbin.h"

#include <stdio.h>

void httpbin_open(httpbin *server)
{
  char address[32];
  server->port = server_free_port();
  (void)snprintf(address, sizeof(address), "127.0.0.1:%u",
                 (unsigned)server->port);
  /* -s: from the system's packages, whatever else is installed. */
  const char *const argv[] = {
      "/usr/bin/python3", "-s",        "/usr/bin/gunicorn",
      "--bind",           address,     "--worker-class",
      "gthread",          "--threads", "8",
      "httpbin:app",      NULL};
  server->process = server_start(argv, server->port);
}

void httpbin_close(httpbin *server)
{
  server_stop(server->process);
}
