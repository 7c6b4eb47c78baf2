/* SPDX-License-Identifier: MIT */
/* A client's network options, against listeners that say who called. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/listener.h"
#include "support/test_alloc.h"

/* Reads a request's head; false at the end of the connection. */
static bool read_head(const listener *from, int fd)
{
  char text[4096];
  size_t len = 0;
  while (len < sizeof(text) - 1) {
    size_t more = listener_read(from, fd, text + len, sizeof(text) - 1 - len);
    if (more == 0) {
      return false;
    }
    len += more;
    text[len] = '\0';
    if (strstr(text, "\r\n\r\n") != NULL) {
      return true;
    }
  }
  return false;
}

/* Answers every request with the address and port it came from. */
static void serve_peer_name(listener *from, int fd, unsigned index, void *arg)
{
  (void)index;
  (void)arg;
  struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
  socklen_t peer_len = sizeof(peer);
  (void)getpeername(fd, (struct sockaddr *)&peer, &peer_len);
  char name[INET6_ADDRSTRLEN] = "unix";
  unsigned port = 0;
  if (peer.ss_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, &peer, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, name, sizeof(name));
    port = ntohs(v4.sin_port);
  } else if (peer.ss_family == AF_INET6) {
    struct sockaddr_in6 v6;
    memcpy(&v6, &peer, sizeof(v6));
    inet_ntop(AF_INET6, &v6.sin6_addr, name, sizeof(name));
    port = ntohs(v6.sin6_port);
  }
  char body[80];
  char head[160];
  int body_len = snprintf(body, sizeof(body), "%s %u", name, port);
  int len = snprintf(head, sizeof(head),
                     "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                     body_len, body);
  while (read_head(from, fd) && listener_send(from, fd, head, (size_t)len)) {
  }
}

static listener *start_listener(const char *address)
{
  const listener_opts opts = {.address = address, .serve = serve_peer_name};
  return listener_start(&opts);
}

static bool has_v6_loopback(void)
{
  struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool has =
      fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
  if (fd >= 0) {
    close(fd);
  }
  return has;
}

/* A TCP port of 127.0.0.1 that nobody listens on: taken, then given back. */
static uint16_t free_port(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t len = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  close(fd);
  return ntohs(address.sin_port);
}

static void assert_starts_with(const char *text, const char *start)
{
  if (text == NULL || strncmp(text, start, strlen(start)) != 0) {
    fail_msg("\"%s\" does not start with \"%s\"", text, start);
  }
}

static void assert_says(const call_record *record, const char *part)
{
  if (strstr(record->error.text, part) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", part, record->error.text);
  }
}

/* GETs |url| with |net|, over a client of its own. */
static void get_with(const ahttp_net_opts *net, const char *url,
                     call_record *record)
{
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = net;
  client_run_open(&run, &opts);
  client_run_get(&run, record, url);
  client_run_close(&run);
}

/* --- Addresses and families. --------------------------------------------- */

