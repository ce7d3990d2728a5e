/* SPDX-License-Identifier: GPL-2.0 */
/* 6.10: skb_frag_unref() and its like have a header of their own */
#if !__has_include(<linux/skbuff_ref.h>)
#error "none"
#endif
