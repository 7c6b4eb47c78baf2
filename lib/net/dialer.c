/* SPDX-License-Identifier: MIT */
/*
 * Happy Eyeballs version 2 (RFC 8305).
 *
 * The two families are looked up side by side.  Attempts begin with the first
 * AAAA answer; with an A answer only after the resolution delay (section 3), so
 * that IPv6 keeps its head start.  Addresses that arrive later join the queue.
 *
 * Attempts take the families in turn (section 4), beginning with IPv6.  The
 * next one begins when the attempt delay has passed or at once when one fails
 * (section 5).  The first socket to connect wins and the others are closed.
 *
 * Not done: sorting within a family (RFC 6724) beyond the servers' order, and
 * remembering what won.
 *
 * Everything a dial decides is recorded first and told by its task at the end
 * of the turn, when nothing of it is left but its memory.
 */
#include "config.h"
#include "net/dialer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "net/address_list.h"
#include "net/connect_attempt.h"
#include "net/deadline.h"
#include "net/dial_trace.h"
#include "net/error_map.h"

enum {
  DIAL_RESOLUTION_DELAY_MS = 50, /* RFC 8305, section 8 */
  DIAL_ATTEMPT_DELAY_MS = 250,   /* the same */
  /* Attempts open at a time: enough to get past a dead family, few enough not
   * to flood a server that is slow. */
  DIAL_ATTEMPTS_MAX = 4,
  /* A unix socket whose backlog is full cannot be waited for: connect() says
   * EAGAIN and begins nothing.  So it is tried again this often. */
  DIAL_UNIX_RETRY_MS = 10
};

enum {
  QUEUE_V6,
  QUEUE_V4,
  QUEUE_COUNT
};

/* Addresses of one family; those before |next| have been tried. */
typedef struct dial_queue {
  size_t next;
  bool answered;
  ah_address_list *list; /* NULL: none */
} dial_queue;

struct ah_dial {
  ah_loop *loop;
  ah_dial_done_fn done;
  void *owner;
  ah_teller *teller;

  ah_lookup lookup;
  dial_queue queues[QUEUE_COUNT];
  int turn;     /* the queue to take from next */
  bool started; /* attempts may be made */
  uint64_t resolved_ns;
  ah_deadline resolution_delay;

  ah_list attempts;
  unsigned attempts_open;
  ah_deadline attempt_delay; /* armed: too early for another */

  const ah_socket_policy *policy; /* or NULL */
  const ah_local_address *local;  /* or NULL */
  unsigned families;              /* AH_USE_... that may be tried */
  bool is_asking;                 /* on_socket of the policy may be running */
  bool is_cancelled; /* while it was: to be freed when it returns */

  bool has_tried; /* an address: |error| is not of the lookup */
  bool over;      /* |stream| or |error| is the outcome, |finish| is queued */
  ah_stream *stream;
  ah_task finish;

  /* Without a lookup. */
  ah_task begin;      /* to connect, if setting up the socket calls the user */
  ah_address literal; /* what the host says it is, unless |is_unix| */

  bool is_unix;
  /* What failed so far: the most telling, and a text that names all.  It and
   * what follows are not zero at first. */
  ahttp_error error;
  char name[]; /* host, or path of the unix socket; NUL-terminated */
};

/* --- Outcome --- */

static void dial_drop_attempt(ah_dial *dial, ah_connect_attempt *attempt)
{
  dial->attempts_open--;
  ah_connect_attempt_close(attempt);
}

/* Stops everything but |finish|. */
static void dial_stop(ah_dial *dial)
{
  ah_lookup_cancel(&dial->lookup);
  ah_deadline_stop(&dial->resolution_delay);
  ah_deadline_stop(&dial->attempt_delay);
  ah_list_node *node;
  while ((node = ah_list_first(&dial->attempts)) != NULL) {
    ah_connect_attempt *attempt = AH_CONTAINER(node, ah_connect_attempt, node);
    ah_dial_tell_outcome(dial->teller, &attempt->address, NULL, ECANCELED);
    dial_drop_attempt(dial, attempt);
  }
}

