/* SPDX-License-Identifier: MIT */
/* Asks a server to speak another protocol, then sends it lines and writes what
 * comes back to standard output: a raw stream. */
#include <stdio.h>
#include <string.h>

#include <ahttp/ahttp.h>

enum {
  PATIENCE_MS = 5000
};

/* Sends |line| and reads as many bytes back. */
static int talk(ahttp_stream *stream, const char *line, ahttp_error *err)
{
  char answer[1024];
  size_t rest = strlen(line);
  int rv = ahttp_stream_write(stream, line, rest, PATIENCE_MS, err);
  while (rv == AHTTP_OK && rest > 0) {
    size_t len;
    size_t cap = rest < sizeof(answer) ? rest : sizeof(answer);
    rv = ahttp_stream_read(stream, answer, cap, &len, PATIENCE_MS, err);
    if (rv == AHTTP_OK && len == 0) {
      break; /* the server has finished */
    }
    fwrite(answer, 1, len, stdout);
    rest -= len;
  }
  fputc('\n', stdout);
  return rv;
}

/* Sends the request and takes the stream; NULL if it did not come to that. */
static ahttp_stream *upgrade(ahttp_client *client, const char *url,
                             const char *protocol, ahttp_error *err)
{
  ahttp_request *request;
  ahttp_response *response;
  ahttp_stream *stream = NULL;
  if (ahttp_request_new(&request, "GET", url) != AHTTP_OK) {
    return NULL;
  }
  if (ahttp_request_add_field(request, "Upgrade", protocol) == AHTTP_OK &&
      ahttp_send(client, request, NULL, &response, err) == AHTTP_OK) {
    fprintf(stderr, "status %d\n", ahttp_response_status(response));
    stream = ahttp_response_take_stream(response);
    ahttp_response_free(response);
  }
  ahttp_request_free(request);
  return stream;
}

int main(int argc, char **argv)
{
  if (argc < 3) {
    fprintf(stderr, "usage: upgrade URL PROTOCOL [LINE]...\n");
    return 2;
  }

  ahttp_client *client;
  if (ahttp_client_new(&client, NULL) != AHTTP_OK) {
    return 1;
  }

  ahttp_error err = {0};
  ahttp_stream *stream = upgrade(client, argv[1], argv[2], &err);
  int rv = stream == NULL ? AHTTP_ESTATE : AHTTP_OK;
  for (int i = 3; i < argc && rv == AHTTP_OK; i++) {
    rv = talk(stream, argv[i], &err);
  }
  if (rv != AHTTP_OK) {
    fprintf(stderr, "no upgrade: %s\n", err.text);
  }

  ahttp_stream_close(stream);
  ahttp_client_free(client);
  return rv == AHTTP_OK ? 0 : 1;
}
