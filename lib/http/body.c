/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

typedef struct bytes_body {
  ah_body base; /* first: the ops get this address */
  uint8_t data[];
} bytes_body;

/* What went wrong with a file; an errno if it is positive. */
enum {
  FILE_IS_FINE = 0,
  FILE_HAS_SHRUNK = -1,
  FILE_HAS_GROWN = -2
};

typedef struct file_body {
  ah_body base; /* first: the ops get this address */
  int fd;
  uint64_t pos;     /* the descriptor's position, if it cannot rewind */
  atomic_int fault; /* the last one; several threads may send it */
} file_body;

typedef struct source_body {
  ah_body base;
  uint64_t pos; /* where its next read begins, if it cannot rewind */
  ahttp_content_source source;
} source_body;

static int bytes_read(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
                      size_t *len)
{
  const bytes_body *bytes = (const bytes_body *)body;
  uint64_t left = (uint64_t)body->length - offset;
  *len = left < cap ? (size_t)left : cap;
  memcpy(dst, bytes->data + offset, *len);
  return AHTTP_OK;
}

static void bytes_free(ah_body *body)
{
  ah_free(body);
}

/* One system call; EINTR is not the caller's business. */
static ssize_t file_read_once(const file_body *file, uint64_t offset,
                              uint8_t *dst, size_t cap)
{
  ssize_t got;
  do {
    got = file->base.can_rewind ? pread(file->fd, dst, cap, (off_t)offset)
                                : read(file->fd, dst, cap);
  } while (got < 0 && errno == EINTR);
  return got;
}

static int file_read(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  file_body *file = (file_body *)body;
  if (!body->can_rewind && offset != file->pos) {
    return AHTTP_EBODY;
  }
  /* A file that grows while it is sent ends where it ended when opened. */
  if (body->length >= 0 && (uint64_t)body->length - offset < cap) {
    cap = (size_t)((uint64_t)body->length - offset);
  }
  ssize_t got = file_read_once(file, offset, dst, cap);
  if (got < 0 || (got == 0 && body->length >= 0)) {
    atomic_store(&file->fault, got < 0 ? errno : FILE_HAS_SHRUNK);
    return AHTTP_EBODY;
  }
  if (!body->can_rewind) {
    file->pos += (uint64_t)got; /* the descriptor's position */
  }
  *len = (size_t)got;
  return AHTTP_OK;
}

static int file_check_end(ah_body *body)
{
  file_body *file = (file_body *)body;
  struct stat info;
  if (fstat(file->fd, &info) != 0 || info.st_size <= body->length) {
    return AHTTP_OK;
  }
  atomic_store(&file->fault, FILE_HAS_GROWN);
  return AHTTP_EBODY;
}

static void file_explain(ah_body *body, ahttp_error *err)
{
  const file_body *file = (const file_body *)body;
  int fault = atomic_load(&file->fault);
  if (fault == FILE_HAS_SHRUNK || fault == FILE_HAS_GROWN) {
    ah_error_say(err, AHTTP_EBODY, AHTTP_PHASE_NONE,
                 "the file has become %s since it was opened",
                 fault == FILE_HAS_GROWN ? "longer" : "shorter");
  } else {
    ah_error_set(err, AHTTP_EBODY, AHTTP_PHASE_NONE,
                 fault == FILE_IS_FINE ? AHTTP_DOMAIN_NONE : AHTTP_DOMAIN_OS,
                 fault, "the file could not be read");
  }
}

static void file_free(ah_body *body)
{
  file_body *file = (file_body *)body;
  (void)close(file->fd); /* it was only read from */
  ah_free(file);
}

static int source_read(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
                       size_t *len)
{
  source_body *self = (source_body *)body;
  if (!body->can_rewind && offset != self->pos) {
    return AHTTP_EBODY;
  }
  int rv = self->source.read(self->source.user_data, offset, dst, cap, len);
  if (rv == AHTTP_BODY_WAIT) {
    return AH_BLOCKED;
  }
  if (rv != 0 || *len > cap) {
    return AHTTP_EBODY;
  }
  if (!body->can_rewind) {
    self->pos += *len;
  }
  return AHTTP_OK;
}