static void local_address_is_what_the_server_sees(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.local_address = "127.0.0.2";
  call_record record = {0};
  get_with(&net, test_url("http", listener_port(server), "/"), &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_starts_with(record.content, "127.0.0.2 ");
  call_record_clear(&record);
  listener_stop(server);
}

static void local_address_of_v6_is_used_for_v6(void **state)
{
  (void)state;
  if (!has_v6_loopback()) {
    skip();
  }
  listener *server = start_listener("::1");
  char url[64];
  (void)snprintf(url, sizeof(url), "http://[::1]:%u/", listener_port(server));
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.local_address = "127.0.0.3,[::1]";
  call_record record = {0};
  get_with(&net, url, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_starts_with(record.content, "::1 ");
  call_record_clear(&record);
  listener_stop(server);
}

static void foreign_local_address_is_named_in_the_error(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.local_address = "192.0.2.77";
  call_record record = {0};
  get_with(&net, test_url("http", listener_port(server), "/"), &record);
  assert_int_equal(record.code, AHTTP_ECONNECT);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_OS);
  assert_says(&record, "setting local_address 192.0.2.77");
  call_record_clear(&record);
  listener_stop(server);
}

static void family_of_the_local_address_is_the_only_one(void **state)
{
  (void)state;
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.local_address = "127.0.0.2";
  call_record record = {0};
  get_with(&net, "http://[::1]:9/", &record);
  assert_int_equal(record.code, AHTTP_ENOTFOUND);
  assert_says(&record, "IPv4");
  call_record_clear(&record);
}

static void family_decides_which_address_of_localhost(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  char url[64];
  (void)snprintf(url, sizeof(url), "http://localhost:%u/",
                 listener_port(server));
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.family = AHTTP_FAMILY_V4;
  call_record record = {0};
  get_with(&net, url, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_starts_with(record.content, "127.0.0.1 ");
  call_record_clear(&record);

  net.family = AHTTP_FAMILY_V6;
  call_record other = {0};
  get_with(&net, url, &other); /* nobody listens there */
  assert_true(ahttp_error_is_connect(other.code));
  assert_null(strstr(other.error.text, "127.0.0.1"));
  call_record_clear(&other);
  listener_stop(server);
}

static void port_range_is_kept_to(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  uint16_t port = free_port();
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.local_port_min = port;
  net.local_port_max = (uint16_t)(port < 65000 ? port + 500 : port);
  call_record record = {0};
  get_with(&net, test_url("http", listener_port(server), "/"), &record);
  assert_int_equal(record.code, AHTTP_OK);
  unsigned seen = (unsigned)strtoul(strchr(record.content, ' '), NULL, 10);
  assert_in_range(seen, net.local_port_min, net.local_port_max);
  call_record_clear(&record);
  listener_stop(server);
}

static void calls_with_different_local_addresses_share_nothing(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  const char *url = test_url("http", listener_port(server), "/");
  client_run run;
  client_run_open(&run, NULL);
  static const char *const locals[] = {"127.0.0.2", "127.0.0.3", "127.0.0.2",
                                       NULL};
  for (size_t i = 0; i < 4; i++) {
    ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
    send.local_address = locals[i];
    call_record record = {0};
    client_run_start(&run, &record, "GET", url, &send);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_OK);
    assert_starts_with(record.content,
                       locals[i] == NULL ? "127.0.0.1" : locals[i]);
    assert_int_equal(record.info.reused, i == 2);
    call_record_clear(&record);
  }
  client_run_close(&run);
  listener_stop(server);
}

static void bad_local_address_of_a_send_ends_the_call(void **state)
{
  (void)state;
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.family = AHTTP_FAMILY_V4;
  opts.net = &net;
  client_run_open(&run, &opts);
  static const char *const bad[] = {"eth0", "::1", ""};
  for (size_t i = 0; i < 3; i++) {
    ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
    send.local_address = bad[i];
    call_record record = {0};
    client_run_start(&run, &record, "GET", "http://127.0.0.1:9/", &send);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_EINVAL);
    assert_says(&record, "local_address");
    call_record_clear(&record);
  }
  client_run_close(&run);
}

/* --- Options. --------------------------------------------------------------
 */

/* What on_socket saw and is to do. */
typedef struct socket_watch {
  client_run *run;
  ahttp_call *cancel; /* cancelled from within */
  bool close;         /* the client is closed from within */
  bool is_closed;
  const char *refuse; /* this address */
  unsigned count;
  char host[64];
  char address[128];
  uint16_t port;
  int keepalive;
  int fd;
  int idle_s;
  int tos;
  int priority;
  int receive_bytes;
} socket_watch;

static int int_option(int fd, int level, int name)
{
  int value = -1;
  socklen_t len = sizeof(value);
  (void)getsockopt(fd, level, name, &value, &len);
  return value;
}

static void note_closed(void *user_data)
{
  bool *flag = user_data;
  *flag = true;
}

