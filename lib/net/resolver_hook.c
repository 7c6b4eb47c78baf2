/* SPDX-License-Identifier: MIT */
/*
 * A resolution has two owners: the program, until it answers, and the hook,
 * while somebody waits for the answer.  The answer comes by letter, from
 * whatever thread; under the hook's lock it is decided whether there still is a
 * loop to send it to.  A resolution that the hook has let go of (its lookup was
 * cancelled, the client closed) is answered to nobody.
 *
 * A letter in the inbox keeps the hook from being closed, so that none is left
 * there when the loop is.
 */
#include "config.h"
#include "net/resolver_hook.h"

#include <stdatomic.h>
#include <string.h>

#include <ares.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

enum {
  REASON_BYTES = 128 /* leaves room for the URL and the host in an error */
};

struct ah_resolver_hook {
  ahttp_resolver opts;
  atomic_uint refs; /* the owner's and one for each resolution */
  uv_mutex_t lock;
  ah_loop *loop;   /* written under the lock: NULL once it is closed */
  unsigned posted; /* under the lock: letters on their way */

  /* The loop's thread's. */
  ah_list open; /* resolutions that somebody waits for */
  ah_task closed_task;
  void (*on_closed)(void *arg);
  void *closed_arg;
};

struct ahttp_resolution {
  ah_resolver_hook *hook; /* held */
  atomic_uint refs;       /* the program's, and the hook's while it is open or
                             its cancellation is to be told */
  ahttp_family family;

  /* The loop's thread's. */
  ah_list_node node;         /* in hook->open */
  ah_dns_question *question; /* NULL: nobody waits */
  ah_task cancel;

  bool is_given; /* under the hook's lock: the program has answered */

  /* The answer, written before the letter is posted. */
  ah_letter letter;
  ah_answer answer; /* its addresses are owned */
  uint32_t ttl;
  char reason[REASON_BYTES]; /* "" if there is none */
};

static void hook_unref(ah_resolver_hook *hook)
{
  if (atomic_fetch_sub_explicit(&hook->refs, 1, memory_order_acq_rel) == 1) {
    uv_mutex_destroy(&hook->lock);
    ah_free(hook);
  }
}

static void resolution_unref(ahttp_resolution *resolution)
{
  if (atomic_fetch_sub_explicit(&resolution->refs, 1, memory_order_acq_rel) ==
      1) {
    ah_address_list_unref(resolution->answer.addresses);
    hook_unref(resolution->hook);
    ah_free(resolution);
  }
}

/* Nobody waits for it any more.  The hook's reference is the caller's now. */
static ah_dns_question *resolution_detach(ahttp_resolution *resolution)
{
  ah_dns_question *question = resolution->question;
  ah_list_remove(&resolution->node);
  resolution->question = NULL;
  question->resolution = NULL;
  return question;
}

/* --- Answering. -----------------------------------------------------------
 */

static void hook_finish_closing(ah_resolver_hook *hook)
{
  uv_mutex_lock(&hook->lock);
  bool is_over = hook->loop == NULL && hook->posted == 0;
  uv_mutex_unlock(&hook->lock);
  if (is_over) {
    void (*on_closed)(void *arg) = hook->on_closed;
    hook->on_closed = NULL;
    ah_loop_undefer(&hook->closed_task);
    if (on_closed != NULL) {
      on_closed(hook->closed_arg);
      hook_unref(hook);
    }
  }
}

static void question_set_reason(ah_dns_question *question, const char *reason)
{
  if (reason[0] != '\0') {
    question->reason = ah_memdup0(reason, strlen(reason)); /* or does without */
  }
}

static void resolution_on_letter(ah_letter *letter)
{
  ahttp_resolution *resolution = AH_CONTAINER(letter, ahttp_resolution, letter);
  ah_resolver_hook *hook = resolution->hook;
  (void)atomic_fetch_add(&hook->refs, 1);
  uv_mutex_lock(&hook->lock);
  hook->posted--;
  uv_mutex_unlock(&hook->lock);
  if (resolution->question != NULL) {
    ah_dns_question *question = resolution_detach(resolution);
    question_set_reason(question, resolution->reason);
    question->answered(question, &resolution->answer, resolution->ttl);
    resolution_unref(resolution); /* the hook's */
  }
  resolution_unref(resolution); /* the program's */
  hook_finish_closing(hook);
  hook_unref(hook);
}

/* Hands the answer in.  Any thread. */
static void resolution_post(ahttp_resolution *resolution)
{
  ah_resolver_hook *hook = resolution->hook;
  uv_mutex_lock(&hook->lock);
  ah_assert(!resolution->is_given); /* answered twice */
  resolution->is_given = true;
  bool is_posted = hook->loop != NULL;
  if (is_posted) {
    hook->posted++;
    (void)ah_loop_post(hook->loop, &resolution->letter);
  }
  uv_mutex_unlock(&hook->lock);
  if (!is_posted) {
    resolution_unref(resolution);
  }
}

/* Reads the addresses of |family| out of |list|; the count, or -1 if something
 * is none. */
static int addresses_read(ah_address *items, ahttp_str list,
                          ahttp_family family)
{
  int count = 0;
  int wanted = family == AHTTP_FAMILY_V4 ? AF_INET : AF_INET6;
  ahttp_str element;
  while (ah_str_next_element(&list, &element)) {
    ah_address address;
    if (!ah_address_parse(&address, element, 0)) {
      return -1;
    }
    if (address.any.sa_family == wanted && count < AH_ADDRESSES_MAX) {
      items[count++] = address;
    }
  }
  return count;
}

