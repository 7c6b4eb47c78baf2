/* SPDX-License-Identifier: MIT */
/* Fetches one URL and writes its content to standard output. */
#include <stdio.h>

#include <ahttp/ahttp.h>

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: get URL\n");
    return 2;
  }

  ahttp_client *client;
  if (ahttp_client_new(&client, NULL) != AHTTP_OK) {
    return 1;
  }

  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_get(client, argv[1], &response, &err);
  if (rv == AHTTP_OK) {
    ahttp_str content = ahttp_response_content(response);
    fprintf(stderr, "status %d\n", ahttp_response_status(response));
    fwrite(content.ptr, 1, content.len, stdout);
    ahttp_response_free(response);
  } else {
    fprintf(stderr, "%s: %s\n", ahttp_error_name(rv), err.text);
  }

  ahttp_client_free(client);
  return rv == AHTTP_OK ? 0 : 1;
}
