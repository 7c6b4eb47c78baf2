/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_LOOP_H
#define AH_NET_LOOP_H

#include <stdatomic.h>

#include <uv.h>

#include <ahttp/types.h>

#include "base/list.h"

/*
 * What one client has on a uv_loop_t: shared read buffers, the queue of
 * deferred tasks, the list of connections with something to write, deadlines
 * under one alarm, and an inbox for other threads.
 *
 * A turn of the loop ends in our prepare handle, right before the poll: first
 * the deferred tasks run (completions and frees), then every dirty flusher,
 * then tasks those deferred, until both lists are empty; and then what is to be
 * done last.  No frame of the library is on the stack there, so tasks may free
 * what they like; nor in ah_loop_leave(), after which its caller touches
 * nothing any more.
 *
 * None of our handles keeps the caller's uv_run() alive but while
 * ah_loop_hold() is in force.
 */
typedef struct ah_loop ah_loop;

/* Something to do at the end of this turn.  Embedded in its owner. */
typedef struct ah_task ah_task;
struct ah_task {
  ah_list_node node; /* linked while it is queued */
  void (*run)(ah_task *task);
};

/* Something with bytes to write at the end of this turn. */
typedef struct ah_flusher ah_flusher;
struct ah_flusher {
  ah_list_node node; /* linked while it is dirty */
  void (*flush)(ah_flusher *flusher);
};

/* A task from another thread. */
typedef struct ah_letter ah_letter;
struct ah_letter {
  ah_letter *next; /* guarded by the inbox's lock */
  bool posted;     /* guarded by the inbox's lock; true while in the inbox */
  void (*run)(ah_letter *letter);
};

/* Sizes of the shared buffers, bytes.  64 KiB keeps a TLS record and a half
 * times four in one read (reference figures: 4 KiB reads cost 1.65 times); two
 * full reads in a row switch a stream to the bulk size. */
enum {
  AH_LOOP_READ_BYTES = 64 * 1024,
  AH_LOOP_BULK_BYTES = 256 * 1024,
  /* Outgoing chunks: what a fast upload reads and writes at once, the content
   * of four TLS records.  Chunks of 16 KiB cost an upload a tenth more. */
  AH_CHUNK_BYTES = 64 * 1024
};

/* On |uv|, which must outlive it, or on a loop of its own if that is NULL.
 * AHTTP_OK or AHTTP_ENOMEM, which stands for running out of descriptors too. */
int ah_loop_new(ah_loop **out, uv_loop_t *uv);

/*
 * Closes the handles and frees |loop|; |on_closed| runs last, from uv_run().
 * Nothing may be queued, dirty or armed any more.  A loop of its own is still
 * there in |on_closed| and destroyed by ah_loop_free_uv().
 */
void ah_loop_close(ah_loop *loop, void (*on_closed)(void *arg), void *arg);

/* Destroys a loop that ah_loop_new() made, outside of uv_run(). */
void ah_loop_free_uv(uv_loop_t *uv);

uv_loop_t *ah_loop_uv(ah_loop *loop);

/* Queues |task| for the end of this turn; one that is queued stays so. */
void ah_loop_defer(ah_loop *loop, ah_task *task);
/*
 * Queues |task| for the end of the next turn, when everybody else has had a
 * look at his sockets; the poll in between does not wait.  For work that has
 * had its share of this turn.  One that is queued, here or there, stays so.
 */
void ah_loop_defer_turn(ah_loop *loop, ah_task *task);
/* Queues |task| for the very end of this turn, when everything has been
 * written: for what peers need not wait for.  One that is queued, here or
 * there, stays so. */
void ah_loop_defer_last(ah_loop *loop, ah_task *task);
/* Takes |task| out of any queue; one that is not queued stays so. */
void ah_loop_undefer(ah_task *task);

/* Has |flusher| flushed at the end of this turn; once however often asked. */
void ah_loop_mark_dirty(ah_loop *loop, ah_flusher *flusher);
/* Forgets |flusher|. */
void ah_loop_unmark_dirty(ah_flusher *flusher);

/* Keeps uv_run() going until as many ah_loop_drop() as ah_loop_hold(). */
void ah_loop_hold(ah_loop *loop);
void ah_loop_drop(ah_loop *loop);

/* Has |letter| run on the loop's thread.  Any thread.  False if it is in the
 * inbox already. */
bool ah_loop_post(ah_loop *loop, ah_letter *letter);

/* Runs the letters that are in the inbox, and those they bring, now; on the
 * loop's thread, outside of letters. */
void ah_loop_read_inbox(ah_loop *loop);

/* Has the loop say in |*thread|, from now on and as long as it is there, which
 * thread last ran a turn of it (or created it).  Who is asked whether he is
 * that thread may be any, which could not look into the loop itself. */
void ah_loop_share_thread(ah_loop *loop, _Atomic(uv_thread_t) *thread);

/* Says that this thread runs the loop from here on.  Returns true if a
 * millisecond or more has passed since its last turn: events may have come in.
 */
bool ah_loop_adopt(ah_loop *loop);

/* Ends the turn right after uv_run() instead of before the next poll, for a
 * thread that would have nothing to poll for any more. */
void ah_loop_end_turn(ah_loop *loop);

/* Ends the callback of a socket's event: the last thing it does.  After many
 * events of one poll tasks and flushers run here instead of at its end, and so
 * find in the cache what they are about. */
void ah_loop_leave(ah_loop *loop);

/* The loop's clock, read once a turn; in nanoseconds and in
 * milliseconds. */
uint64_t ah_loop_now_ns(ah_loop *loop);
uint64_t ah_loop_now_ms(ah_loop *loop);

/* Reads the clock anew, for what is rare and to be measured: the steps to a new
 * connection may all be taken in one turn.  For the rest of the turn it is that
 * late. */
uint64_t ah_loop_read_clock(ah_loop *loop);

/*
 * Shared buffers.  Their bytes are good until the callback that got them
 * returns to the loop.  The plain buffer is for what a filter decodes, so that
 * it does not overwrite what it reads from; both hold AH_LOOP_READ_BYTES.  The
 * bulk buffer is made when first asked for; NULL if memory is out.
 */
uint8_t *ah_loop_read_buffer(ah_loop *loop);
uint8_t *ah_loop_plain_buffer(ah_loop *loop);
uint8_t *ah_loop_bulk_buffer(ah_loop *loop);

/* A chunk of outgoing bytes from the loop's pool. */
typedef struct ah_chunk ah_chunk;
struct ah_chunk {
  ah_chunk *next;
  uint32_t head; /* head <= tail <= AH_CHUNK_BYTES; [head, tail) is unsent */
  uint32_t tail;
  uint8_t data[AH_CHUNK_BYTES];
};

/* An empty chunk, or NULL. */
ah_chunk *ah_loop_acquire_chunk(ah_loop *loop);
void ah_loop_release_chunk(ah_loop *loop, ah_chunk *chunk);

#endif