static int on_socket(int fd, const ahttp_socket_target *target, void *user_data)
{
  socket_watch *watch = user_data;
  watch->count++;
  watch->fd = fd;
  (void)snprintf(watch->host, sizeof(watch->host), "%s", target->host);
  (void)snprintf(watch->address, sizeof(watch->address), "%s", target->address);
  watch->port = target->port;
  watch->keepalive = int_option(fd, SOL_SOCKET, SO_KEEPALIVE);
  watch->idle_s = int_option(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  watch->tos = int_option(fd, IPPROTO_IP, IP_TOS);
  watch->priority = int_option(fd, SOL_SOCKET, SO_PRIORITY);
  watch->receive_bytes = int_option(fd, SOL_SOCKET, SO_RCVBUF);
  if (watch->cancel != NULL) {
    ahttp_call_cancel(watch->cancel);
  }
  if (watch->close) {
    ahttp_client_close(watch->run->client, note_closed, &watch->is_closed);
  }
  return watch->refuse != NULL && strcmp(watch->refuse, target->address) == 0;
}

static void options_are_set_before_the_connect(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  int priority = 3;
  const ahttp_socket_option raw = {SOL_SOCKET, SO_PRIORITY, &priority,
                                   sizeof(priority)};
  socket_watch watch = {0};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.keepalive_s = 42;
  net.tos = 0x28;
  net.receive_buffer_bytes = 8192;
  net.options = &raw;
  net.option_count = 1;
  net.on_socket = on_socket;
  net.user_data = &watch;
  call_record record = {0};
  get_with(&net, test_url("http", listener_port(server), "/"), &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(watch.count, 1);
  assert_string_equal(watch.host, "127.0.0.1");
  assert_string_equal(watch.address, "127.0.0.1");
  assert_int_equal(watch.port, listener_port(server));
  assert_int_equal(watch.keepalive, 1);
  assert_int_equal(watch.idle_s, 42);
  assert_int_equal(watch.tos, 0x28);
  assert_int_equal(watch.priority, 3);
  assert_int_equal(watch.receive_bytes, 16384); /* Linux doubles it */
  call_record_clear(&record);
  listener_stop(server);
}

/* Whether a connection that has served two calls has TCP_NODELAY. */
static bool used_connection_has_nodelay(bool nagle)
{
  listener *server = start_listener(NULL);
  socket_watch watch = {0};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.nagle = nagle;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  client_run run;
  client_run_open(&run, &opts);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", listener_port(server), "/"));
    assert_int_equal(record.code, AHTTP_OK);
    call_record_clear(&record);
  }
  assert_int_equal(watch.count, 1);
  bool has_nodelay = int_option(watch.fd, IPPROTO_TCP, TCP_NODELAY) != 0;
  client_run_close(&run);
  listener_stop(server);
  return has_nodelay;
}

static void nagle_is_off_unless_asked_for(void **state)
{
  (void)state;
  assert_true(used_connection_has_nodelay(false));
  assert_false(used_connection_has_nodelay(true));
}

static void option_that_the_system_refuses_is_named(void **state)
{
  (void)state;
  int on = 1;
  const ahttp_socket_option raw = {IPPROTO_TCP, 9999, &on, sizeof(on)};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.options = &raw;
  net.option_count = 1;
  call_record record = {0};
  get_with(&net, "http://127.0.0.1:9/", &record);
  assert_int_equal(record.code, AHTTP_ECONNECT);
  assert_says(&record, "socket option 1 (level 6, name 9999)");
  call_record_clear(&record);

  net = (ahttp_net_opts)AHTTP_NET_OPTS_INIT;
  net.interface_name = "nosuch0";
  call_record other = {0};
  get_with(&net, "http://127.0.0.1:9/", &other);
  assert_int_equal(other.code, AHTTP_ECONNECT);
  assert_says(&other, "setting interface_name nosuch0");
  call_record_clear(&other);
}

static void interface_of_loopback_reaches_loopback(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.interface_name = "lo";
  call_record record = {0};
  get_with(&net, test_url("http", listener_port(server), "/"), &record);
  if (record.code == AHTTP_ECONNECT && record.error.native == EPERM) {
    call_record_clear(&record);
    listener_stop(server);
    skip(); /* Linux before 5.7, without CAP_NET_RAW */
  }
  assert_int_equal(record.code, AHTTP_OK);
  call_record_clear(&record);
  listener_stop(server);
}

/* --- on_socket. ------------------------------------------------------------
 */

static void refused_address_gives_way_to_the_next(void **state)
{
  (void)state;
  listener *server = start_listener("127.0.0.1");
  char url[64];
  (void)snprintf(url, sizeof(url), "http://two.test:%u/",
                 listener_port(server));
  const ahttp_resolve_entry entry = {.host = "two.test",
                                     .addresses = "127.0.0.9,127.0.0.1"};
  socket_watch watch = {.refuse = "127.0.0.9"};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  opts.resolve = &entry;
  opts.resolve_count = 1;
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record, url);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(watch.count, 2);
  assert_string_equal(watch.host, "two.test");
  call_record_clear(&record);
  client_run_close(&run);
  listener_stop(server);
}

