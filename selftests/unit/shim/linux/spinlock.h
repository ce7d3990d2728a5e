/* SPDX-License-Identifier: GPL-2.0 */
/* One thread: what is checked is that locks are taken and given in turn. */
#include <assert.h>
#include <stdbool.h>

#define DEFINE_SPINLOCK(name)	bool name

#define spin_lock(lock)							\
do {									\
	assert(!*(lock));						\
	*(lock) = true;							\
} while (0)

#define spin_unlock(lock)						\
do {									\
	assert(*(lock));						\
	*(lock) = false;						\
} while (0)
