/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

#define mult_frac(x, num, den)	((u64)(x) * (num) / (den))

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}
