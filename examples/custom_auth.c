/* SPDX-License-Identifier: MIT */
/* A scheme of two rounds: the server hands out a challenge, the client answers
 * it.  What it learned is used for later requests, which need one round. */
#include <stdio.h>
#include <string.h>

#include <ahttp/ahttp.h>

/* What is remembered between requests. */
typedef struct riddle {
  char answer[100]; /* "": no challenge seen yet */
} riddle;

static ahttp_str str(const char *text)
{
  ahttp_str view = {text, strlen(text)};
  return view;
}

static int on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                      void *user_data)
{
  const riddle *self = user_data;
  (void)flow;
  if (self->answer[0] == '\0') {
    return AHTTP_OK; /* nothing to answer yet */
  }
  return ahttp_outgoing_set_field(outgoing, str("authorization"),
                                  str(self->answer));
}

/* Challenge: "WWW-Authenticate: Riddle WORD"; the answer is WORD backwards. */
static int on_response(ahttp_auth_flow *flow, const ahttp_response *response,
                       void *user_data)
{
  riddle *self = user_data;
  ahttp_str value;
  if (ahttp_response_status(response) != 401 ||
      ahttp_auth_flow_rounds(flow) > 0 ||
      !ahttp_fields_get(ahttp_response_fields(response), "www-authenticate",
                        &value) ||
      value.len <= 7 || value.len >= sizeof(self->answer) ||
      memcmp(value.ptr, "Riddle ", 7) != 0) {
    return AHTTP_OK; /* not ours, or our answer was wrong */
  }
  memcpy(self->answer, value.ptr, 7);
  for (size_t i = 7; i < value.len; i++) {
    self->answer[i] = value.ptr[value.len + 6 - i];
  }
  self->answer[value.len] = '\0';
  return AHTTP_AGAIN;
}

/* A server, so that the example needs none. */
static int serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                 void *user_data)
{
  static const ahttp_field challenge = {{"www-authenticate", 16},
                                        {"Riddle stressed", 15}};
  ahttp_str value;
  (void)user_data;
  if (ahttp_fields_get(ahttp_mock_request_fields(request), "authorization",
                       &value) &&
      strcmp(value.ptr, "Riddle desserts") == 0) {
    reply->content = str("welcome");
  } else {
    reply->status = 401;
    reply->fields = &challenge;
    reply->field_count = 1;
  }
  return AHTTP_OK;
}

int main(void)
{
  riddle self = {""};
  ahttp_auth_opts auth_opts = AHTTP_AUTH_OPTS_INIT;
  auth_opts.on_request = on_request;
  auth_opts.on_response = on_response;
  auth_opts.user_data = &self;

  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.handler = serve;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  if (ahttp_auth_new(&opts.auth, &auth_opts) != AHTTP_OK ||
      ahttp_mock_new(&opts.transport, &mock_opts) != AHTTP_OK ||
      ahttp_client_new(&client, &opts) != AHTTP_OK) {
    return 1;
  }

  int failures = 0;
  for (int i = 0; i < 2; i++) {
    ahttp_response *response;
    ahttp_error err;
    if (ahttp_get(client, "https://example.org/", &response, &err) !=
        AHTTP_OK) {
      printf("%s\n", err.text);
      failures++;
      continue;
    }
    printf("%d %s, %zu requests so far\n", ahttp_response_status(response),
           ahttp_response_content(response).ptr,
           ahttp_mock_count(opts.transport));
    ahttp_response_free(response);
  }

  ahttp_client_free(client);
  ahttp_auth_free(opts.auth);
  ahttp_transport_free(opts.transport);
  return failures == 0 ? 0 : 1;
}
