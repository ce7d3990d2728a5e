/* SPDX-License-Identifier: GPL-2.0 */
/* 6.10: receive flow steering has a header of its own */
#if !__has_include(<net/rps.h>)
#error "none"
#endif
