/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_LIMITS_H
#define _SHIM_LIMITS_H

#include_next <linux/limits.h>

#define U8_MAX		((u8)~0U)
#define U32_MAX		((u32)~0U)
#define U64_MAX		((u64)~0ULL)

#endif /* _SHIM_LIMITS_H */