static void refusal_of_every_address_ends_the_call(void **state)
{
  (void)state;
  socket_watch watch = {.refuse = "127.0.0.1"};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  opts.connect_retries = 3; /* of no use against the program itself */
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record, "http://127.0.0.1:9/");
  assert_int_equal(record.code, AHTTP_ECALLBACK);
  assert_says(&record, "127.0.0.1:9: refused by on_socket");
  assert_int_equal(watch.count, 1);
  assert_int_equal(record.info.connect_attempts, 1);
  call_record_clear(&record);
  client_run_close(&run);
}

static void call_cancelled_from_on_socket_ends_quietly(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  socket_watch watch = {0};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_start(&run, &record, "GET",
                   test_url("http", listener_port(server), "/"), NULL);
  watch.cancel = record.call;
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_int_equal(watch.count, 1);
  call_record_clear(&record);
  client_run_close(&run);
  listener_stop(server);
}

/* The client goes with its pool and its dials, the one that asks included. */
static void client_closed_from_on_socket(const char *unix_path)
{
  listener *server = unix_path == NULL ? start_listener(NULL) : NULL;
  client_run run;
  socket_watch watch = {.run = &run, .close = true};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  opts.unix_socket = unix_path;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_start(
      &run, &record, "GET",
      test_url("http", server == NULL ? 9 : listener_port(server), "/"), NULL);
  ahttp_call *call = ahttp_call_ref(record.call);
  watch.cancel = call; /* leaves a dial for nobody, which closing ends */
  client_run_until(&run, &watch.is_closed);
  assert_true(record.code == AHTTP_ECANCELED || record.code == AHTTP_ECLOSED);
  ahttp_call_unref(call);
  call_record_clear(&record);
  assert_int_equal(uv_run(&run.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&run.loop), 0);
  listener_stop(server);
}

static void client_may_be_closed_from_on_socket(void **state)
{
  (void)state;
  client_closed_from_on_socket(NULL);
  client_closed_from_on_socket("/nonexistent/socket");
}

/* --- Memory. ---------------------------------------------------------------
 */

static void answer_at_once(ahttp_resolution *resolution, const char *host,
                           uint16_t port, ahttp_family family, void *user_data)
{
  (void)host;
  (void)port;
  (void)family;
  (void)user_data;
  (void)ahttp_resolution_answer(resolution, "127.0.0.1", 5);
}

