/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <stdlib.h>

#define GFP_ATOMIC	0
#define __GFP_NOWARN	0

/* So many are refused from now on. */
extern int kzalloc_failures;

static inline void *kzalloc(size_t size, int flags)
{
	if (kzalloc_failures > 0) {
		kzalloc_failures--;
		return NULL;
	}
	return calloc(1, size);
}

static inline void kfree(void *p)
{
	free(p);
}

#endif
