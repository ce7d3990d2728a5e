/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

u32 get_random_u32(void);
