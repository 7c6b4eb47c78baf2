/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/resolver_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <ahttp/error.h>

#include "base/list.h"
#include "base/str.h"

enum {
  /* The largest file that is read.  Lists that block advertisers have around
   * 5 MiB. */
  HOSTS_BYTES_MAX = 16 * 1024 * 1024
};

typedef struct hosts_address {
  struct hosts_address *next; /* of the same name, in the file's order */
  ah_address address;
} hosts_address;

typedef struct hosts_name {
  ah_hash_entry entry;
  hosts_address *first;
  hosts_address **end; /* the last one's next, or |first| */
} hosts_name;

static void hosts_forget(ah_hosts *hosts)
{
  ah_hash_clear(&hosts->names);
  ah_arena_clear(&hosts->arena);
}

static hosts_name *hosts_add_name(ah_hosts *hosts, ahttp_str name)
{
  ah_hash_entry *found = ah_hash_find(&hosts->names, name);
  if (found != NULL) {
    return AH_CONTAINER(found, hosts_name, entry);
  }
  hosts_name *fresh = ah_arena_alloc(&hosts->arena, sizeof(*fresh));
  if (fresh == NULL) {
    return NULL;
  }
  memset(fresh, 0, sizeof(*fresh));
  fresh->end = &fresh->first;
  if (ah_hash_insert(&hosts->names, &fresh->entry, name) != AHTTP_OK) {
    return NULL;
  }
  return fresh;
}

static int hosts_add(ah_hosts *hosts, ahttp_str name, const ah_address *address)
{
  hosts_name *entry = hosts_add_name(hosts, name);
  if (entry == NULL) {
    return AHTTP_ENOMEM;
  }
  hosts_address *item = ah_arena_alloc(&hosts->arena, sizeof(*item));
  if (item == NULL) {
    return AHTTP_ENOMEM;
  }
  item->next = NULL;
  item->address = *address;
  *entry->end = item;
  entry->end = &item->next;
  return AHTTP_OK;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the next word off |*line|; false at its end. */
static bool line_next_word(ahttp_str *line, ahttp_str *word)
{
  while (line->len > 0 && is_blank(*line->ptr)) {
    line->ptr++;
    line->len--;
  }
  word->ptr = line->ptr;
  word->len = 0;
  while (line->len > 0 && !is_blank(*line->ptr)) {
    line->ptr++;
    line->len--;
    word->len++;
  }
  return word->len > 0;
}

/* "ADDRESS NAME...  # comment"; a line with anything else for an address is
 * skipped. */
static int hosts_read_line(ah_hosts *hosts, ahttp_str line)
{
  const char *comment = line.len == 0 ? NULL : memchr(line.ptr, '#', line.len);
  if (comment != NULL) {
    line.len = (size_t)(comment - line.ptr);
  }
  ahttp_str word;
  ah_address address;
  if (!line_next_word(&line, &word) || !ah_address_parse(&address, word, 0)) {
    return AHTTP_OK;
  }
  while (line_next_word(&line, &word)) {
    int rv = hosts_add(hosts, word, &address);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

static int hosts_read_text(ah_hosts *hosts, ahttp_str text)
{
  while (text.len > 0) {
    const char *end = memchr(text.ptr, '\n', text.len);
    size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
    int rv = hosts_read_line(hosts, ah_str(text.ptr, len));
    if (rv != AHTTP_OK) {
      return rv;
    }
    if (len < text.len) {
      len++;
    }
    text.ptr += len;
    text.len -= len;
  }
  return AHTTP_OK;
}

/* Reads |len| bytes, or fewer at the end of the file, in lower case. */
static size_t file_read(int fd, char *dst, size_t len)
{
  size_t done = 0;
  while (done < len) {
    ssize_t n = read(fd, dst + done, len - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      break;
    }
    done += (size_t)n;
  }
  for (size_t i = 0; i < done; i++) {
    dst[i] = (char)ah_char_lower((uint8_t)dst[i]);
  }
  return done;
}

static int hosts_read_file(ah_hosts *hosts, int fd)
{
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
      st.st_size > HOSTS_BYTES_MAX) {
    return AHTTP_OK;
  }
  size_t size = (size_t)st.st_size;
  char *text = ah_arena_bytes(&hosts->arena, size);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  return hosts_read_text(hosts, ah_str(text, file_read(fd, text, size)));
}

static void hosts_read(ah_hosts *hosts)
{
  hosts_forget(hosts);
  int fd = open(hosts->watch.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return;
  }
  if (hosts_read_file(hosts, fd) != AHTTP_OK) {
    /* Half a file would be worse than none: tried again at the next look. */
    hosts_forget(hosts);
    hosts->watch.exists = false;
  }
  (void)close(fd);
}

void ah_hosts_init(ah_hosts *hosts, const char *path, uint32_t interval_ms)
{
  ah_file_watch_init(&hosts->watch, path, interval_ms);
  ah_arena_init(&hosts->arena, NULL, 0);
  ah_hash_init(&hosts->names);
}

void ah_hosts_clear(ah_hosts *hosts)
{
  hosts_forget(hosts);
}

bool ah_hosts_find(ah_hosts *hosts, ahttp_str name, int family, uint64_t now_ms,
                   ah_address *items, size_t *count)
{
  *count = 0;
  if (ah_file_watch_changed(&hosts->watch, now_ms)) {
    hosts_read(hosts);
  }
  ah_hash_entry *found = ah_hash_find(&hosts->names, name);
  if (found == NULL) {
    return false;
  }
  const hosts_name *entry = AH_CONTAINER(found, hosts_name, entry);
  for (const hosts_address *item = entry->first; item != NULL;
       item = item->next) {
    if (item->address.any.sa_family == family && *count < AH_ADDRESSES_MAX) {
      items[*count] = item->address;
      (*count)++;
    }
  }
  return true;
}
