/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_SHARED_LIBRARY_H
#define AH_BASE_SHARED_LIBRARY_H

#include <stdatomic.h>
#include <stdint.h>

#include <ahttp/types.h>

/*
 * A library that is loaded when it is first needed.  Finding, mapping and
 * relocating libraries is a good part of what a short program costs, so that
 * those which few requests need are not linked with.
 *
 * A user lists the symbols he wants, whose types are those of the library's own
 * header, and gets a struct with a pointer to each:
 *
 *   #define ZOO_SYMBOLS(X) X(zoo_open) X(zoo_close)
 *   static struct {
 *     ZOO_SYMBOLS(AH_LIBRARY_MEMBER)
 *   } zoo;
 *   static const char *const zoo_names[] = {ZOO_SYMBOLS(AH_LIBRARY_NAME)};
 *   static ah_shared_library zoo_library =
 *       AH_SHARED_LIBRARY(ZOO_SONAME, "libzoo1", zoo_names, &zoo);
 *
 * After ah_shared_library_load(&zoo_library) he calls zoo.zoo_open().
 */
typedef struct ah_shared_library {
  const char *soname;       /* such as "libzoo.so.1" */
  const char *package;      /* of Debian, that has it */
  const char *const *names; /* of |count| symbols */
  size_t count;
  void *addresses;  /* |count| pointers in the order of |names| */
  atomic_int state; /* 0: nobody has asked for it yet */
  char why[240];    /* once loading has failed: a sentence without its stop */
} ah_shared_library;

#define AH_LIBRARY_MEMBER(symbol) __typeof__(&(symbol)) symbol;
#define AH_LIBRARY_NAME(symbol) #symbol,
#define AH_SHARED_LIBRARY(so, debian, symbols, table) \
  {.soname = (so),                                    \
   .package = (debian),                               \
   .names = (symbols),                                \
   .count = sizeof(symbols) / sizeof((symbols)[0]),   \
   .addresses = (table)}

/*
 * Loads |library|, once a process and until its end; any thread.  AHTTP_OK; or
 * AHTTP_EFILE, then and ever after, if it or one of the symbols is not there:
 * see |library->why|.
 */
int ah_shared_library_load(ah_shared_library *library);

/*
 * Tells packagers that |so|, a literal, is loaded, what for, and that it is
 * worth being installed: "ELF dlopen metadata" of the UAPI group,
 * https://uapi-group.org/specifications/specs/elf_dlopen_metadata/.
 */
#define AH_LIBRARY_NOTE(variable, so, feature, what)                    \
  AH_LIBRARY_NOTE_OF(variable,                                          \
                     "[{\"soname\":[\"" so "\"],\"feature\":\"" feature \
                     "\",\"description\":\"" what                       \
                     "\",\"priority\":\"recommended\"}]")
#define AH_LIBRARY_NOTE_OF(variable, json)                       \
  __attribute__((used, aligned(4),                               \
                 section(".note.dlopen"))) static const struct { \
    uint32_t name_len;                                           \
    uint32_t json_len;                                           \
    uint32_t type;                                               \
    char name[4];                                                \
    _Alignas(4) char text[sizeof(json)];                         \
  } variable = {4, sizeof(json), 0x407c0c0a, "FDO", json}

#endif
