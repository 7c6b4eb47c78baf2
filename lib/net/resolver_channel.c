/* SPDX-License-Identifier: MIT */
/*
 * c-ares owns its sockets and tells through a callback which of them wait for
 * what.  Each is made with a uv_poll_t, since that callback cannot fail.  Its
 * repetitions run under one deadline.
 *
 * A socket that cannot be made for lack of memory is to c-ares one that cannot
 * be connected: it tries again a few times, at once, and then says that the
 * server refuses.  From the first such failure on no further sockets are made
 * within the same call into c-ares, and what it says then is lack of memory.
 *
 * c-ares is not reentrant everywhere, and how far differs by version
 * (CVE-2025-31498).  Its callbacks here only note answers and defer tasks, so
 * nothing calls into it from inside it.
 */
#include "config.h"
#include "net/resolver_channel.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ares.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "net/deadline.h"

enum {
  /* Times a query is sent to each server.  c-ares doubles the wait after each:
   * with 2 s at first a dead server is given up after 14 s. */
  CHANNEL_TRIES = 3,
  /* Queries that are sent to a TCP server at once. */
  CHANNEL_PIECES_MAX = 16
};

struct ah_dns_channel {
  ah_loop *loop;
  ares_channel ares;     /* NULL before it is made and while closing */
  ah_list polls;         /* of the sockets that are open */
  size_t polls_open;     /* those and the ones being closed */
  size_t questions;      /* under way */
  bool is_out_of_memory; /* for a socket, in this call into c-ares */
  ah_deadline repeat;
  ah_task closed; /* runs on_closed */
  void (*on_closed)(void *arg);
  void *closed_arg;
};

typedef struct dns_poll {
  uv_poll_t poll;
  ah_list_node node; /* in |polls|; unlinked once it is being closed */
  ah_dns_channel *channel;
  ares_socket_t fd;
  int events;
} dns_poll;

/* ares_library_init() counts, but does not lock. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

static int library_acquire(void)
{
  pthread_mutex_lock(&library_lock);
  int status = ares_library_init(ARES_LIB_INIT_ALL);
  pthread_mutex_unlock(&library_lock);
  return status;
}

static void library_release(void)
{
  pthread_mutex_lock(&library_lock);
  ares_library_cleanup();
  pthread_mutex_unlock(&library_lock);
}

/* --- Repetitions --- */

/* Has c-ares called when the earliest question is to be repeated.  Later ones
 * are never due before that by much: asking for each would walk all of them. */
