/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/lines.h"
#include "cli/memory.h"

/* One list, open from the start: a name that is wrong is told before anything
 * is fetched. */
typedef struct input_list {
  cli_input *input;
  const char *name;
  int fd;           /* -1: this source is a URL */
  bool owned;       /* close it at the end; standard input is not ours */
  bool is_polled;   /* reading may block: wait for |poll| */
  bool is_readable; /* it said so, and was not read since */
  bool has_poll;
  bool is_closed;
  uv_poll_t poll;
} input_list;

struct cli_input {
  uv_loop_t *loop;
  const cli_source *sources;
  input_list *lists; /* beside |sources| */
  size_t count;
  size_t at;       /* the source being read */
  cli_lines lines; /* of that source */
  uint64_t n;      /* inputs so far */
  bool stopped;
  unsigned handles; /* open polls, and one for the owner */
  cli_text message;
  cli_input_ready_cb on_ready;
  void *user_data;
};

static void input_unref(cli_input *input)
{
  if (--input->handles > 0) {
    return;
  }
  cli_lines_clear(&input->lines);
  cli_text_clear(&input->message);
  free(input->lists);
  free(input);
}

static void list_on_poll_closed(uv_handle_t *handle)
{
  input_list *list = handle->data;

  if (list->owned) {
    (void)close(list->fd);
  }
  input_unref(list->input);
}

static void list_close(input_list *list)
{
  if (list->is_closed) {
    return;
  }
  list->is_closed = true;
  if (list->has_poll) {
    uv_close((uv_handle_t *)&list->poll, list_on_poll_closed);
  } else if (list->fd >= 0 && list->owned) {
    (void)close(list->fd);
  }
}

static void list_on_readable(uv_poll_t *poll, int status, int events)
{
  input_list *list = poll->data;

  (void)status; /* an error shows in read() as well, and better */
  (void)events;
  (void)uv_poll_stop(poll);
  list->is_readable = true;
  list->input->on_ready(list->input->user_data);
}

/* False if it cannot be polled: it never blocks then. */
static bool list_init_poll(input_list *list)
{
  int flags = fcntl(list->fd, F_GETFL);

  if (uv_poll_init(list->input->loop, &list->poll, list->fd) != 0) {
    return false;
  }
  list->poll.data = list;
  list->has_poll = true;
  list->input->handles++;
  /* libuv makes it non-blocking, for everybody who shares it: the shell too. A
   * descriptor that poll found readable does not block. */
  if (flags >= 0) {
    (void)fcntl(list->fd, F_SETFL, flags);
  }
  return true;
}

/* 0, or an errno. */
static int list_open(input_list *list)
{
  struct stat info;

  if (strcmp(list->name, "-") == 0) {
    list->fd = STDIN_FILENO;
  } else {
    list->fd = open(list->name, O_RDONLY | O_CLOEXEC);
    list->owned = true;
  }
  if (list->fd < 0 || fstat(list->fd, &info) != 0) {
    return errno;
  }
  if (S_ISDIR(info.st_mode)) {
    return EISDIR;
  }
  list->is_polled = !S_ISREG(info.st_mode);
  return 0;
}

/* Reads once into the lines; 0, or an errno. */
static int list_read(input_list *list, cli_lines *lines)
{
  size_t len;
  char *room = cli_lines_room(lines, &len);
  ssize_t count;

  list->is_readable = false;
  do {
    count = read(list->fd, room, len);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return errno;
  }
  if (count == 0) {
    cli_lines_end(lines);
  }
  cli_lines_fill(lines, (size_t)count);
  return 0;
}

/* True if reading does not block; else on_ready tells when. */
static bool list_is_ready(input_list *list)
{
  if (!list->is_polled || list->is_readable) {
    return true;
  }
  if (!list->has_poll && !list_init_poll(list)) {
    list->is_polled = false;
    return true;
  }
  (void)uv_poll_start(&list->poll, UV_READABLE, list_on_readable);
  return false;
}