static void dial_end(ah_dial *dial)
{
  ah_assert(!dial->over);
  dial->over = true;
  dial_stop(dial);
  ah_loop_defer(dial->loop, &dial->finish);
}

/* How much an error says about why nothing could be reached.  That a family has
 * no route is normal and says least; a refusal says that the host is there. */
static int code_weight(int code)
{
  switch (code) {
  case AHTTP_OK:
    return 0;
  case AHTTP_EUNREACHABLE:
    return 1;
  case AHTTP_EREFUSED:
    return 2;
  case AHTTP_ECALLBACK: /* it was the program itself that did not want to */
    return 4;
  case AHTTP_ENOMEM:
    return 5;
  default:
    return 3;
  }
}

/* Appends |text| to the text of |err|, cut at the end of the room. */
static void error_append(ahttp_error *err, const char *text)
{
  size_t len = strlen(err->text);
  size_t part = strnlen(text, sizeof(err->text) - len - 1);
  memcpy(err->text + len, text, part);
  err->text[len + part] = '\0';
}

/* Of an address that was tried; from then on the lookup does not matter. */
static void dial_note_error(ah_dial *dial, const ahttp_error *err)
{
  if (!dial->has_tried) {
    dial->has_tried = true;
    ah_error_clear(&dial->error);
  }
  if (dial->error.code != AHTTP_OK) {
    error_append(&dial->error, "; ");
  }
  error_append(&dial->error, err->text);
  if (code_weight(err->code) > code_weight(dial->error.code)) {
    dial->error.code = err->code;
    dial->error.phase = err->phase;
    dial->error.domain = err->domain;
    dial->error.native = err->native;
  }
}

static void dial_note_failure(ah_dial *dial, int os_errno, const char *where)
{
  ahttp_error err;
  (void)ah_error_from_errno(&err, os_errno, AHTTP_PHASE_CONNECT, where);
  dial_note_error(dial, &err);
}

static void dial_note_address_failure(ah_dial *dial, int os_errno,
                                      const ah_address *address)
{
  char where[AH_ADDRESS_TEXT_BYTES];
  ah_dial_tell_outcome(dial->teller, address, NULL, os_errno);
  ah_address_print_port(address, where, sizeof(where));
  dial_note_failure(dial, os_errno, where);
}

/* The same when it may have been a matter of setting the socket up. */
static void dial_note_setup_failure(ah_dial *dial, int os_errno,
                                    const char *where,
                                    const ah_socket_setup *setup)
{
  ahttp_error err;
  if (setup->is_refused) {
    ah_error_say(&err, AHTTP_ECALLBACK, AHTTP_PHASE_CONNECT,
                 "%s: refused by on_socket", where);
  } else {
    char what[AH_SOCKET_TROUBLE_BYTES + AH_ADDRESS_TEXT_BYTES];
    (void)snprintf(what, sizeof(what), "%s: setting %s", where, setup->trouble);
    (void)ah_error_from_errno(&err, os_errno, AHTTP_PHASE_CONNECT,
                              setup->trouble[0] == '\0' ? where : what);
    if (setup->trouble[0] != '\0' && err.code != AHTTP_ENOMEM) {
      err.code = AHTTP_ECONNECT; /* it says nothing about the peer */
    }
  }
  dial_note_error(dial, &err);
}

/* Takes over |socket|, which is connected to |peer| (NULL: a unix socket). */
static void dial_win(ah_dial *dial, ah_socket *socket, const ah_address *peer)
{
  ah_dial_tell_outcome(dial->teller, peer, dial->name, 0);
  socket->keeps_nagle = ah_socket_policy_keeps_nagle(dial->policy);
  int rv = ah_socket_stream_new(&dial->stream, dial->loop, socket, peer);
  if (rv != AHTTP_OK) {
    ah_error_plain(&dial->error, rv, AHTTP_PHASE_CONNECT);
  }
  dial_end(dial);
}

