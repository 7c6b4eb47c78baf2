/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_LIST_H
#define AH_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Intrusive doubly linked lists.  A list is a node that points to itself; an
 * unlinked node has both pointers NULL, so zeroed memory is unlinked.
 */
typedef struct ah_list_node ah_list_node;
struct ah_list_node {
  ah_list_node *prev;
  ah_list_node *next;
};
typedef ah_list_node ah_list;

/* The struct of |type| whose member |member| is |node|. */
#define AH_CONTAINER(node, type, member) \
  ((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void ah_list_init(ah_list *list)
{
  list->prev = list;
  list->next = list;
}

static inline bool ah_list_is_empty(const ah_list *list)
{
  return list->next == list;
}

static inline bool ah_list_is_linked(const ah_list_node *node)
{
  return node->next != NULL;
}

static inline void ah_list_insert_before(ah_list_node *at, ah_list_node *node)
{
  node->prev = at->prev;
  node->next = at;
  at->prev->next = node;
  at->prev = node;
}

static inline void ah_list_push_back(ah_list *list, ah_list_node *node)
{
  ah_list_insert_before(list, node);
}

static inline void ah_list_push_front(ah_list *list, ah_list_node *node)
{
  ah_list_insert_before(list->next, node);
}

/* Unlinks |node|; an unlinked one stays so. */
static inline void ah_list_remove(ah_list_node *node)
{
  if (node->next == NULL) {
    return;
  }
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->prev = NULL;
  node->next = NULL;
}

static inline ah_list_node *ah_list_first(const ah_list *list)
{
  return list->next == list ? NULL : list->next;
}

static inline ah_list_node *ah_list_last(const ah_list *list)
{
  return list->prev == list ? NULL : list->prev;
}

static inline ah_list_node *ah_list_pop_front(ah_list *list)
{
  ah_list_node *node = ah_list_first(list);
  if (node != NULL) {
    ah_list_remove(node);
  }
  return node;
}

/* Moves all of |from| to the end of |to|; |from| is empty afterwards. */
static inline void ah_list_splice(ah_list *to, ah_list *from)
{
  if (ah_list_is_empty(from)) {
    return;
  }
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  ah_list_init(from);
}

#define AH_LIST_FOREACH(node, list) \
  for (ah_list_node *node = (list)->next; node != (list); node = node->next)

#endif
