/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SHIM_BYTEORDER_H
#define _SHIM_BYTEORDER_H

#include <endian.h>

#define cpu_to_be32(x)		htobe32(x)

#endif /* _SHIM_BYTEORDER_H */
