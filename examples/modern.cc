// SPDX-License-Identifier: MIT
// libahttp from C++: owners that free by themselves, and an exception for what
// fails.
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <ahttp/ahttp.h>

namespace {

struct Free {
  void operator()(ahttp_client *client) const { ahttp_client_free(client); }
  void operator()(ahttp_response *response) const
  {
    ahttp_response_free(response);
  }
};
using Client = std::unique_ptr<ahttp_client, Free>;
using Response = std::unique_ptr<ahttp_response, Free>;

Client make_client()
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.redirects_max = 5;
  ahttp_client *client;
  int rv = ahttp_client_new(&client, &opts);
  if (rv != AHTTP_OK) {
    throw std::runtime_error(ahttp_strerror(rv));
  }
  return Client(client);
}

Response get(const Client &client, const std::string &url)
{
  ahttp_response *response;
  ahttp_error err;
  if (ahttp_get(client.get(), url.c_str(), &response, &err) != AHTTP_OK) {
    throw std::runtime_error(err.text);
  }
  return Response(response);
}

std::string content(const Response &response)
{
  ahttp_str view = ahttp_response_content(response.get());
  return std::string(view.ptr, view.len);
}

} // namespace

int main(int argc, char **argv)
{
  try {
    Client client = make_client();
    for (int i = 1; i < argc; i++) {
      Response response = get(client, argv[i]);
      std::cout << ahttp_response_status(response.get()) << ' '
                << content(response).size() << " bytes\n";
    }
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
