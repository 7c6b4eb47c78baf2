/* SPDX-License-Identifier: MIT */
/*
 * A load on the blocking API for the peer benchmark: N GETs one after another.
 *
 *   blocking -u URL -n N [-C CAFILE] [-p auto|h1]
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ahttp/ahttp.h>

int main(int argc, char **argv)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_tls_opts tls = {.size = sizeof(tls)};
  const char *url = NULL;
  long wanted = 0;
  int c;
  while ((c = getopt(argc, argv, "u:n:C:p:")) != -1) {
    switch (c) {
    case 'u':
      url = optarg;
      break;
    case 'n':
      wanted = strtol(optarg, NULL, 10);
      break;
    case 'C':
      tls.ca_file = optarg;
      break;
    case 'p':
      opts.http = strcmp(optarg, "h1") == 0 ? AHTTP_HTTP_1_1 : AHTTP_HTTP_AUTO;
      break;
    default:
      return 64;
    }
  }
  ahttp_client *client;
  opts.tls = &tls;
  if (url == NULL || ahttp_client_new(&client, &opts) != AHTTP_OK) {
    return 64;
  }
  long done = 0;
  for (long i = 0; i < wanted; i++) {
    ahttp_response *response;
    ahttp_error err;
    if (ahttp_get(client, url, &response, &err) != AHTTP_OK) {
      (void)fprintf(stderr, "%s\n", err.text);
      break;
    }
    done += ahttp_response_status(response) == 200;
    ahttp_response_free(response);
  }
  ahttp_client_free(client);
  (void)printf("done=%ld\n", done);
  return done == wanted ? 0 : 1;
}
