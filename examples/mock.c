/* SPDX-License-Identifier: MIT */
/* A test of a program that fetches things: no network, a scripted answer for
 * each URL, and a look at what was sent. */
#include <stdio.h>
#include <string.h>

#include <ahttp/ahttp.h>

/* What is tested: renames somebody by way of a service. */
static int rename_user(ahttp_client *client, const char *name)
{
  ahttp_response *response;
  ahttp_str content = {name, strlen(name)};
  int rv = ahttp_put(client, "https://api.example/users/1", "text/plain",
                     content, &response, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  int status = ahttp_response_status(response);
  ahttp_response_free(response);
  return status == 204 ? AHTTP_OK : AHTTP_ESTATUS;
}

static int expect(int got, int want, const char *what)
{
  printf("%s: %s\n", what, got == want ? "ok" : ahttp_error_name(got));
  return got == want ? 0 : 1;
}

int main(void)
{
  /* The service is busy, then does it, then cannot be reached. */
  ahttp_mock_reply replies[3] = {AHTTP_MOCK_REPLY_INIT, AHTTP_MOCK_REPLY_INIT,
                                 AHTTP_MOCK_REPLY_INIT};
  replies[0].times = 1;
  replies[0].status = 503;
  replies[1].times = 1;
  replies[1].method = "PUT";
  replies[1].url = "https://api.example/users/*";
  replies[1].status = 204;
  replies[2].error = AHTTP_ECONNECT;

  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.replies = replies;
  mock_opts.reply_count = 3;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  if (ahttp_mock_new(&opts.transport, &mock_opts) != AHTTP_OK ||
      ahttp_client_new(&client, &opts) != AHTTP_OK) {
    return 1;
  }

  int failures = 0;
  failures += expect(rename_user(client, "Ada"), AHTTP_ESTATUS, "busy");
  failures += expect(rename_user(client, "Ada"), AHTTP_OK, "done");
  failures += expect(rename_user(client, "Ada"), AHTTP_ECONNECT, "away");

  const ahttp_mock_request *sent = ahttp_mock_at(opts.transport, 1);
  ahttp_str content = ahttp_mock_request_content(sent);
  printf("%s %s: %.*s\n", ahttp_mock_request_method(sent).ptr,
         ahttp_mock_request_url(sent).ptr, (int)content.len, content.ptr);

  ahttp_client_free(client);
  ahttp_transport_free(opts.transport);
  return failures == 0 ? 0 : 1;
}
