/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/cell_actions.h"

#include <stdint.h>
#include <stdlib.h>

#include <ahttp/ahttp.h>

enum {
  REFUSAL = 77 /* no code, and nothing that a callback may answer */
};

/* --- Ending calls. ------------------------------------------------------- */

static void cancel(cell_call *it)
{
  cell_call_expect(it, AHTTP_ECANCELED);
  ahttp_call_cancel(it->call);
}

static void cancel_self(call_cell *cell)
{
  cancel(&cell->self);
}

static void cancel_self_twice(call_cell *cell)
{
  cancel(&cell->self);
  cancel(&cell->self);
}

static void cancel_sibling(call_cell *cell)
{
  cancel(&cell->sibling);
}

static void cancel_stranger(call_cell *cell)
{
  cancel(&cell->stranger);
}

static void cancel_all(call_cell *cell)
{
  cancel(&cell->sibling);
  cancel(&cell->self);
  cancel(&cell->stranger);
}

/* The callback itself says that it wants no more. */
static void refuse(call_cell *cell)
{
  bool is_source = cell->place == CELL_READ_NOTHING || cell->place == CELL_READ;
  cell_call_expect(&cell->self, is_source ? AHTTP_EBODY : AHTTP_ECALLBACK);
  cell->verdict = REFUSAL;
}

static void cancel_self_and_refuse(call_cell *cell)
{
  cancel(&cell->self);
  cell->verdict = REFUSAL;
}

/* --- Starting calls. ----------------------------------------------------- */

static void start_same_origin(call_cell *cell)
{
  (void)call_cell_start(cell, true, "/events");
}

static void start_other_origin(call_cell *cell)
{
  (void)call_cell_start(cell, false, "/events");
}

static void start_many(call_cell *cell)
{
  for (int i = 0; i < CELL_LATE_MAX; i++) {
    (void)call_cell_start(cell, i % 2 == 0, "/events");
  }
}

static void start_and_cancel(call_cell *cell)
{
  cancel(call_cell_start(cell, true, "/silent"));
  cancel(call_cell_start(cell, false, "/silent"));
}

static void start_and_pause(call_cell *cell)
{
  cell_call *it = call_cell_start(cell, true, "/events");
  it->is_paused = true;
  ahttp_call_pause(it->call);
}

static void cancel_self_then_start(call_cell *cell)
{
  cancel(&cell->self);
  (void)call_cell_start(cell, true, "/events");
}

static void cancel_sibling_then_start(call_cell *cell)
{
  cancel(&cell->sibling);
  (void)call_cell_start(cell, true, "/events");
}

static void submit(call_cell *cell)
{
  call_cell_submit(cell, &cell->sibling);
  call_cell_submit(cell, &cell->stranger);
}

static void submit_and_free(call_cell *cell)
{
  ahttp_future_free(ahttp_submit(cell->client, cell->sibling.request, NULL));
}

/* --- Flow control. ------------------------------------------------------- */

static void pause_call(cell_call *it)
{
  it->is_paused = !it->is_done;
  ahttp_call_pause(it->call);
}

static void pause_self(call_cell *cell)
{
  pause_call(&cell->self);
}

static void pause_sibling(call_cell *cell)
{
  pause_call(&cell->sibling);
}

static void pause_all(call_cell *cell)
{
  pause_call(&cell->self);
  pause_call(&cell->sibling);
  pause_call(&cell->stranger);
}

static void resume_call(cell_call *it)
{
  it->is_paused = false;
  ahttp_call_resume(it->call);
}

static void pause_and_resume_self(call_cell *cell)
{
  ahttp_call_pause(cell->self.call);
  resume_call(&cell->self);
}

static void pause_and_cancel_self(call_cell *cell)
{
  ahttp_call_pause(cell->self.call);
  cancel(&cell->self);
  ahttp_call_resume(cell->self.call);
}