static void dial_lose(ah_dial *dial)
{
  if (!dial->has_tried) {
    if (dial->error.code == AHTTP_OK) {
      (void)ah_error_no_address(&dial->error, dial->name);
    }
    if (dial->families != AH_USE_ANY) {
      error_append(&dial->error, dial->families == AH_USE_V4
                                     ? " (only IPv4 addresses are used)"
                                     : " (only IPv6 addresses are used)");
    }
    ah_dial_tell_unresolved(dial->teller, &dial->error);
  }
  ah_assert(dial->error.code != AHTTP_OK);
  dial_end(dial);
}

/* --- Trying --- */

/* Trying an address goes on to the next when that one has failed. */
static void dial_go_on(ah_dial *dial);

static void dial_on_attempt_ended(ah_connect_attempt *attempt, int os_errno)
{
  ah_dial *dial = attempt->owner;
  if (os_errno == 0) {
    ah_address address = attempt->address;
    dial->attempts_open--;
    dial_win(dial, ah_connect_attempt_take_socket(attempt), &address);
    return;
  }
  dial_note_address_failure(dial, os_errno, &attempt->address);
  dial_drop_attempt(dial, attempt);
  ah_deadline_stop(&dial->attempt_delay); /* the next one at once */
  dial_go_on(dial);
}

static void dial_free(ah_dial *dial)
{
  for (int i = 0; i < QUEUE_COUNT; i++) {
    ah_address_list_unref(dial->queues[i].list);
  }
  ah_free(dial);
}

/* Closes what a dial that is gone had begun; either may be NULL. */
static void dial_drop_connection(ah_connect_attempt *attempt, ah_socket *socket)
{
  if (attempt != NULL) {
    ah_connect_attempt_close(attempt);
  }
  if (socket != NULL) {
    ah_socket_close(socket);
  }
}

/* Undoes |dial->is_asking|.  False if the dial was cancelled meanwhile: it is
 * gone. */
static bool dial_go_on_after_asking(ah_dial *dial)
{
  dial->is_asking = false;
  if (dial->is_cancelled) {
    dial_free(dial);
    return false;
  }
  return true;
}

/* Begins to connect to |address|.  False if the dial is over, or gone. */
static bool dial_try(ah_dial *dial, const ah_address *address)
{
  ah_socket *socket;
  ah_connect_attempt *attempt;
  ah_socket_setup setup = {
      .policy = dial->policy, .local = dial->local, .host = dial->name};
  dial->is_asking = ah_socket_policy_asks(dial->policy);
  ah_loop *loop = dial->loop;
  ah_dial_tell_attempt(dial->teller, address, NULL);
  int os_errno =
      ah_connect_attempt_start(&attempt, &socket, loop, address, &setup);
  if (dial->is_asking && !dial_go_on_after_asking(dial)) {
    dial_drop_connection(attempt, socket);
    return false;
  }
  if (os_errno != 0) {
    char where[AH_ADDRESS_TEXT_BYTES];
    ah_dial_tell_outcome(dial->teller, address, NULL, os_errno);
    ah_address_print_port(address, where, sizeof(where));
    dial_note_setup_failure(dial, os_errno, where, &setup);
    return true;
  }
  if (attempt == NULL) {
    dial_win(dial, socket, address);
    return false;
  }
  attempt->ended = dial_on_attempt_ended;
  attempt->owner = dial;
  ah_list_push_back(&dial->attempts, &attempt->node);
  dial->attempts_open++;
  ah_deadline_start(dial->loop, &dial->attempt_delay, DIAL_ATTEMPT_DELAY_MS);
  return true;
}

/* The address to try next, families in turn; NULL if none is left for now. */
static const ah_address *dial_next_address(ah_dial *dial)
{
  for (int i = 0; i < QUEUE_COUNT; i++) {
    dial_queue *queue = &dial->queues[dial->turn];
    dial->turn = (dial->turn + 1) % QUEUE_COUNT;
    if (queue->list != NULL && queue->next < queue->list->count) {
      queue->next++;
      return &queue->list->items[queue->next - 1];
    }
  }
  return NULL;
}