static void source_free(ah_body *body)
{
  source_body *self = (source_body *)body;
  if (self->source.free != NULL) {
    self->source.free(self->source.user_data);
  }
  ah_free(self);
}

static const ah_body_ops bytes_ops = {
    .name = "bytes",
    .read = bytes_read,
    .free = bytes_free,
};

static const ah_body_ops file_ops = {
    .name = "file",
    .read = file_read,
    .check_end = file_check_end,
    .explain = file_explain,
    .free = file_free,
};

static const ah_body_ops source_ops = {
    .name = "source",
    .read = source_read,
    .free = source_free,
};

/* Opens |path| for reading and looks at what it is. */
static int file_open(const char *path, struct stat *info)
{
  int fd;
  do {
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    return -1;
  }
  if (fstat(fd, info) != 0 || S_ISDIR(info->st_mode)) {
    (void)close(fd);
    return -1;
  }
  return fd;
}

int ah_body_new_bytes(ah_body **out, const void *data, size_t len)
{
  *out = NULL;
  if (len > INT64_MAX - sizeof(bytes_body)) {
    return AHTTP_ENOMEM;
  }
  bytes_body *bytes = ah_malloc(sizeof(*bytes) + len);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  bytes->base = (ah_body){
      .ops = &bytes_ops,
      .length = (int64_t)len,
      .can_rewind = true,
  };
  if (len > 0) {
    memcpy(bytes->data, data, len);
  }
  *out = &bytes->base;
  return AHTTP_OK;
}

int ah_body_new_file(ah_body **out, const char *path)
{
  *out = NULL;
  struct stat info;
  int fd = file_open(path, &info);
  if (fd < 0) {
    return AHTTP_EBODY;
  }
  file_body *file = ah_calloc(1, sizeof(*file));
  if (file == NULL) {
    (void)close(fd);
    return AHTTP_ENOMEM;
  }
  bool is_regular = S_ISREG(info.st_mode);
  file->base = (ah_body){
      .ops = &file_ops,
      .length = is_regular ? (int64_t)info.st_size : -1,
      .can_rewind = is_regular,
  };
  file->fd = fd;
  atomic_init(&file->fault, FILE_IS_FINE);
  *out = &file->base;
  return AHTTP_OK;
}

int ah_body_new_source(ah_body **out, const ahttp_content_source *source)
{
  *out = NULL;
  if (source->size < sizeof(source->size) || source->size > sizeof(*source)) {
    return AHTTP_EINVAL; /* built against a newer header than this library */
  }
  ahttp_content_source own = {.length = -1};
  memcpy(&own, source, source->size);
  if (own.read == NULL || own.length < -1) {
    return AHTTP_EINVAL;
  }
  source_body *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  self->base = (ah_body){
      .ops = &source_ops,
      .length = own.length,
      .can_rewind = own.can_rewind,
  };
  self->source = own;
  *out = &self->base;
  return AHTTP_OK;
}

int ah_body_read(ah_body *body, uint64_t offset, uint8_t *dst, size_t cap,
                 size_t *len)
{
  ah_assert(cap > 0);
  *len = 0;
  if (body->length >= 0 && offset >= (uint64_t)body->length) {
    return offset == (uint64_t)body->length ? AHTTP_OK : AHTTP_EBODY;
  }
  int rv = body->ops->read(body, offset, dst, cap, len);
  if (rv == AHTTP_OK && body->length >= 0 &&
      (*len == 0 || *len > (uint64_t)body->length - offset)) {
    rv = AHTTP_EBODY;
  }
  if (rv != AHTTP_OK) {
    *len = 0;
  }
  return rv;
}

int ah_body_check_end(ah_body *body)
{
  return body->ops->check_end == NULL ? AHTTP_OK : body->ops->check_end(body);
}

void ah_body_explain(ah_body *body, ahttp_error *err)
{
  if (body->ops->explain != NULL) {
    body->ops->explain(body, err);
  } else {
    ah_error_plain(err, AHTTP_EBODY, AHTTP_PHASE_NONE);
  }
}

void ah_body_free(ah_body *body)
{
  if (body != NULL) {
    body->ops->free(body);
  }
}