static void channel_arm(ah_dns_channel *channel)
{
  if (channel->questions == 0) {
    ah_deadline_stop(&channel->repeat);
    return;
  }
  struct timeval left;
  if (ah_list_is_linked(&channel->repeat.node) ||
      ares_timeout(channel->ares, NULL, &left) == NULL) {
    return;
  }
  uint64_t ms = (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000;
  ah_deadline_start(channel->loop, &channel->repeat, (uint32_t)ms + 1);
}

static void channel_process(ah_dns_channel *channel, ares_socket_t readable,
                            ares_socket_t writable)
{
  ares_process_fd(channel->ares, readable, writable);
  channel->is_out_of_memory = false;
  channel_arm(channel);
}

static void channel_on_repeat(ah_deadline *deadline)
{
  ah_dns_channel *channel = AH_CONTAINER(deadline, ah_dns_channel, repeat);
  channel_process(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* --- Sockets --- */

static void dns_poll_on_event(uv_poll_t *handle, int status, int events)
{
  dns_poll *poll = handle->data;
  /* After POLLERR, which stops the handle, reading and writing say what is
   * wrong. */
  bool is_broken = status != 0;
  bool is_readable = is_broken || (events & UV_READABLE) != 0;
  bool is_writable = is_broken || (events & UV_WRITABLE) != 0;
  channel_process(poll->channel, is_readable ? poll->fd : ARES_SOCKET_BAD,
                  is_writable ? poll->fd : ARES_SOCKET_BAD);
  if (is_broken && ah_list_is_linked(&poll->node)) {
    (void)uv_poll_start(handle, poll->events, dns_poll_on_event);
  }
}

static dns_poll *channel_find_poll(const ah_dns_channel *channel,
                                   ares_socket_t fd)
{
  AH_LIST_FOREACH (node, &channel->polls) {
    dns_poll *poll = AH_CONTAINER(node, dns_poll, node);
    if (poll->fd == fd) {
      return poll;
    }
  }
  return NULL;
}

/* 0 or a UV_E... code. */
static int channel_add_poll(ah_dns_channel *channel, ares_socket_t fd)
{
  dns_poll *poll = ah_calloc(1, sizeof(*poll));
  if (poll == NULL) {
    return UV_ENOMEM;
  }
  int rv = uv_poll_init_socket(ah_loop_uv(channel->loop), &poll->poll, fd);
  if (rv != 0) {
    ah_free(poll);
    return rv;
  }
  uv_unref((uv_handle_t *)&poll->poll);
  poll->poll.data = poll;
  poll->channel = channel;
  poll->fd = fd;
  ah_list_push_back(&channel->polls, &poll->node);
  channel->polls_open++;
  return 0;
}

static void channel_finish_closing(ah_dns_channel *channel)
{
  if (channel->ares == NULL && channel->polls_open == 0) {
    ah_loop_defer(channel->loop, &channel->closed);
  }
}

static void dns_poll_on_closed(uv_handle_t *handle)
{
  dns_poll *poll = handle->data;
  ah_dns_channel *channel = poll->channel;
  ah_free(poll);
  channel->polls_open--;
  channel_finish_closing(channel);
}

/* Of sockets that channel_socket() has made. */
static void channel_on_socket_state(void *arg, ares_socket_t fd, int readable,
                                    int writable)
{
  dns_poll *poll = channel_find_poll(arg, fd);
  if (poll == NULL) {
    return; /* closed already */
  }
  poll->events =
      (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
  if (poll->events == 0) {
    (void)uv_poll_stop(&poll->poll); /* cannot fail */
    return;
  }
  int rv = uv_poll_start(&poll->poll, poll->events, dns_poll_on_event);
  ah_assert(rv == 0); /* no other handle has the descriptor */
}

/* c-ares' own functions would do, were it not that it writes to TCP servers
 * with writev(), which raises SIGPIPE when one has gone away. */
static ares_socket_t channel_socket(int family, int type, int protocol,
                                    void *arg)
{
  ah_dns_channel *channel = arg;
  if (channel->is_out_of_memory) {
    return ARES_SOCKET_BAD;
  }
  ares_socket_t fd =
      socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd == ARES_SOCKET_BAD) {
    return ARES_SOCKET_BAD;
  }
  int rv = channel_add_poll(channel, fd);
  if (rv != 0) {
    channel->is_out_of_memory = rv == UV_ENOMEM;
    (void)close(fd);
    errno = -rv;
    return ARES_SOCKET_BAD;
  }
  return fd;
}

static int channel_close_socket(ares_socket_t fd, void *arg)
{
  dns_poll *poll = channel_find_poll(arg, fd);
  ah_assert(poll != NULL);
  ah_list_remove(&poll->node);
  uv_close((uv_handle_t *)&poll->poll, dns_poll_on_closed);
  return close(fd);
}

static int channel_connect(ares_socket_t fd, const struct sockaddr *address,
                           ares_socklen_t len, void *arg)
{
  (void)arg;
  return connect(fd, address, len);
}

static ares_ssize_t channel_receive(ares_socket_t fd, void *dst, size_t cap,
                                    int flags, struct sockaddr *from,
                                    ares_socklen_t *from_len, void *arg)
{
  (void)arg;
  return recvfrom(fd, dst, cap, flags, from, from_len);
}

static ares_ssize_t channel_send(ares_socket_t fd, const struct iovec *pieces,
                                 int count, void *arg)
{
  (void)arg;
  struct iovec copies[CHANNEL_PIECES_MAX];
  if (count > CHANNEL_PIECES_MAX) {
    count =
        CHANNEL_PIECES_MAX; /* a short write, which it knows to go on from */
  }
  memcpy(copies, pieces, (size_t)count * sizeof(copies[0]));
  struct msghdr msg = {.msg_iov = copies, .msg_iovlen = (size_t)count};
  ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);
  if (n < 0 && errno == ECONNREFUSED) {
    /* UDP: that was about an earlier packet, and now it is forgotten.  This one
     * is sent to be refused as well: c-ares then reads the refusal and gives
     * the server up for all its questions, where it would have waited. */
    n = sendmsg(fd, &msg, MSG_NOSIGNAL);
  }
  return n;
}

static const struct ares_socket_functions channel_socket_functions = {
    .asocket = channel_socket,
    .aclose = channel_close_socket,
    .aconnect = channel_connect,
    .arecvfrom = channel_receive,
    .asendv = channel_send,
};

/* --- Life --- */

static void channel_free(ah_dns_channel *channel)
{
  library_release();
  ah_free(channel);
}

/* Tells c-ares the servers to use instead of resolv.conf's. */
static int channel_set_servers(ah_dns_channel *channel,
                               const ah_dns_channel_opts *opts)
{
  if (opts->server_count == 0) {
    return ARES_SUCCESS;
  }
  struct ares_addr_port_node *nodes =
      ah_calloc(opts->server_count, sizeof(*nodes));
  if (nodes == NULL) {
    return ARES_ENOMEM;
  }
  for (size_t i = 0; i < opts->server_count; i++) {
    const ah_address *server = &opts->servers[i];
    nodes[i].next = i + 1 < opts->server_count ? &nodes[i + 1] : NULL;
    nodes[i].family = server->any.sa_family;
    nodes[i].udp_port = ah_address_port(server);
    nodes[i].tcp_port = nodes[i].udp_port;
    if (nodes[i].family == AF_INET) {
      nodes[i].addr.addr4 = server->v4.sin_addr;
    } else {
      memcpy(&nodes[i].addr.addr6, &server->v6.sin6_addr,
             sizeof(nodes[i].addr.addr6));
    }
  }
  int status = ares_set_servers_ports(channel->ares, nodes);
  ah_free(nodes);
  return status;
}

/* Makes channel->ares. */
static int channel_open(ah_dns_channel *channel,
                        const ah_dns_channel_opts *opts)
{
  char lookups[] = "b"; /* DNS only: /etc/hosts is read by us */
  char *resolv_path = ah_memdup0(opts->resolv_path, strlen(opts->resolv_path));
  if (resolv_path == NULL) {
    return ARES_ENOMEM;
  }
  struct ares_options options = {
      .timeout = (int)opts->try_ms,
      .tries = CHANNEL_TRIES,
      .lookups = lookups,
      .resolvconf_path = resolv_path,
      .sock_state_cb = channel_on_socket_state,
      .sock_state_cb_data = channel,
  };
  int status =
      ares_init_options(&channel->ares, &options,
                        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                            ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB);
  ah_free(resolv_path);
  if (status != ARES_SUCCESS) {
    channel->ares = NULL;
    return status;
  }
  ares_set_socket_functions(channel->ares, &channel_socket_functions, channel);
  status = channel_set_servers(channel, opts);
  if (status != ARES_SUCCESS) {
    ares_destroy(channel->ares);
    channel->ares = NULL;
  }
  return status;
}

static void channel_tell_closed(ah_task *task)
{
  ah_dns_channel *channel = AH_CONTAINER(task, ah_dns_channel, closed);
  void (*on_closed)(void *arg) = channel->on_closed;
  void *arg = channel->closed_arg;
  ah_loop_drop(channel->loop);
  channel_free(channel);
  on_closed(arg);
}

int ah_dns_channel_new(ah_dns_channel **out, ah_loop *loop,
                       const ah_dns_channel_opts *opts)
{
  *out = NULL;
  int status = library_acquire();
  if (status != ARES_SUCCESS) {
    return status;
  }
  ah_dns_channel *channel = ah_calloc(1, sizeof(*channel));
  if (channel == NULL) {
    library_release();
    return ARES_ENOMEM;
  }
  channel->loop = loop;
  channel->repeat.expired = channel_on_repeat;
  channel->closed.run = channel_tell_closed;
  ah_list_init(&channel->polls);
  status = channel_open(channel, opts);
  if (status != ARES_SUCCESS) {
    channel_free(channel);
    return status;
  }
  *out = channel;
  return ARES_SUCCESS;
}

void ah_dns_channel_close(ah_dns_channel *channel, void (*on_closed)(void *arg),
                          void *arg)
{
  channel->on_closed = on_closed;
  channel->closed_arg = arg;
  ah_loop_hold(channel->loop); /* until it has been told */
  ah_deadline_stop(&channel->repeat);
  ares_destroy(channel->ares); /* closes every socket through the callback */
  channel->ares = NULL;
  ah_assert(channel->questions == 0);
  channel_finish_closing(channel);
}

/* --- Questions --- */

/* Copies the addresses of |result| and finds the shortest time to live, of the
 * aliases on the way too.  NULL if there are none or memory is out. */
static ah_address_list *result_read(const struct ares_addrinfo *result,
                                    int family, uint32_t *ttl)
{
  ah_address items[AH_ADDRESSES_MAX];
  size_t count = 0;
  int shortest = INT32_MAX;
  for (const struct ares_addrinfo_node *node = result->nodes;
       node != NULL && count < AH_ADDRESSES_MAX; node = node->ai_next) {
    if (node->ai_family != family ||
        (size_t)node->ai_addrlen > sizeof(items[count])) {
      continue;
    }
    memset(&items[count], 0, sizeof(items[count]));
    memcpy(&items[count], node->ai_addr, (size_t)node->ai_addrlen);
    shortest = node->ai_ttl < shortest ? node->ai_ttl : shortest;
    count++;
  }
  for (const struct ares_addrinfo_cname *cname = result->cnames; cname != NULL;
       cname = cname->next) {
    shortest = cname->ttl < shortest ? cname->ttl : shortest;
  }
  /* RFC 2181, section 8: one with the top bit set counts as 0. */
  *ttl = shortest < 0 ? 0 : (uint32_t)shortest;
  return count == 0 ? NULL : ah_address_list_new(items, count);
}

static void channel_on_answer(void *arg, int status, int timeouts,
                              struct ares_addrinfo *result)
{
  (void)timeouts;
  ah_dns_question *question = arg;
  ah_answer answer = {.status = status};
  uint32_t ttl = 0;
  if (status == ARES_ECONNREFUSED && question->channel->is_out_of_memory) {
    answer.status = ARES_ENOMEM;
  }
  if (status == ARES_SUCCESS) {
    bool is_empty = result->nodes == NULL;
    answer.addresses = result_read(result, question->family, &ttl);
    if (answer.addresses == NULL) {
      answer.status = is_empty ? ARES_ENODATA : ARES_ENOMEM;
    }
  }
  if (result != NULL) {
    ares_freeaddrinfo(result);
  }
  question->channel->questions--;
  question->answered(question, &answer, ttl);
  ah_address_list_unref(answer.addresses);
}

void ah_dns_channel_ask(ah_dns_channel *channel, ah_dns_question *question,
                        const char *host)
{
  ah_assert(channel->ares != NULL);
  question->channel = channel;
  channel->questions++;
  /* In the servers' order: which of the two families comes first is decided by
   * the dialer, and sorting (RFC 6724) would open sockets to probe. */
  struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT,
                                      .ai_family = question->family,
                                      .ai_socktype = SOCK_STREAM};
  ares_getaddrinfo(channel->ares, host, NULL, &hints, channel_on_answer,
                   question);
  channel->is_out_of_memory = false;
  channel_arm(channel);
}
