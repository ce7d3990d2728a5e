/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LIST_H
#define _SHIM_LIST_H

#include <stddef.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }

#define list_for_each_entry(pos, head, member)				\
	for (pos = list_entry((head)->next, pos, member);		\
	     &pos->member != (head);					\
	     pos = list_entry(pos->member.next, pos, member))

#define list_entry(node, pos, member)					\
	((__typeof__(pos))((char *)(node) -				\
			   offsetof(__typeof__(*pos), member)))

static inline void list_add_tail(struct list_head *node,
				 struct list_head *head)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del(struct list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

#endif /* _SHIM_LIST_H */
