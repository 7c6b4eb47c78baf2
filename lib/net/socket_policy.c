/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/socket_policy.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

enum {
  KEEPALIVE_S_MAX = 32767, /* Linux' MAX_TCP_KEEPIDLE */
  /* Raw options of one client; more is a mistake, and each costs a system call
   * for every connection. */
  OPTIONS_MAX = 64,
  /* Bytes of one raw option; the largest that sockets know are filters and
   * lists of some hundred. */
  OPTION_BYTES_MAX = 4096
};

struct ah_socket_policy {
  ahttp_net_opts opts; /* its pointers are ours */
  ah_local_address local;
  char interface_name[IF_NAMESIZE]; /* "" for none */
  ahttp_socket_option *options;     /* opts.option_count; values are owned */
};

/* --- Making --- */

static bool opts_are_sane(const ahttp_net_opts *opts)
{
  uint16_t min = opts->local_port_min;
  uint16_t max = opts->local_port_max;
  bool family_is_known = opts->family == AHTTP_FAMILY_ANY ||
                         opts->family == AHTTP_FAMILY_V4 ||
                         opts->family == AHTTP_FAMILY_V6;
  bool ports_are_sane = max == 0 || (min > 0 && min <= max);
  bool name_is_sane =
      opts->interface_name == NULL ||
      (opts->interface_name[0] != '\0' &&
       strnlen(opts->interface_name, IF_NAMESIZE) < IF_NAMESIZE);
  return family_is_known && ports_are_sane && name_is_sane &&
         opts->keepalive_s <= KEEPALIVE_S_MAX &&
         opts->send_buffer_bytes <= INT_MAX &&
         opts->receive_buffer_bytes <= INT_MAX &&
         opts->option_count <= OPTIONS_MAX &&
         (opts->option_count == 0 || opts->options != NULL);
}

