/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>

/* Long enough buffers only: then it is snprintf(). */
#define scnprintf	snprintf
