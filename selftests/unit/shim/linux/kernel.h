/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

/* Long enough buffers only: then it is snprintf(). */
#define scnprintf	snprintf

#include <linux/compiler.h>
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define fallthrough		__attribute__((__fallthrough__))
