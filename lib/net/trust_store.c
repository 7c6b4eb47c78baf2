/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/trust_store.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "net/tls_error.h"

/* Where certificates are. */
typedef struct trust_place {
  const char *file; /* or NULL */
  const char *dir;  /* or NULL; OpenSSL takes several, separated by ':' */
  const char *pem;  /* text, or NULL */
  struct stat file_stat;
} trust_place;

struct ah_trust_store {
  ah_list_node node; /* in |stores|; guarded by |stores_lock|, so |refs| */
  size_t refs;
  X509_STORE *x509;
  trust_place place; /* its strings are the three below */
  char *file;
  char *dir;
  char *pem;
};

static ah_list stores = {&stores, &stores};
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;

/* Where distributions keep one file with all certificates: Debian and Alpine,
 * Fedora, openSUSE, BSD and macOS. */
static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

/* True for what c_rehash makes: eight hexadecimal digits, a dot, a number. */
static bool name_is_hashed(const char *name)
{
  size_t len = strlen(name);
  if (len < sizeof("01234567.0") - 1 || name[8] != '.') {
    return false;
  }
  for (size_t i = 0; i < 8; i++) {
    if (!ah_char_is((uint8_t)name[i], AH_CHAR_HEX)) {
      return false;
    }
  }
  return ah_str_all(ah_str(name + 9, len - 9), AH_CHAR_DIGIT);
}

/* True if OpenSSL can look certificates up in |path| by the hash of a name. */
static bool dir_is_hashed(const char *path)
{
  DIR *dir = opendir(path);
  if (dir == NULL) {
    return false;
  }
  bool found = false;
  const struct dirent *entry = readdir(dir);
  while (entry != NULL && !found) {
    found = name_is_hashed(entry->d_name);
    entry = readdir(dir);
  }
  closedir(dir);
  return found;
}

static const char *env_value(const char *name)
{
  const char *value = secure_getenv(name);
  return value == NULL || value[0] == '\0' ? NULL : value;
}

/*
 * The system's certificates.  A hashed directory costs microseconds, only the
 * issuer that is asked for is read; a bundle of 144 certificates costs 15 ms.
 */
static void place_find_system(trust_place *place)
{
  const char *const dirs[] = {X509_get_default_cert_dir(), "/etc/ssl/certs"};
  for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
    if (dir_is_hashed(dirs[i])) {
      place->dir = dirs[i];
      return;
    }
  }
  if (access(X509_get_default_cert_file(), R_OK) == 0) {
    place->file = X509_get_default_cert_file();
    return;
  }
  for (size_t i = 0; i < sizeof(system_files) / sizeof(system_files[0]); i++) {
    if (access(system_files[i], R_OK) == 0) {
      place->file = system_files[i];
      return;
    }
  }
}

static bool place_is_empty(const trust_place *place)
{
  return place->file == NULL && place->dir == NULL && place->pem == NULL;
}

static int place_find(trust_place *place, const ah_trust_source *source,
                      ahttp_error *err)
{
  *place = (trust_place){
      .file = source->file, .dir = source->dir, .pem = source->pem};
  if (place_is_empty(place)) {
    place->file = env_value(X509_get_default_cert_file_env());
    place->dir = env_value(X509_get_default_cert_dir_env());
  }
  if (place_is_empty(place)) {
    place_find_system(place);
  }
  if (place_is_empty(place)) {
    ah_error_say(err, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "no trusted certificates were found on this system");
    return AHTTP_ETLS;
  }
  if (place->file != NULL && stat(place->file, &place->file_stat) != 0) {
    int os_errno = errno;
    ah_error_set(err, AHTTP_ETLS, AHTTP_PHASE_TLS, AHTTP_DOMAIN_OS, os_errno,
                 "the trusted certificates in %s cannot be read: %s",
                 place->file, strerror(os_errno));
    return AHTTP_ETLS;
  }
  return AHTTP_OK;
}

static bool name_equal(const char *a, const char *b)
{
  if (a == NULL || b == NULL) {
    return a == b;
  }
  return strcmp(a, b) == 0;
}

/* The same names, and the file has not been replaced or changed. */
static bool place_equal(const trust_place *a, const trust_place *b)
{
  return name_equal(a->file, b->file) && name_equal(a->dir, b->dir) &&
         name_equal(a->pem, b->pem) &&
         a->file_stat.st_dev == b->file_stat.st_dev &&
         a->file_stat.st_ino == b->file_stat.st_ino &&
         a->file_stat.st_size == b->file_stat.st_size &&
         a->file_stat.st_mtim.tv_sec == b->file_stat.st_mtim.tv_sec &&
         a->file_stat.st_mtim.tv_nsec == b->file_stat.st_mtim.tv_nsec;
}