int cli_input_new(cli_input **out, uv_loop_t *loop, const cli_source *sources,
                  size_t count, cli_text *problem)
{
  cli_input *input = cli_calloc(1, sizeof(*input));
  int rv = 0;

  *input = (cli_input){
      .loop = loop, .sources = sources, .count = count, .handles = 1};
  input->lists = cli_calloc(count, sizeof(*input->lists));
  for (size_t i = 0; i < count; i++) {
    input_list *list = &input->lists[i];
    list->input = input;
    list->name = sources[i].name;
    list->fd = -1;
    if (rv == 0 && sources[i].is_list) {
      rv = list_open(list);
      if (rv != 0) {
        cli_text_printf(problem, "cannot read %s: %s", list->name,
                        strerror(rv));
      }
    }
  }
  *out = input;
  if (rv != 0) {
    cli_input_close(input);
    *out = NULL;
    return -1;
  }
  return 0;
}

void cli_input_set_on_ready(cli_input *input, cli_input_ready_cb on_ready,
                            void *user_data)
{
  input->on_ready = on_ready;
  input->user_data = user_data;
}

static void input_next_source(cli_input *input)
{
  list_close(&input->lists[input->at]);
  cli_lines_reset(&input->lines);
  input->at++;
}

static void input_set_item(cli_input *input, cli_item *item, ahttp_str text,
                           bool is_long)
{
  *item = (cli_item){.n = ++input->n, .text = text};
  if (is_long) {
    item->problem = "the line is longer than 64 KiB";
  }
}

/* Reads on in the list at |at|.  Returns true if there is an event to tell. */
static bool input_read(cli_input *input, cli_input_event *event, cli_item *item)
{
  input_list *list = &input->lists[input->at];

  if (input->stopped) {
    input_next_source(input);
    return false;
  }
  if (!list_is_ready(list)) {
    *event = CLI_INPUT_WAIT;
    return true;
  }
  int rv = list_read(list, &input->lines);
  if (rv == 0 || rv == EAGAIN) {
    return false;
  }
  cli_text_reset(&input->message);
  cli_text_printf(&input->message, "cannot read %s: %s", list->name,
                  strerror(rv));
  input_next_source(input);
  *item = (cli_item){.text = cli_text_str(&input->message)};
  *event = CLI_INPUT_FAILED;
  return true;
}

/* One step in the list at |at|.  Returns true if there is an event to tell. */
static bool input_step(cli_input *input, cli_input_event *event, cli_item *item)
{
  ahttp_str line;
  cli_lines_event found = cli_lines_next(&input->lines, &line);

  switch (found) {
  case CLI_LINES_LINE:
  case CLI_LINES_LONG:
    input_set_item(input, item, line, found == CLI_LINES_LONG);
    *event = CLI_INPUT_ITEM;
    return true;
  case CLI_LINES_MORE:
    return input_read(input, event, item);
  case CLI_LINES_END:
    break;
  }
  input_next_source(input);
  return false;
}

cli_input_event cli_input_next(cli_input *input, cli_item *item)
{
  cli_input_event event;

  *item = (cli_item){0};
  while (input->at < input->count) {
    const cli_source *source = &input->sources[input->at];
    if (!source->is_list) {
      input->at++;
      input_set_item(input, item,
                     (ahttp_str){source->name, strlen(source->name)}, false);
      return CLI_INPUT_ITEM;
    }
    if (input_step(input, &event, item)) {
      return event;
    }
  }
  return CLI_INPUT_END;
}

void cli_input_stop(cli_input *input)
{
  input->stopped = true;
  for (size_t i = 0; i < input->count; i++) {
    if (input->lists[i].has_poll && !input->lists[i].is_closed) {
      (void)uv_poll_stop(&input->lists[i].poll);
    }
  }
}

void cli_input_close(cli_input *input)
{
  if (input == NULL) {
    return;
  }
  for (size_t i = 0; i < input->count; i++) {
    list_close(&input->lists[i]);
  }
  input_unref(input);
}
