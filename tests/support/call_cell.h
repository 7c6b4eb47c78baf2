/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CALL_CELL_H
#define AH_TESTS_CALL_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <ahttp/ahttp.h>

/*
 * A client of its own with three calls to event servers, and something that is
 * done once in the middle of a callback.  The cell sees to it that every call
 * ends exactly once and as expected, that no callback comes out of turn, that
 * the client's counters return to zero and that the loop can be closed.
 */
typedef struct call_cell call_cell;

/* The callback of the first call in which something is done. */
typedef enum cell_place {
  CELL_INFORMATIONAL,
  CELL_HEAD,
  CELL_BODY,
  CELL_TRAILERS,
  CELL_UPLOAD,
  CELL_DONE,
  CELL_READ_NOTHING, /* the content source, which has nothing yet */
  CELL_READ,         /* the content source, which gives something */
  CELL_THEN,         /* of a future beside it */
  CELL_SOURCE_FREE,  /* the content source's free(): the request is gone */
  CELL_CLOSED,       /* on_closed: the client is gone */
  CELL_REQUEST_HOOK, /* of the client, which has hooks for these places only */
  CELL_RESPONSE_HOOK,
  CELL_READING_HOOK, /* a response hook that has the content read first */
  CELL_AUTH_REQUEST, /* of its authentication, the same */
  CELL_AUTH_RESPONSE,
  CELL_PLACES
} cell_place;
extern const char *const cell_place_names[CELL_PLACES];

/* How the calls travel. */
typedef struct cell_way {
  const char *name;
  const char *scheme;
  uint16_t port;       /* the first origin */
  uint16_t other_port; /* the second */
  const char *ca_file; /* NULL: the system's */
  ahttp_http_policy http;
  uint32_t conns_per_origin_max; /* 0: no limit */
  const char *path;              /* of the first call */
  bool is_length_known;          /* of its content */
  bool is_private; /* the client has a loop of its own, run by waiting */
  bool is_held;    /* it pauses at the head: what follows has waited inside */
} cell_way;

enum {
  CELL_LATE_MAX = 4,
  CELL_CONTENT_BYTES = 3000
};

/* One call.  |request| and |call| are references, NULL if there is none. */
typedef struct cell_call {
  call_cell *cell;
  ahttp_request *request;
  ahttp_call *call;
  bool is_started;
  bool is_done;
  bool is_stopped; /* only on_done may come */
  bool is_paused;  /* and will be resumed by the cell some turns later */
  bool is_manual;  /* has manual credit, which the cell gives */
  bool is_waiting; /* the content source has said so; the cell will wake it */
  bool has_waited;
  unsigned paused_ticks;
  size_t uncredited;
  size_t content_len;
  unsigned dones;
  int want; /* the code it must end with */
  int got;
} cell_call;

struct call_cell {
  const cell_way *way;
  cell_place place;
  void (*act)(call_cell *cell);
  const char *name; /* of the action */
  bool has_acted;
  int verdict; /* what the callback in which it acts returns */

  uv_loop_t loop;
  uv_timer_t tick;
  ahttp_client *client; /* NULL once closed */
  unsigned closings;    /* on_closed calls that are expected */
  unsigned closeds;     /* those that came */
  unsigned pending;     /* calls that are not done */
  unsigned ticks;

  cell_call self;     /* a POST */
  ahttp_call *lent;   /* its call as ahttp_start() gave it: good until done */
  cell_call sibling;  /* same origin: waits behind it, or a stream beside it */
  cell_call stranger; /* the other origin */
  cell_call late[CELL_LATE_MAX]; /* what an action starts */
  size_t late_count;
  ahttp_future *keeper; /* what is waited for to run a private loop */
};

/* Does |act| at |place| and all the checking.  False if the place was not
 * reached. */
bool call_cell_run(const cell_way *way, cell_place place, const char *name,
                   void (*act)(call_cell *cell));

/* --- For actions. -------------------------------------------------------- */

/* |it|, if it is not done, must end with |code| and tell nothing else. */
void cell_call_expect(cell_call *it, int code);
/* The same for all that were started. */
void call_cell_expect_all(call_cell *cell, int code);

/* Starts a GET of |path| as one more call; |is_same| for the first origin. */
cell_call *call_cell_start(call_cell *cell, bool is_same, const char *path);

/* The same with a request that was sent before, to the first origin. */
cell_call *call_cell_start_again(call_cell *cell, ahttp_request *request);

/* Submits the request of |from| again, and frees the future when it is done. */
void call_cell_submit(call_cell *cell, const cell_call *from);

/* Counts a call of the closed callback; its |user_data| is the cell. */
void call_cell_on_closed(void *user_data);

/* "SCHEME://127.0.0.1:PORT/PATH" for free(). */
char *call_cell_url(const call_cell *cell, bool is_same, const char *path);

/* Ends the test with a message that names the cell. */
void call_cell_fail(const call_cell *cell, const char *what);

#endif
