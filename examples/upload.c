/* SPDX-License-Identifier: MIT */
/* Sends standard input to a URL as it is read, whatever its length. */
#include <stdio.h>
#include <stdlib.h>

#include <ahttp/ahttp.h>

/* Is asked for more whenever there is room; 0 bytes are the end. */
static int read_more(void *arg, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  FILE *file = arg;
  (void)offset; /* never 0 again: the source says that it cannot rewind */
  *len = fread(dst, 1, cap, file);
  return ferror(file) ? -1 : 0;
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: upload URL <FILE\n");
    return 2;
  }

  ahttp_request *request;
  ahttp_content_source source = {.size = sizeof(source),
                                 .read = read_more,
                                 .length = -1, /* not known */
                                 .user_data = stdin};
  if (ahttp_request_new(&request, "POST", argv[1]) != AHTTP_OK ||
      ahttp_request_set_content_source(request, &source) != AHTTP_OK) {
    fprintf(stderr, "upload: bad URL\n");
    return 1;
  }

  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_send(NULL, request, NULL, &response, &err); /* no client */
  if (rv == AHTTP_OK) {
    printf("status %d, %zu bytes\n", ahttp_response_status(response),
           ahttp_response_content(response).len);
    ahttp_response_free(response);
  } else {
    fprintf(stderr, "%s: %s\n", ahttp_error_name(rv), err.text);
  }
  ahttp_request_free(request);
  return rv == AHTTP_OK ? 0 : 1;
}