/* A client with everything, and one call with everything. */
static int get_with_everything(void *arg)
{
  int priority = 1;
  const ahttp_socket_option raw = {SOL_SOCKET, SO_PRIORITY, &priority,
                                   sizeof(priority)};
  socket_watch watch = {0};
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.options = &raw;
  net.option_count = 1;
  net.on_socket = on_socket;
  net.user_data = &watch;
  ahttp_resolver resolver = AHTTP_RESOLVER_INIT;
  resolver.start = answer_at_once;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.net = &net;
  opts.resolver = &resolver;
  ahttp_client *client;
  int rv = ahttp_client_new(&client, &opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.local_address = "127.0.0.2";
  send.connect_retries = 1;
  ahttp_request *request = NULL;
  ahttp_response *response = NULL;
  rv = ahttp_request_new(&request, "GET", arg);
  if (rv == AHTTP_OK) {
    rv = ahttp_send(client, request, &send, &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  return rv;
}

static void every_failed_allocation_is_an_error_or_made_up_for(void **state)
{
  (void)state;
  listener *server = start_listener(NULL);
  char url[64];
  (void)snprintf(url, sizeof(url), "http://one.test:%u/",
                 listener_port(server));
  assert_int_equal(get_with_everything(url), AHTTP_OK); /* what is kept */
  test_alloc_install();
  assert_int_equal(get_with_everything(url), AHTTP_OK);
  int count = test_alloc_count();
  assert_true(count > 20);
  for (int nth = 1; nth <= count; nth++) {
    test_alloc_fail_nth(nth);
    int rv = get_with_everything(url);
    if (rv != AHTTP_OK && rv != AHTTP_ENOMEM) {
      fail_msg("allocation %d of %d: %s", nth, count, ahttp_error_name(rv));
    }
    assert_int_equal(test_alloc_live(), 0);
  }
  test_alloc_remove();
  listener_stop(server);
}

static void contradicting_options_are_refused(void **state)
{
  (void)state;
  static const ahttp_net_opts bad[] = {
      {.size = sizeof(ahttp_net_opts), .local_address = "example.org"},
      {.size = sizeof(ahttp_net_opts), .local_address = ""},
      {.size = sizeof(ahttp_net_opts), .local_address = "127.0.0.1,127.0.0.2"},
      {.size = sizeof(ahttp_net_opts),
       .local_address = "127.0.0.1",
       .family = AHTTP_FAMILY_V6},
      {.size = sizeof(ahttp_net_opts), .family = (ahttp_family)5},
      {.size = sizeof(ahttp_net_opts), .local_port_max = 80},
      {.size = sizeof(ahttp_net_opts),
       .local_port_min = 90,
       .local_port_max = 80},
      {.size = sizeof(ahttp_net_opts), .interface_name = ""},
      {.size = sizeof(ahttp_net_opts),
       .interface_name = "a-name-that-is-too-long"},
      {.size = sizeof(ahttp_net_opts), .keepalive_s = 32768},
      {.size = sizeof(ahttp_net_opts), .option_count = 1},
      {.size = sizeof(ahttp_net_opts) + 8},
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.net = &bad[i];
    ahttp_client *client;
    assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
    assert_null(client);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(local_address_is_what_the_server_sees),
      cmocka_unit_test(local_address_of_v6_is_used_for_v6),
      cmocka_unit_test(foreign_local_address_is_named_in_the_error),
      cmocka_unit_test(family_of_the_local_address_is_the_only_one),
      cmocka_unit_test(family_decides_which_address_of_localhost),
      cmocka_unit_test(port_range_is_kept_to),
      cmocka_unit_test(calls_with_different_local_addresses_share_nothing),
      cmocka_unit_test(bad_local_address_of_a_send_ends_the_call),
      cmocka_unit_test(options_are_set_before_the_connect),
      cmocka_unit_test(nagle_is_off_unless_asked_for),
      cmocka_unit_test(option_that_the_system_refuses_is_named),
      cmocka_unit_test(interface_of_loopback_reaches_loopback),
      cmocka_unit_test(refused_address_gives_way_to_the_next),
      cmocka_unit_test(refusal_of_every_address_ends_the_call),
      cmocka_unit_test(call_cancelled_from_on_socket_ends_quietly),
      cmocka_unit_test(client_may_be_closed_from_on_socket),
      cmocka_unit_test(every_failed_allocation_is_an_error_or_made_up_for),
      cmocka_unit_test(contradicting_options_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
