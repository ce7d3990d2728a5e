/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_COMPILER_H
#define _SHIM_COMPILER_H

#define likely(x)		(x)
#define unlikely(x)		(x)

#endif /* _SHIM_COMPILER_H */