static int policy_copy_options(ah_socket_policy *policy,
                               const ahttp_socket_option *options, size_t count)
{
  if (count == 0) {
    return AHTTP_OK;
  }
  policy->options = ah_calloc(count, sizeof(*policy->options));
  if (policy->options == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    if (options[i].value == NULL || options[i].value_len == 0 ||
        options[i].value_len > OPTION_BYTES_MAX) {
      return AHTTP_EINVAL;
    }
    policy->options[i] = options[i];
    policy->options[i].value =
        ah_memdup0(options[i].value, options[i].value_len);
    policy->opts.option_count = i + 1;
    if (policy->options[i].value == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  return AHTTP_OK;
}

static int policy_fill(ah_socket_policy *policy, const ahttp_net_opts *opts)
{
  if (!opts_are_sane(opts)) {
    return AHTTP_EINVAL;
  }
  policy->opts = *opts;
  policy->opts.option_count = 0;
  if (policy->opts.local_port_max == 0) {
    policy->opts.local_port_max = policy->opts.local_port_min;
  }
  if (opts->interface_name != NULL) {
    memcpy(policy->interface_name, opts->interface_name,
           strlen(opts->interface_name) + 1);
  }
  if (opts->local_address != NULL &&
      !ah_local_address_parse(&policy->local,
                              ah_str_from_c(opts->local_address))) {
    return AHTTP_EINVAL;
  }
  if (ah_socket_policy_families(policy, NULL) == 0) {
    return AHTTP_EINVAL;
  }
  return policy_copy_options(policy, opts->options, opts->option_count);
}

int ah_socket_policy_new(ah_socket_policy **out, const ahttp_net_opts *opts)
{
  *out = NULL;
  ah_socket_policy *policy = ah_calloc(1, sizeof(*policy));
  if (policy == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = policy_fill(policy, opts);
  if (rv != AHTTP_OK) {
    ah_socket_policy_free(policy);
    return rv;
  }
  *out = policy;
  return AHTTP_OK;
}

void ah_socket_policy_free(ah_socket_policy *policy)
{
  if (policy == NULL) {
    return;
  }
  for (size_t i = 0; i < policy->opts.option_count; i++) {
    ah_free((void *)(uintptr_t)policy->options[i].value); /* made by us */
  }
  ah_free(policy->options);
  ah_free(policy);
}

unsigned ah_socket_policy_families(const ah_socket_policy *policy,
                                   const ah_local_address *local)
{
  unsigned families = AH_USE_ANY;
  if (policy != NULL) {
    local = local == NULL ? &policy->local : local;
    families = policy->opts.family == AHTTP_FAMILY_V4   ? AH_USE_V4
               : policy->opts.family == AHTTP_FAMILY_V6 ? AH_USE_V6
                                                        : AH_USE_ANY;
  }
  return local == NULL ? families : families & ah_local_address_families(local);
}

/* --- Setting up --- */

/* Each step returns 0, or an errno and then has written what failed to
 * |setup->trouble|. */

static int setup_fail(ah_socket_setup *setup, int os_errno, const char *option,
                      const char *value)
{
  (void)snprintf(setup->trouble, sizeof(setup->trouble), "%s%s%s", option,
                 value[0] == '\0' ? "" : " ", value);
  return os_errno;
}

/* One option of the struct, by its name there. */
typedef struct named_option {
  const char *member;
  int level;
  int name;
  uint32_t value; /* 0: not asked for */
} named_option;

static int setup_set_named(ah_socket_setup *setup, int fd, bool is_v6)
{
  const ahttp_net_opts *opts = &setup->policy->opts;
  const uint32_t alive = opts->keepalive_s;
  const named_option options[] = {
      {"send_buffer_bytes", SOL_SOCKET, SO_SNDBUF, opts->send_buffer_bytes},
      {"receive_buffer_bytes", SOL_SOCKET, SO_RCVBUF,
       opts->receive_buffer_bytes},
      {"keepalive_s", SOL_SOCKET, SO_KEEPALIVE, alive > 0 ? 1 : 0},
      {"keepalive_s", IPPROTO_TCP, TCP_KEEPIDLE, alive},
      {"keepalive_s", IPPROTO_TCP, TCP_KEEPINTVL, alive},
      {"tos", is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
       opts->tos},
  };
  for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
    const named_option *option = &options[i];
    if (option->value == 0) {
      continue;
    }
    int value = (int)option->value;
    if (setsockopt(fd, option->level, option->name, &value, sizeof(value)) !=
        0) {
      return setup_fail(setup, errno, option->member, "");
    }
  }
  return 0;
}

static int setup_set_interface(ah_socket_setup *setup, int fd)
{
  const char *name = setup->policy->interface_name;
  if (name[0] != '\0' && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
                                    (socklen_t)strlen(name) + 1) != 0) {
    return setup_fail(setup, errno, "interface_name", name);
  }
  return 0;
}

static int setup_set_raw(ah_socket_setup *setup, int fd)
{
  for (size_t i = 0; i < setup->policy->opts.option_count; i++) {
    const ahttp_socket_option *option = &setup->policy->options[i];
    if (setsockopt(fd, option->level, option->name, option->value,
                   (socklen_t)option->value_len) != 0) {
      int os_errno = errno;
      (void)snprintf(setup->trouble, sizeof(setup->trouble),
                     "socket option %zu (level %d, name %d)", i + 1,
                     option->level, option->name);
      return os_errno;
    }
  }
  return 0;
}

/* Binds to |local|, or to any address of |family| if that is NULL, and a port
 * of the range. */
static int setup_bind(ah_socket_setup *setup, int fd, int family,
                      const ah_address *local)
{
  unsigned min = setup->policy == NULL ? 0 : setup->policy->opts.local_port_min;
  unsigned max = setup->policy == NULL ? 0 : setup->policy->opts.local_port_max;
  if (local == NULL && min == 0) {
    return 0;
  }
  ah_address address = {.v6 = {.sin6_family = AF_UNSPEC}};
  address.any.sa_family = (sa_family_t)family;
  if (local != NULL) {
    address = *local;
  }
  if (min == 0) {
    /* Otherwise bind() takes a port for this socket alone, and there are no
     * more connections than ports.  Failing only means that. */
    int on = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  }
  int os_errno = 0;
  for (unsigned port = min; port <= max; port++) {
    ah_address_set_port(&address, (uint16_t)port);
    if (bind(fd, &address.any, ah_address_len(&address)) == 0) {
      return 0;
    }
    os_errno = errno;
    if (os_errno != EADDRINUSE) {
      break; /* no other port would do better */
    }
  }
  char text[AH_ADDRESS_TEXT_BYTES];
  return local == NULL
             ? setup_fail(setup, os_errno, "local_port_min", "")
             : setup_fail(setup, os_errno, "local_address",
                          ah_address_print(local, text, sizeof(text)));
}

/* The one place where on_socket is called. */
static int setup_call_on_socket(ah_socket_setup *setup, int fd,
                                const ahttp_socket_target *target)
{
  const ahttp_net_opts *opts = &setup->policy->opts;
  if (opts->on_socket(fd, target, opts->user_data) == 0) {
    return 0;
  }
  setup->is_refused = true;
  return setup_fail(setup, ECANCELED, "on_socket", "");
}

static int setup_ask(ah_socket_setup *setup, int fd,
                     const struct sockaddr *peer)
{
  ahttp_socket_target target = {.size = sizeof(target), .host = setup->host};
  if (peer->sa_family == AF_UNIX) {
    const struct sockaddr_un *path =
        (const struct sockaddr_un *)(const void *)peer;
    target.address = path->sun_path;
    return setup_call_on_socket(setup, fd, &target);
  }
  ah_address address;
  char text[AH_ADDRESS_TEXT_BYTES];
  memcpy(&address, peer,
         peer->sa_family == AF_INET ? sizeof(address.v4) : sizeof(address.v6));
  target.address = ah_address_print(&address, text, sizeof(text));
  target.port = ah_address_port(&address);
  return setup_call_on_socket(setup, fd, &target);
}

static int setup_apply_ip(ah_socket_setup *setup, int fd, int family)
{
  const ah_local_address *locals = setup->local;
  int rv = 0;
  if (setup->policy != NULL) {
    rv = setup_set_interface(setup, fd);
    if (rv == 0) {
      rv = setup_set_named(setup, fd, family == AF_INET6);
    }
    if (rv == 0) {
      rv = setup_set_raw(setup, fd); /* some are about binding */
    }
    locals = locals == NULL ? &setup->policy->local : locals;
  }
  if (rv == 0) {
    rv = setup_bind(setup, fd, family,
                    locals == NULL ? NULL
                                   : ah_local_address_for(locals, family));
  }
  return rv;
}

bool ah_socket_policy_asks(const ah_socket_policy *policy)
{
  return policy != NULL && policy->opts.on_socket != NULL;
}

int ah_socket_setup_apply(ah_socket_setup *setup, int fd,
                          const struct sockaddr *peer)
{
  int rv = 0;
  if (peer->sa_family != AF_UNIX) {
    rv = setup_apply_ip(setup, fd, peer->sa_family);
  } else if (setup->policy != NULL) {
    rv = setup_set_raw(setup, fd);
  }
  if (rv == 0 && ah_socket_policy_asks(setup->policy)) {
    rv = setup_ask(setup, fd, peer);
  }
  return rv;
}

bool ah_socket_policy_keeps_nagle(const ah_socket_policy *policy)
{
  return policy != NULL && policy->opts.nagle;
}