int ahttp_resolution_answer(ahttp_resolution *resolution, const char *addresses,
                            uint32_t ttl_s)
{
  ah_address items[AH_ADDRESSES_MAX];
  int count =
      addresses_read(items, ah_str_from_c(addresses), resolution->family);
  if (count < 0) {
    ahttp_resolution_fail(resolution, AHTTP_ERESOLVE,
                          "the resolver answered with what is no address");
    return AHTTP_EINVAL;
  }
  resolution->answer.status = ARES_ENODATA;
  if (count > 0) {
    ah_address_list *list = ah_address_list_new(items, (size_t)count);
    if (list == NULL) {
      ahttp_resolution_fail(resolution, AHTTP_ENOMEM, NULL);
      return AHTTP_ENOMEM;
    }
    resolution->answer.status = ARES_SUCCESS;
    resolution->answer.addresses = list;
  }
  resolution->ttl = ttl_s;
  resolution_post(resolution);
  return AHTTP_OK;
}

void ahttp_resolution_fail(ahttp_resolution *resolution, int code,
                           const char *text)
{
  resolution->answer.status = code == AHTTP_ENOTFOUND ? ARES_ENOTFOUND
                              : code == AHTTP_ENOMEM  ? ARES_ENOMEM
                                                      : ARES_ESERVFAIL;
  if (text != NULL) {
    size_t len = strnlen(text, sizeof(resolution->reason) - 1);
    memcpy(resolution->reason, text, len);
    resolution->reason[len] = '\0';
  }
  resolution_post(resolution);
}

/* --- Asking. ---------------------------------------------------------------
 */

static void resolution_tell_cancel(ah_task *task)
{
  ahttp_resolution *resolution = AH_CONTAINER(task, ahttp_resolution, cancel);
  ah_resolver_hook *hook = resolution->hook;
  const ahttp_resolver *opts = &hook->opts;
  uv_mutex_lock(&hook->lock);
  bool is_given = resolution->is_given;
  uv_mutex_unlock(&hook->lock);
  if (!is_given && opts->cancel != NULL) {
    opts->cancel(resolution, opts->user_data);
  }
  resolution_unref(resolution); /* the hook's */
}

static ahttp_resolution *resolution_new(ah_resolver_hook *hook, int family)
{
  ahttp_resolution *resolution = ah_calloc(1, sizeof(*resolution));
  if (resolution == NULL) {
    return NULL;
  }
  (void)atomic_fetch_add(&hook->refs, 1);
  resolution->hook = hook;
  atomic_init(&resolution->refs, 2);
  resolution->family = family == AF_INET ? AHTTP_FAMILY_V4 : AHTTP_FAMILY_V6;
  resolution->letter.run = resolution_on_letter;
  resolution->cancel.run = resolution_tell_cancel;
  return resolution;
}

void ah_resolver_hook_ask(ah_resolver_hook *hook, ah_dns_question *question,
                          const char *host, uint16_t port)
{
  ah_assert(question->resolution == NULL && hook->loop != NULL);
  ahttp_resolution *resolution = resolution_new(hook, question->family);
  if (resolution == NULL) {
    const ah_answer answer = {.status = ARES_ENOMEM};
    question->answered(question, &answer, 0);
    return;
  }
  resolution->question = question;
  question->resolution = resolution;
  ah_list_push_back(&hook->open, &resolution->node);
  hook->opts.start(resolution, host, port, resolution->family,
                   hook->opts.user_data);
}

/* Has the program told that nobody waits, in a turn of its own. */
static ah_dns_question *hook_cancel(ah_resolver_hook *hook,
                                    ahttp_resolution *resolution)
{
  ah_loop_defer(hook->loop, &resolution->cancel);
  return resolution_detach(resolution);
}

void ah_resolver_hook_forget(ah_resolver_hook *hook, ah_dns_question *question)
{
  (void)hook_cancel(hook, question->resolution);
}

/* --- Life. -----------------------------------------------------------------
 */

int ah_resolver_hook_new(ah_resolver_hook **out, ah_loop *loop,
                         const ahttp_resolver *opts)
{
  *out = NULL;
  if (opts->size < sizeof(opts->size) || opts->size > sizeof(*opts)) {
    return AHTTP_EINVAL;
  }
  ah_resolver_hook *hook = ah_calloc(1, sizeof(*hook));
  if (hook == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(&hook->opts, opts, opts->size);
  if (hook->opts.start == NULL) {
    ah_free(hook);
    return AHTTP_EINVAL;
  }
  if (uv_mutex_init(&hook->lock) != 0) {
    ah_free(hook);
    return AHTTP_ENOMEM;
  }
  atomic_init(&hook->refs, 1);
  hook->loop = loop;
  ah_list_init(&hook->open);
  *out = hook;
  return AHTTP_OK;
}

static void hook_on_close(ah_task *task)
{
  hook_finish_closing(AH_CONTAINER(task, ah_resolver_hook, closed_task));
}

void ah_resolver_hook_close(ah_resolver_hook *hook,
                            void (*on_closed)(void *arg), void *arg)
{
  const ah_answer answer = {.status = ARES_EDESTRUCTION};
  ah_list_node *node;
  while ((node = ah_list_first(&hook->open)) != NULL) {
    ah_dns_question *question =
        hook_cancel(hook, AH_CONTAINER(node, ahttp_resolution, node));
    question->answered(question, &answer, 0);
  }
  hook->on_closed = on_closed;
  hook->closed_arg = arg;
  hook->closed_task.run = hook_on_close;
  ah_loop_defer(hook->loop, &hook->closed_task); /* after those cancellations */
  uv_mutex_lock(&hook->lock);
  hook->loop = NULL;
  uv_mutex_unlock(&hook->lock);
}
