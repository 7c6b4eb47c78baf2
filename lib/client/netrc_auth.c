/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "client/call.h"
#include "client/file_text.h"
#include "http/netrc.h"

enum {
  /* What curl takes.  It is a few lines for a few machines. */
  FILE_BYTES_MAX = 128 * 1024
};

typedef struct netrc_auth {
  ah_arena arena; /* what is not in |text| */
  ah_buf text;
  ah_netrc netrc;
} netrc_auth;

/* Of one call. */
typedef struct netrc_flow {
  bool was_secure; /* some hop of it was https */
} netrc_flow;

/* --- A hop. ----------------------------------------------------------------
 */

/* |*out| is the value of Authorization, empty: none. */
static int find_value(const netrc_auth *self, const ahttp_auth_flow *flow,
                      ahttp_str *out)
{
  ahttp_call *call = ahttp_auth_flow_call(flow);
  bool is_home = ah_auth_flow_is_home(flow);
  const ahttp_url *of_call = &call->request->url;
  ahttp_str login = ah_str(NULL, 0);
  *out = ah_str(NULL, 0);
  if (is_home && of_call->password.len > 0) {
    return ah_auth_value_of_url(out, &call->arena, of_call);
  }
  if (is_home && of_call->username.len > 0) {
    int rv = ah_auth_username_of_url(&login, &call->arena, of_call);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  const ah_netrc_entry *entry =
      ah_netrc_find(&self->netrc, ah_url_hostname(call->exchange.request.url),
                    login, is_home);
  if (entry != NULL && entry->password.ptr != NULL) {
    return ah_auth_value_of_pair(out, &call->arena, entry->login,
                                 entry->password);
  }
  return login.len == 0 ? AHTTP_OK
                        : ah_auth_value_of_url(out, &call->arena, of_call);
}

static int netrc_on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                            void *user_data)
{
  const netrc_auth *self = user_data;
  netrc_flow *state = ahttp_auth_flow_state(flow);
  const ahttp_url *url = ahttp_auth_flow_call(flow)->exchange.request.url;
  ahttp_str value;
  bool is_secure = ah_str_eq(url->scheme, AH_STR("https"));
  state->was_secure |= is_secure;
  if (ah_auth_flow_has_own(flow) || (state->was_secure && !is_secure)) {
    return AHTTP_OK;
  }
  int rv = find_value(self, flow, &value);
  if (rv == AHTTP_EINVAL) {
    ah_error_say(ah_auth_flow_error(flow), AHTTP_EURL, AHTTP_PHASE_NONE,
                 "its username or password cannot be sent by Basic");
    return AHTTP_EURL;
  }
  if (rv != AHTTP_OK || value.len == 0) {
    return rv;
  }
  return ahttp_outgoing_set_field(outgoing, AH_STR("authorization"), value);
}

/* --- The file. -------------------------------------------------------------
 */

static int fail_plain(ahttp_error *err, int code)
{
  ah_error_plain(err, code, AHTTP_PHASE_NONE);
  return code;
}

/* Writes the name of the file to read, if nobody has named one. */
static int default_path(char *dst, size_t cap, ahttp_error *err)
{
  const char *named = getenv("NETRC");
  int len;
  if (named != NULL && named[0] != '\0') {
    len = snprintf(dst, cap, "%s", named);
  } else {
    char home[PATH_MAX];
    size_t home_cap = sizeof(home);
    if (uv_os_homedir(home, &home_cap) != 0) {
      ah_error_say(err, AHTTP_EFILE, AHTTP_PHASE_NONE,
                   "there is no home folder to find .netrc in");
      return AHTTP_EFILE;
    }
    len = snprintf(dst, cap, "%s/.netrc", home);
  }
  if (len < 0 || (size_t)len >= cap) {
    ah_error_say(err, AHTTP_EFILE, AHTTP_PHASE_NONE,
                 "the name of the netrc file is too long");
    return AHTTP_EFILE;
  }
  return AHTTP_OK;
}

/* As ftp has it: what is secret must be nobody else's to read.  A pipe or a
 * device is somebody's deliberate choice. */
static int check_mode(const netrc_auth *self, const char *path,
                      ahttp_error *err)
{
  struct stat status;
  if (!ah_netrc_has_secret(&self->netrc) || stat(path, &status) != 0 ||
      !S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0) {
    return AHTTP_OK;
  }
  ah_error_say(err, AHTTP_EFILE, AHTTP_PHASE_NONE,
               "%s has passwords, and others may read or change it; make it "
               "yours alone: chmod 600",
               path);
  return AHTTP_EFILE;
}

static int netrc_read(netrc_auth *self, const char *path, ahttp_error *err)
{
  size_t line = 0;
  const char *why = "";
  int rv = ah_file_text_read(path, &self->text, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_str text =
      ah_str((const char *)ah_buf_bytes(&self->text), ah_buf_len(&self->text));
  rv = ah_netrc_parse(&self->netrc, &self->arena, text, &line, &why);
  if (rv == AHTTP_EFILE) {
    ah_error_say(err, rv, AHTTP_PHASE_NONE, "%s, line %zu: %s", path, line,
                 why);
    return rv;
  }
  return rv == AHTTP_OK ? check_mode(self, path, err) : fail_plain(err, rv);
}

/* --- Lifecycle. ------------------------------------------------------------
 */

static void netrc_free(void *user_data)
{
  netrc_auth *self = user_data;
  ah_buf_clear(&self->text);
  ah_arena_clear(&self->arena);
  ah_free(self);
}

static int netrc_make(ahttp_auth **out, netrc_auth *self)
{
  ahttp_auth_opts opts = AHTTP_AUTH_OPTS_INIT;
  opts.on_request = netrc_on_request;
  opts.flow_bytes = sizeof(netrc_flow);
  opts.free = netrc_free;
  opts.user_data = self;
  int rv = ahttp_auth_new(out, &opts);
  if (rv == AHTTP_OK) {
    ah_auth_set_each_host(*out);
  }
  return rv;
}

int ahttp_auth_new_netrc(ahttp_auth **out, const char *path, ahttp_error *err)
{
  ahttp_error unwanted;
  char found[PATH_MAX];
  int rv = AHTTP_OK;
  *out = NULL;
  err = err == NULL ? &unwanted : err;
  ah_error_clear(err);
  if (path == NULL) {
    rv = default_path(found, sizeof(found), err);
    path = found;
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  netrc_auth *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    return fail_plain(err, AHTTP_ENOMEM);
  }
  ah_arena_init(&self->arena, NULL, 0);
  ah_buf_init(&self->text, FILE_BYTES_MAX);
  rv = netrc_read(self, path, err);
  if (rv == AHTTP_OK) {
    rv = netrc_make(out, self);
    if (rv != AHTTP_OK) {
      (void)fail_plain(err, rv);
    }
  }
  if (rv != AHTTP_OK) {
    netrc_free(self);
  }
  return rv;
}