static void resume_self(call_cell *cell)
{
  resume_call(&cell->self);
}

static void resume_sibling(call_cell *cell)
{
  resume_call(&cell->sibling);
}

/* More than was given out is no more than all of it. */
static void credit_self(call_cell *cell)
{
  ahttp_call_credit(cell->self.call, 0);
  ahttp_call_credit(cell->self.call, 1);
  ahttp_call_credit(cell->self.call, SIZE_MAX);
}

static void credit_sibling(call_cell *cell)
{
  ahttp_call_credit(cell->sibling.call, SIZE_MAX);
}

static void manual_credit_self(call_cell *cell)
{
  cell->self.is_manual = true;
  ahttp_call_set_manual_credit(cell->self.call);
  ahttp_call_credit(cell->self.call, SIZE_MAX);
}

static void manual_credit_sibling(call_cell *cell)
{
  cell->sibling.is_manual = true;
  ahttp_call_set_manual_credit(cell->sibling.call);
}

static void content_ready_self(call_cell *cell)
{
  ahttp_call_content_ready(cell->self.call);
  ahttp_call_content_ready(cell->self.call);
}

static void content_ready_sibling(call_cell *cell)
{
  ahttp_call_content_ready(cell->sibling.call);
}

/* --- Looking and holding. ------------------------------------------------ */

static void look_at(const call_cell *cell, const cell_call *it)
{
  ahttp_call_info info = {.size = sizeof(info)};
  ahttp_call_get_info(it->call, &info);
  if (info.phase > AHTTP_PHASE_RECEIVE || info.remote_address == NULL ||
      info.tls_version == NULL ||
      (it->request != NULL && ahttp_call_request(it->call) != it->request)) {
    call_cell_fail(cell, "the call's description");
  }
}

static void look_at_all(call_cell *cell)
{
  look_at(cell, &cell->self);
  look_at(cell, &cell->sibling);
  look_at(cell, &cell->stranger);
}

static void get_stats(call_cell *cell)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(cell->client, &stats);
  if (stats.calls_active < cell->pending ||
      stats.conns_open > stats.conns_made) {
    call_cell_fail(cell, "the client's counters");
  }
}

static void ref_and_unref(call_cell *cell)
{
  ahttp_call_unref(ahttp_call_ref(cell->self.call));
  ahttp_call_unref(ahttp_call_ref(cell->sibling.call));
}

/* What is left are the library's own references. */
static void drop_call(cell_call *it)
{
  ahttp_call_unref(it->call);
  it->call = NULL;
}

static void drop_calls(call_cell *cell)
{
  drop_call(&cell->self);
  drop_call(&cell->sibling);
}

static void drop_request(cell_call *it)
{
  ahttp_request_free(it->request);
  it->request = NULL;
}

static void drop_requests(call_cell *cell)
{
  drop_request(&cell->self);
  drop_request(&cell->sibling);
  drop_request(&cell->stranger);
}

/* The request is under way: it cannot be changed any more. */
static void change_request(call_cell *cell)
{
  ahttp_request *request = cell->sibling.request;
  if (ahttp_request_add_field(request, "x-late", "1") != AHTTP_ESTATE ||
      ahttp_request_set_content(request, "x", 1) != AHTTP_ESTATE) {
    call_cell_fail(cell, "a sent request was changed");
  }
}

static void send_request_again(call_cell *cell)
{
  (void)call_cell_start_again(cell, cell->sibling.request);
  (void)call_cell_start_again(cell, cell->stranger.request);
}

/* --- Clients. ------------------------------------------------------------ */

static void close_client(call_cell *cell)
{
  call_cell_expect_all(cell, AHTTP_ECLOSED);
  cell->closings++;
  ahttp_client_close(cell->client, call_cell_on_closed, cell);
  cell->client = NULL;
}