static bool dial_is_resolved(const ah_dial *dial)
{
  return dial->queues[QUEUE_V6].answered && dial->queues[QUEUE_V4].answered;
}

static void dial_go_on(ah_dial *dial)
{
  while (dial->started && dial->attempts_open < DIAL_ATTEMPTS_MAX &&
         !ah_list_is_linked(&dial->attempt_delay.node)) {
    const ah_address *address = dial_next_address(dial);
    if (address == NULL) {
      if (dial->attempts_open == 0 && dial_is_resolved(dial)) {
        dial_lose(dial);
      }
      return;
    }
    if (!dial_try(dial, address)) {
      return;
    }
  }
}

static void dial_on_attempt_delay(ah_deadline *deadline)
{
  dial_go_on(AH_CONTAINER(deadline, ah_dial, attempt_delay));
}

static void dial_begin(ah_dial *dial)
{
  const ah_address_list *v6 = dial->queues[QUEUE_V6].list;
  const ah_address_list *v4 = dial->queues[QUEUE_V4].list;
  if (!dial->started && (v6 != NULL || v4 != NULL)) {
    ah_dial_tell_resolved(dial->teller, v6, v4);
  }
  dial->started = true;
}

static void dial_on_resolution_delay(ah_deadline *deadline)
{
  ah_dial *dial = AH_CONTAINER(deadline, ah_dial, resolution_delay);
  dial_begin(dial);
  dial_go_on(dial);
}

/* --- Resolving --- */

/* Keeps the more telling error: that a server failed says more than that there
 * is no such name. */
static void dial_note_lookup_error(ah_dial *dial, const ahttp_error *err)
{
  if (!dial->has_tried &&
      (dial->error.code == AHTTP_OK || dial->error.code == AHTTP_ENOTFOUND)) {
    dial->error = *err;
  }
}

static void dial_on_answer(ah_lookup *lookup, int family,
                           const ah_address *addresses, size_t count,
                           const ahttp_error *err)
{
  ah_dial *dial = AH_CONTAINER(lookup, ah_dial, lookup);
  dial_queue *queue = &dial->queues[family == AF_INET6 ? QUEUE_V6 : QUEUE_V4];
  ah_assert(!dial->over);
  queue->answered = true;
  if (err != NULL) {
    dial_note_lookup_error(dial, err);
  } else if (count > 0) {
    queue->list = ah_address_list_new(addresses, count);
    if (queue->list == NULL) {
      dial_note_failure(dial, ENOMEM, dial->name);
    } else if (dial->resolved_ns == 0) {
      dial->resolved_ns = ah_loop_read_clock(dial->loop);
    }
  }
  /* RFC 8305, section 3: IPv6 addresses are used at once; with IPv4 ones the
   * other answer is waited for, but not for long. */
  bool has_v6 = dial->queues[QUEUE_V6].list != NULL;
  if (has_v6 || dial_is_resolved(dial)) {
    ah_deadline_stop(&dial->resolution_delay);
    dial_begin(dial);
  } else if (dial->queues[QUEUE_V4].list != NULL) {
    ah_deadline_start(dial->loop, &dial->resolution_delay,
                      DIAL_RESOLUTION_DELAY_MS);
  }
  dial_go_on(dial);
}

/* --- IP literals --- */

static void dial_begin_literal(ah_task *task)
{
  ah_dial *dial = AH_CONTAINER(task, ah_dial, begin);
  if (dial_try(dial, &dial->literal)) {
    dial_go_on(dial); /* if that has failed there is nothing else */
  }
}

/* --- Unix sockets --- */

