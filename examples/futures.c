/* SPDX-License-Identifier: MIT */
/* Sends 100 requests for a URL at once; collects them as they are completed. */
#include <stdio.h>

#include <ahttp/ahttp.h>

enum {
  COUNT = 100
};

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: futures URL\n");
    return 2;
  }

  ahttp_client *client;
  ahttp_request *request;
  if (ahttp_client_new(&client, NULL) != AHTTP_OK ||
      ahttp_request_new(&request, "GET", argv[1]) != AHTTP_OK) {
    return 1;
  }

  ahttp_future *futures[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    futures[i] = ahttp_submit(client, request, NULL);
  }

  int good = 0;
  unsigned long long bytes = 0;
  size_t i;
  while (ahttp_future_wait_any(futures, COUNT, AHTTP_NO_LIMIT, &i) ==
         AHTTP_OK) {
    ahttp_response *response;
    ahttp_error err;
    if (ahttp_future_take(futures[i], &response, &err) == AHTTP_OK) {
      good++;
      bytes += ahttp_response_content(response).len;
      ahttp_response_free(response);
    } else {
      fprintf(stderr, "%s: %s\n", ahttp_error_name(err.code), err.text);
    }
    ahttp_future_free(futures[i]);
    futures[i] = NULL; /* it is not waited for any more */
  }
  printf("%d responses, %llu bytes\n", good, bytes);

  ahttp_request_free(request);
  ahttp_client_free(client);
  return good == COUNT ? 0 : 1;
}