static void free_client(call_cell *cell)
{
  call_cell_expect_all(cell, AHTTP_ECLOSED);
  ahttp_client_free(cell->client);
  cell->client = NULL;
}

static void cancel_self_then_close(call_cell *cell)
{
  cancel(&cell->self);
  close_client(cell);
}

static void close_then_cancel_all(call_cell *cell)
{
  close_client(cell);
  ahttp_call_cancel(cell->self.call);
  ahttp_call_cancel(cell->sibling.call);
  ahttp_call_cancel(cell->stranger.call);
}

static void start_then_close(call_cell *cell)
{
  start_many(cell);
  close_client(cell);
}

static void submit_then_close(call_cell *cell)
{
  submit(cell);
  close_client(cell);
}

static void pause_all_then_close(call_cell *cell)
{
  pause_all(cell);
  close_client(cell);
}

static void start_on_closing_client(call_cell *cell)
{
  ahttp_client *client = cell->client;
  ahttp_request *request = cell->sibling.request;
  ahttp_handlers none = AHTTP_HANDLERS_INIT;
  close_client(cell);
  if (ahttp_start(client, request, NULL, &none, NULL) != NULL) {
    call_cell_fail(cell, "a closed client takes calls");
  }
}

static void other_client_on_this_loop(call_cell *cell)
{
  ahttp_client *client;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_handlers none = AHTTP_HANDLERS_INIT;
  opts.loop = &cell->loop;
  if (ahttp_client_new(&client, &opts) != AHTTP_OK ||
      ahttp_start(client, cell->sibling.request, NULL, &none, NULL) == NULL) {
    call_cell_fail(cell, "another client");
  }
  cell->closings++;
  ahttp_client_close(client, call_cell_on_closed, cell);
}

/* --- Blocking. ----------------------------------------------------------- */

static void block_on_this_client(call_cell *cell)
{
  ahttp_client *client = cell->client;
  ahttp_request *request = cell->sibling.request;
  ahttp_response *response;
  ahttp_error err;
  int sent = ahttp_send(client, request, NULL, &response, &err);
  bool is_refused = response == NULL && err.code == AHTTP_ESTATE;
  int opened = ahttp_open(client, request, NULL, &response, &err);
  is_refused = is_refused && response == NULL && err.code == AHTTP_ESTATE;
  int gathered = ahttp_gather(client, &request, 1, NULL, &response, &err);
  is_refused = is_refused && response == NULL && err.code == AHTTP_ESTATE;
  if (!is_refused || sent != AHTTP_ESTATE || opened != AHTTP_ESTATE ||
      gathered != AHTTP_ESTATE) {
    call_cell_fail(cell, "a blocking call within a callback");
  }
}

static void wait_for_future(call_cell *cell)
{
  ahttp_response *response;
  size_t index;
  ahttp_future *future =
      ahttp_submit(cell->client, cell->sibling.request, NULL);
  if (ahttp_future_wait(future, AHTTP_NO_LIMIT) != AHTTP_ESTATE ||
      ahttp_future_wait(future, 0) != AHTTP_ESTATE ||
      ahttp_future_wait_any(&future, 1, 1, &index) != AHTTP_ESTATE ||
      ahttp_future_take(future, &response, NULL) != AHTTP_ESTATE) {
    call_cell_fail(cell, "waiting for a future within a callback");
  }
  ahttp_future_free(future);
}

