/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/claims.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/name.h"
#include "cli/template.h"

#define CLAIMS_SLOTS_MIN 1024

/* Open addressing in two arrays, so that a slot takes twelve bytes. */
struct cli_claims {
  uint64_t *hashes; /* |slots| of them; 0: free */
  uint32_t *nexts;  /* the first number not yet tried for that name */
  size_t slots;     /* a power of two, at least 4/3 of |count| */
  size_t count;
};

/* 0 marks a free slot. */
static uint64_t claim_hash(uint64_t before, ahttp_str text)
{
  uint64_t hash = cli_hash(before, text);

  return hash == 0 ? 1 : hash;
}

/* The slot of |hash|, or the free one where it belongs.  The multiplication
 * brings all bits of the hash to the top. */
static size_t claims_slot(const cli_claims *claims, uint64_t hash)
{
  size_t mask = claims->slots - 1;
  size_t slot = (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & mask;

  while (claims->hashes[slot] != 0 && claims->hashes[slot] != hash) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

static bool claims_has(const cli_claims *claims, uint64_t hash)
{
  return claims->hashes[claims_slot(claims, hash)] == hash;
}

static void claims_alloc(cli_claims *claims, size_t slots)
{
  claims->hashes = cli_calloc(slots, sizeof(*claims->hashes));
  claims->nexts = cli_calloc(slots, sizeof(*claims->nexts));
  claims->slots = slots;
}

static void claims_grow(cli_claims *claims)
{
  cli_claims old = *claims;

  claims_alloc(claims, old.slots * 2);
  for (size_t i = 0; i < old.slots; i++) {
    if (old.hashes[i] != 0) {
      size_t slot = claims_slot(claims, old.hashes[i]);
      claims->hashes[slot] = old.hashes[i];
      claims->nexts[slot] = old.nexts[i];
    }
  }
  free(old.hashes);
  free(old.nexts);
}

static void claims_add(cli_claims *claims, uint64_t hash)
{
  if ((claims->count + 1) * 4 > claims->slots * 3) {
    claims_grow(claims);
  }
  size_t slot = claims_slot(claims, hash);
  claims->hashes[slot] = hash;
  claims->nexts[slot] = 1;
  claims->count++;
}

/* |path| is free if neither it, nor its ".part", nor what it would be the
 * ".part" of is taken. */
static bool path_is_free(const cli_claims *claims, ahttp_str path,
                         uint64_t hash)
{
  const ahttp_str part = {CLI_PART_SUFFIX, sizeof(CLI_PART_SUFFIX) - 1};

  if (claims_has(claims, hash) || claims_has(claims, claim_hash(hash, part))) {
    return false;
  }
  if (path.len < part.len ||
      memcmp(path.ptr + path.len - part.len, part.ptr, part.len) != 0) {
    return true;
  }
  ahttp_str whole = {path.ptr, path.len - part.len};
  return !claims_has(claims, claim_hash(CLI_HASH_START, whole));
}

cli_claims *cli_claims_new(void)
{
  cli_claims *claims = cli_calloc(1, sizeof(*claims));

  claims_alloc(claims, CLAIMS_SLOTS_MIN);
  return claims;
}

void cli_claims_free(cli_claims *claims)
{
  if (claims == NULL) {
    return;
  }
  free(claims->hashes);
  free(claims->nexts);
  free(claims);
}

uint64_t cli_claims_take(cli_claims *claims, cli_text *path,
                         cli_claims_exists_fn exists, void *user_data)
{
  uint64_t base = claim_hash(CLI_HASH_START, cli_text_str(path));

  if (path_is_free(claims, cli_text_str(path), base) &&
      !exists(path, user_data)) {
    claims_add(claims, base);
    return 0;
  }
  if (!claims_has(claims, base)) {
    claims_add(claims, base); /* from now on it counts the numbers tried */
  }
  cli_text plain = {0};
  uint32_t number = claims->nexts[claims_slot(claims, base)];
  uint64_t hash;
  cli_text_append_str(&plain, cli_text_str(path));
  for (;; number++) {
    cli_text_reset(path);
    cli_text_append_str(path, cli_text_str(&plain));
    cli_name_add_number(path, number);
    hash = claim_hash(CLI_HASH_START, cli_text_str(path));
    if (path_is_free(claims, cli_text_str(path), hash) &&
        !exists(path, user_data)) {
      break;
    }
  }
  claims_add(claims, hash);
  claims->nexts[claims_slot(claims, base)] = number + 1;
  cli_text_clear(&plain);
  return number;
}