static ah_trust_store *stores_find(const trust_place *place)
{
  AH_LIST_FOREACH (node, &stores) {
    ah_trust_store *store = AH_CONTAINER(node, ah_trust_store, node);
    if (place_equal(&store->place, place)) {
      return store;
    }
  }
  return NULL;
}

/* Frees |store|, which may be half made. */
static void store_free(ah_trust_store *store)
{
  X509_STORE_free(store->x509);
  ah_free(store->file);
  ah_free(store->dir);
  ah_free(store->pem);
  ah_free(store);
}

/* A copy of |name|, or NULL for NULL.  False if memory is out. */
static bool name_copy(char **out, const char *name)
{
  *out = name == NULL ? NULL : ah_memdup0(name, strlen(name));
  return name == NULL || *out != NULL;
}

/* Instead of OpenSSL's own, which would ask whoever sits at the terminal. */
static int store_on_password(char *buf, int size, int is_writing, void *arg)
{
  (void)buf;
  (void)size;
  (void)is_writing;
  (void)arg;
  return -1;
}

/* Every certificate in |pem|, which must have one. */
static int store_load_pem(X509_STORE *x509, const char *pem, ahttp_error *err)
{
  BIO *bio = BIO_new_mem_buf(pem, -1);
  X509 *cert = NULL;
  bool goes_on = bio != NULL;
  size_t count = 0;
  while (goes_on && (cert = PEM_read_bio_X509_AUX(bio, NULL, store_on_password,
                                                  NULL)) != NULL) {
    goes_on = X509_STORE_add_cert(x509, cert) == 1;
    X509_free(cert);
    count++;
  }
  BIO_free(bio);
  unsigned long code = ERR_peek_last_error();
  if (goes_on && count > 0 && ERR_GET_LIB(code) == ERR_LIB_PEM &&
      ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
    ERR_clear_error();
    return AHTTP_OK;
  }
  return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                           "the trusted certificates in the given text cannot "
                           "be loaded");
}

static int store_load(X509_STORE *x509, const trust_place *place,
                      ahttp_error *err)
{
  ERR_clear_error();
  if (place->file != NULL && X509_STORE_load_file(x509, place->file) != 1) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                             "the trusted certificates in %s cannot be loaded",
                             place->file);
  }
  if (place->dir != NULL && X509_STORE_load_path(x509, place->dir) != 1) {
    return ah_tls_error_take(err, AHTTP_PHASE_TLS,
                             "the trusted certificates in %s cannot be loaded",
                             place->dir);
  }
  return place->pem == NULL ? AHTTP_OK : store_load_pem(x509, place->pem, err);
}

/* NULL if it cannot be loaded: |*err| says why. */
static ah_trust_store *store_new(const trust_place *place, ahttp_error *err)
{
  ah_trust_store *store = ah_calloc(1, sizeof(*store));
  if (store == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_TLS);
    return NULL;
  }
  store->x509 = X509_STORE_new();
  store->place = *place;
  if (store->x509 == NULL || !name_copy(&store->file, place->file) ||
      !name_copy(&store->dir, place->dir) ||
      !name_copy(&store->pem, place->pem)) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_TLS);
    goto fail;
  }
  store->place.file = store->file;
  store->place.dir = store->dir;
  store->place.pem = store->pem;
  if (store_load(store->x509, place, err) != AHTTP_OK) {
    goto fail;
  }
  return store;

fail:
  store_free(store);
  return NULL;
}

int ah_trust_store_acquire(ah_trust_store **out, const ah_trust_source *source,
                           ahttp_error *err)
{
  *out = NULL;
  trust_place place;
  int rv = place_find(&place, source, err);
  if (rv != AHTTP_OK) {
    return rv;
  }
  (void)pthread_mutex_lock(&stores_lock);
  ah_trust_store *store = stores_find(&place);
  if (store == NULL) {
    /* Loaded under the lock: who asks meanwhile wants the same store. */
    store = store_new(&place, err);
    if (store != NULL) {
      ah_list_push_back(&stores, &store->node);
    }
  }
  if (store != NULL) {
    store->refs++;
  }
  (void)pthread_mutex_unlock(&stores_lock);
  *out = store;
  return store == NULL ? err->code : AHTTP_OK;
}

void ah_trust_store_release(ah_trust_store *store)
{
  if (store == NULL) {
    return;
  }
  (void)pthread_mutex_lock(&stores_lock);
  ah_assert(store->refs > 0);
  store->refs--;
  bool unused = store->refs == 0;
  if (unused) {
    ah_list_remove(&store->node);
  }
  (void)pthread_mutex_unlock(&stores_lock);
  if (unused) {
    store_free(store);
  }
}

X509_STORE *ah_trust_store_x509(const ah_trust_store *store)
{
  return store->x509;
}
