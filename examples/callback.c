/* SPDX-License-Identifier: MIT */
/* Fetches all URLs at once on one libuv loop and says how each went. */
#include <stdio.h>

#include <uv.h>

#include <ahttp/ahttp.h>

static int failures;

static int on_body(ahttp_call *call, const uint8_t *data, size_t len,
                   void *user_data)
{
  unsigned long long *total = user_data;
  (void)call;
  (void)data; /* good until we return */
  *total += len;
  return 0; /* anything else would end the call */
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *user_data)
{
  const unsigned long long *total = user_data;
  const ahttp_url *url = ahttp_request_url(ahttp_call_request(call));
  if (err != NULL) {
    printf("%s: %s\n", ahttp_error_name(err->code), err->text);
    failures++;
    return;
  }
  printf("%d %llu bytes %s\n", ahttp_response_status(response), *total,
         ahttp_url_href(url).ptr);
}

static void start(ahttp_client *client, const char *url,
                  unsigned long long *total)
{
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_body = on_body;
  handlers.on_done = on_done;

  ahttp_request *request;
  int rv = ahttp_request_new(&request, "GET", url);
  if (rv != AHTTP_OK) {
    printf("%s: %s\n", ahttp_error_name(rv), url);
    failures++;
    return;
  }
  if (ahttp_start(client, request, NULL, &handlers, total) == NULL) {
    failures++;
  }
  ahttp_request_free(request); /* the call keeps its own reference */
}

int main(int argc, char **argv)
{
  static unsigned long long totals[16];
  if (argc < 2 || argc > 17) {
    fprintf(stderr, "usage: callback URL... (at most 16)\n");
    return 2;
  }

  uv_loop_t *loop = uv_default_loop();
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = loop;
  ahttp_client *client;
  if (ahttp_client_new(&client, &opts) != AHTTP_OK) {
    return 1;
  }

  for (int i = 1; i < argc; i++) {
    start(client, argv[i], &totals[i - 1]);
  }
  uv_run(loop, UV_RUN_DEFAULT); /* returns when every call is done */

  ahttp_client_free(client);
  uv_run(loop, UV_RUN_DEFAULT); /* closes the client's handles */
  uv_loop_close(loop);
  return failures == 0 ? 0 : 1;
}