/* 0 with the connected socket, or an errno. */
static int unix_socket_new(ah_socket **out, ah_loop *loop, const char *path,
                           ah_socket_setup *setup)
{
  *out = NULL;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(path);
  if (len >= sizeof(address.sun_path)) {
    return ENAMETOOLONG;
  }
  memcpy(address.sun_path, path, len + 1);
  int fd;
  bool is_connected; /* it is at once or not at all */
  int os_errno = ah_socket_connect(&fd, (const struct sockaddr *)&address,
                                   sizeof(address), setup, &is_connected);
  if (os_errno != 0) {
    return os_errno;
  }
  os_errno = ah_socket_new(out, loop, fd);
  if (os_errno != 0) {
    (void)close(fd);
  }
  return os_errno;
}

static void dial_try_unix(ah_deadline *deadline)
{
  ah_dial *dial = AH_CONTAINER(deadline, ah_dial, attempt_delay);
  ah_socket *socket;
  ah_socket_setup setup = {.policy = dial->policy, .host = ""};
  dial->is_asking = ah_socket_policy_asks(dial->policy);
  int os_errno = unix_socket_new(&socket, dial->loop, dial->name, &setup);
  if (dial->is_asking && !dial_go_on_after_asking(dial)) {
    dial_drop_connection(NULL, socket);
  } else if (os_errno == EAGAIN && setup.trouble[0] == '\0') {
    ah_deadline_start(dial->loop, &dial->attempt_delay, DIAL_UNIX_RETRY_MS);
  } else if (os_errno != 0) {
    ah_dial_tell_outcome(dial->teller, NULL, dial->name, os_errno);
    dial_note_setup_failure(dial, os_errno, dial->name, &setup);
    dial_lose(dial);
  } else {
    dial_win(dial, socket, NULL);
  }
}

static void dial_begin_unix(ah_task *task)
{
  dial_try_unix(&AH_CONTAINER(task, ah_dial, begin)->attempt_delay);
}

/* --- Life --- */

static void dial_finish(ah_task *task)
{
  ah_dial *dial = AH_CONTAINER(task, ah_dial, finish);
  dial->done(dial->owner, dial->stream, dial->resolved_ns,
             dial->stream == NULL ? &dial->error : NULL);
  dial_free(dial);
}

static ah_dial *dial_new(ah_loop *loop, const ah_dial_opts *opts)
{
  bool is_unix = opts->unix_path.len > 0;
  ahttp_str name = is_unix ? opts->unix_path : opts->host;
  ah_dial *dial = ah_malloc(sizeof(*dial) + name.len + 1);
  if (dial == NULL) {
    return NULL;
  }
  ah_zero(dial, offsetof(ah_dial, error));
  ah_error_clear(&dial->error);
  if (name.len > 0) {
    memcpy(dial->name, name.ptr, name.len);
  }
  dial->name[name.len] = '\0';
  dial->is_unix = is_unix;
  dial->loop = loop;
  dial->lookup.on_answer = dial_on_answer;
  dial->policy = opts->policy;
  dial->local = opts->local;
  dial->families = ah_socket_policy_families(opts->policy, opts->local);
  dial->resolution_delay.expired = dial_on_resolution_delay;
  dial->attempt_delay.expired = is_unix ? dial_try_unix : dial_on_attempt_delay;
  dial->finish.run = dial_finish;
  ah_list_init(&dial->attempts);
  return dial;
}

/* Connects without a lookup, by |run|: now, or in a turn of its own if that
 * calls the user. */
static void dial_connect(ah_dial *dial, void (*run)(ah_task *task))
{
  dial->resolved_ns = ah_loop_now_ns(dial->loop); /* there was nothing to do */
  dial->begin.run = run;
  if (ah_socket_policy_asks(dial->policy)) {
    ah_loop_defer(dial->loop, &dial->begin);
  } else {
    run(&dial->begin);
  }
}

static int dial_look_up(ah_dial *dial, ah_resolver *resolver,
                        const ah_dial_opts *opts)
{
  ah_assert(dial->families != 0);
  dial->lookup.families = dial->families;
  dial->queues[QUEUE_V6].answered = (dial->families & AH_USE_V6) == 0;
  dial->queues[QUEUE_V4].answered = (dial->families & AH_USE_V4) == 0;
  int rv = ah_resolver_lookup(resolver, &dial->lookup, opts->host, opts->port);
  if (rv == AHTTP_OK) {
    ah_dial_tell_lookup(dial->teller, dial->name);
  }
  return rv;
}

