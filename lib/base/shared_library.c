/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/shared_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <ahttp/error.h>

/* What has become of a library. */
enum {
  LIBRARY_NEW = 0, /* nobody has asked for it */
  LIBRARY_LOADED,  /* its addresses are set, and stay */
  LIBRARY_MISSING  /* |why| is set, and stays */
};

/* One at a time: libraries are few and loaded once. */
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

/* Keeps what the loader says, which names the library. */
static int library_explain(ah_shared_library *library)
{
  const char *text = dlerror();
  (void)snprintf(library->why, sizeof(library->why), "%s; install Debian's %s",
                 text == NULL ? library->soname : text, library->package);
  return LIBRARY_MISSING;
}

static int library_open(ah_shared_library *library)
{
  void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    return library_explain(library);
  }
  char *address = library->addresses;
  for (size_t i = 0; i < library->count; i++) {
    void *symbol = dlsym(handle, library->names[i]);
    if (symbol == NULL) {
      int state = library_explain(library);
      (void)dlclose(handle);
      return state;
    }
    /* ISO C has no conversion to a pointer to a function; POSIX has both of one
     * size. */
    memcpy(address + i * sizeof(symbol), &symbol, sizeof(symbol));
  }
  return LIBRARY_LOADED;
}

int ah_shared_library_load(ah_shared_library *library)
{
  int state = atomic_load_explicit(&library->state, memory_order_acquire);
  if (state == LIBRARY_NEW) {
    (void)pthread_mutex_lock(&loading);
    state = atomic_load_explicit(&library->state, memory_order_relaxed);
    if (state == LIBRARY_NEW) {
      state = library_open(library);
      atomic_store_explicit(&library->state, state, memory_order_release);
    }
    (void)pthread_mutex_unlock(&loading);
  }
  return state == LIBRARY_LOADED ? AHTTP_OK : AHTTP_EFILE;
}