static void block_on_private_client(call_cell *cell)
{
  ahttp_client *client;
  ahttp_response *response = NULL;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = cell->way->ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.http = cell->way->http;
  char *url = call_cell_url(cell, true, "/events");
  if (ahttp_client_new(&client, &opts) != AHTTP_OK ||
      ahttp_get(client, url, &response, NULL) != AHTTP_OK) {
    call_cell_fail(cell, "a blocking call on another client");
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  free(url);
}

/* --- The table. ---------------------------------------------------------- */

/* What an action needs: there is no call any more when its source is freed, and
 * no client when it is closed; only some callbacks return something. */
enum {
  ON_SELF = 1U << 0,
  ON_CLIENT = 1U << 1,
  BY_RESULT = 1U << 2
};

const cell_action cell_actions[] = {
    {"cancel self", cancel_self, ON_SELF},
    {"cancel self twice", cancel_self_twice, ON_SELF},
    {"cancel sibling", cancel_sibling, 0},
    {"cancel stranger", cancel_stranger, 0},
    {"cancel all", cancel_all, ON_SELF},
    {"refuse", refuse, BY_RESULT},
    {"cancel self and refuse", cancel_self_and_refuse, ON_SELF | BY_RESULT},
    {"start, same origin", start_same_origin, ON_CLIENT},
    {"start, other origin", start_other_origin, ON_CLIENT},
    {"start many", start_many, ON_CLIENT},
    {"start and cancel", start_and_cancel, ON_CLIENT},
    {"start and pause", start_and_pause, ON_CLIENT},
    {"cancel self, start", cancel_self_then_start, ON_SELF | ON_CLIENT},
    {"cancel sibling, start", cancel_sibling_then_start, ON_CLIENT},
    {"send request again", send_request_again, ON_CLIENT},
    {"submit", submit, ON_CLIENT},
    {"submit and free", submit_and_free, ON_CLIENT},
    {"pause self", pause_self, ON_SELF},
    {"pause sibling", pause_sibling, 0},
    {"pause all", pause_all, ON_SELF},
    {"pause and resume self", pause_and_resume_self, ON_SELF},
    {"pause and cancel self", pause_and_cancel_self, ON_SELF},
    {"resume self", resume_self, ON_SELF},
    {"resume sibling", resume_sibling, 0},
    {"credit self", credit_self, ON_SELF},
    {"credit sibling", credit_sibling, 0},
    {"manual credit self", manual_credit_self, ON_SELF},
    {"manual credit sibling", manual_credit_sibling, 0},
    {"content ready self", content_ready_self, ON_SELF},
    {"content ready sibling", content_ready_sibling, 0},
    {"look at all", look_at_all, ON_SELF},
    {"get stats", get_stats, ON_CLIENT},
    {"ref and unref", ref_and_unref, ON_SELF},
    {"drop calls", drop_calls, ON_SELF},
    {"drop requests", drop_requests, 0},
    {"change request", change_request, 0},
    {"close client", close_client, ON_CLIENT},
    {"free client", free_client, ON_CLIENT},
    {"cancel self, close", cancel_self_then_close, ON_SELF | ON_CLIENT},
    {"close, cancel all", close_then_cancel_all, ON_SELF | ON_CLIENT},
    {"start, close", start_then_close, ON_CLIENT},
    {"submit, close", submit_then_close, ON_CLIENT},
    {"pause all, close", pause_all_then_close, ON_SELF | ON_CLIENT},
    {"start on closing client", start_on_closing_client, ON_CLIENT},
    {"other client, this loop", other_client_on_this_loop, 0},
    {"block on this client", block_on_this_client, ON_CLIENT},
    {"wait for future", wait_for_future, ON_CLIENT},
    {"block on private client", block_on_private_client, 0},
};

const size_t cell_action_count = sizeof(cell_actions) / sizeof(cell_actions[0]);

bool cell_action_fits(const cell_action *action, cell_place place)
{
  unsigned needs = action->needs;
  bool has_self = place != CELL_SOURCE_FREE;
  bool has_client = place != CELL_CLOSED;
  bool has_result = place != CELL_UPLOAD && place != CELL_DONE &&
                    place != CELL_THEN && place != CELL_SOURCE_FREE &&
                    place != CELL_CLOSED;
  return (has_self || (needs & ON_SELF) == 0) &&
         (has_client || (needs & ON_CLIENT) == 0) &&
         (has_result || (needs & BY_RESULT) == 0);
}
