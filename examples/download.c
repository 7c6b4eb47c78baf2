/* SPDX-License-Identifier: MIT */
/*
 * Downloads a URL to a file on one libuv loop, without ever blocking it and
 * without holding more than a window of the content: bytes are credited when
 * the disk has them, and the server waits for the credit.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <ahttp/ahttp.h>

typedef struct download {
  uv_file file;
  int64_t offset;
  int failed;
} download;

/* Bytes on their way to the disk. */
typedef struct portion {
  uv_fs_t write;
  ahttp_call *call; /* held until the bytes are credited */
  download *to;
  uv_buf_t bytes;
  char data[];
} portion;

static void on_written(uv_fs_t *write)
{
  portion *self = write->data;
  if (write->result == (ssize_t)self->bytes.len) {
    ahttp_call_credit(self->call, self->bytes.len);
  } else {
    self->to->failed = 1;
    ahttp_call_cancel(self->call); /* no more content, but on_done */
  }
  ahttp_call_unref(self->call);
  uv_fs_req_cleanup(write);
  free(self);
}

static int on_head(ahttp_call *call, const ahttp_response *response, void *arg)
{
  (void)arg;
  ahttp_call_set_manual_credit(call);
  return ahttp_response_status(response) == 200 ? 0 : -1;
}

static int on_body(ahttp_call *call, const uint8_t *data, size_t len, void *arg)
{
  download *to = arg;
  portion *self = malloc(sizeof(*self) + len);
  if (self == NULL) {
    return -1;
  }
  memcpy(self->data, data, len);
  self->write.data = self;
  self->call = ahttp_call_ref(call);
  self->to = to;
  self->bytes = uv_buf_init(self->data, (unsigned)len);
  uv_fs_write(uv_default_loop(), &self->write, to->file, &self->bytes, 1,
              to->offset, on_written);
  to->offset += (int64_t)len;
  return 0;
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *arg)
{
  download *to = arg;
  (void)call;
  if (err != NULL) {
    fprintf(stderr, "status %d: %s\n",
            response == NULL ? 0 : ahttp_response_status(response), err->text);
    to->failed = 1;
  }
}

int main(int argc, char **argv)
{
  if (argc != 3) {
    fprintf(stderr, "usage: download URL FILE\n");
    return 2;
  }
  uv_fs_t open;
  download to = {.file = uv_fs_open(NULL, &open, argv[2],
                                    O_WRONLY | O_CREAT | O_TRUNC, 0666, NULL)};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = uv_default_loop();
  opts.redirects_max = 10;
  ahttp_client *client;
  ahttp_request *request;
  if (to.file < 0 || ahttp_client_new(&client, &opts) != AHTTP_OK ||
      ahttp_request_new(&request, "GET", argv[1]) != AHTTP_OK) {
    fprintf(stderr, "download: bad file or URL\n");
    return 1;
  }

  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_head = on_head;
  handlers.on_body = on_body;
  handlers.on_done = on_done;
  ahttp_start(client, request, NULL, &handlers, &to);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT); /* until all is written */

  ahttp_request_free(request);
  ahttp_client_free(client);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT); /* closes the connections */
  uv_fs_close(NULL, &open, to.file, NULL);
  return to.failed;
}