/* True if the host is an address, of a family that is allowed. */
static bool dial_read_literal(ah_dial *dial, const ah_resolver *resolver,
                              const ah_dial_opts *opts)
{
  if (!ah_resolver_read_literal(resolver, opts->host, opts->port,
                                &dial->literal)) {
    return false;
  }
  bool is_v6 = dial->literal.any.sa_family == AF_INET6;
  return (dial->families & (is_v6 ? AH_USE_V6 : AH_USE_V4)) != 0;
}

int ah_dial_start(ah_dial **out, ah_loop *loop, ah_resolver *resolver,
                  const ah_dial_opts *opts, ah_dial_done_fn done, void *owner)
{
  *out = NULL;
  ah_dial *dial = dial_new(loop, opts);
  if (dial == NULL) {
    return AHTTP_ENOMEM;
  }
  dial->done = done;
  dial->owner = owner;
  dial->teller = opts->teller;
  int rv = AHTTP_OK;
  if (dial->is_unix) {
    ah_dial_tell_attempt(dial->teller, NULL, dial->name);
    dial_connect(dial, dial_begin_unix);
  } else if (dial_read_literal(dial, resolver, opts)) {
    dial->queues[QUEUE_V6].answered = true;
    dial->queues[QUEUE_V4].answered = true;
    dial->started = true;
    dial_connect(dial, dial_begin_literal);
  } else {
    rv = dial_look_up(dial, resolver, opts);
  }
  if (rv != AHTTP_OK) {
    ah_free(dial);
    return rv;
  }
  *out = dial;
  return AHTTP_OK;
}

uint64_t ah_dial_resolved_ns(const ah_dial *dial)
{
  return dial->resolved_ns;
}

/* Says what is under way: the addresses being tried, and those that failed. */
static void dial_describe(const ah_dial *dial, ahttp_error *err)
{
  bool is_connecting = dial->is_unix || dial->started;
  err->phase = is_connecting ? AHTTP_PHASE_CONNECT : AHTTP_PHASE_DNS;
  err->text[0] = '\0';
  error_append(err, is_connecting ? "connecting to " : "resolving ");
  const char *separator = "";
  AH_LIST_FOREACH (node, &dial->attempts) {
    char where[AH_ADDRESS_TEXT_BYTES];
    const ah_connect_attempt *attempt =
        AH_CONTAINER(node, ah_connect_attempt, node);
    error_append(err, separator);
    error_append(
        err, ah_address_print_port(&attempt->address, where, sizeof(where)));
    separator = ", ";
  }
  if (dial->attempts_open == 0) {
    error_append(err, dial->name);
  }
  if (dial->has_tried) {
    error_append(err, " (");
    error_append(err, dial->error.text);
    error_append(err, ")");
  }
}

/* The step that no attempt tells of. */
static void dial_tell_given_up(const ah_dial *dial)
{
  ahttp_error err;
  ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_DNS);
  if (dial->is_unix) {
    ah_dial_tell_outcome(dial->teller, NULL, dial->name, ECANCELED);
  } else if (!dial->started) {
    ah_dial_tell_unresolved(dial->teller, &err);
  }
}

void ah_dial_cancel(ah_dial *dial, ahttp_error *err)
{
  if (err != NULL) {
    dial_describe(dial, err);
  }
  if (!dial->over) {
    dial_tell_given_up(dial);
  }
  dial_stop(dial);
  ah_loop_undefer(&dial->finish);
  ah_loop_undefer(&dial->begin);
  if (dial->stream != NULL) {
    dial->stream->ops->close(dial->stream);
  }
  if (dial->is_asking) {
    dial->is_cancelled = true;
    return;
  }
  dial_free(dial);
}
