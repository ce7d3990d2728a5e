/* SPDX-License-Identifier: GPL-2.0 */
/* What all probes may use. */
#include <linux/filter.h>
#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/sock_diag.h>
#include <linux/sysctl.h>
#include <net/inet_sock.h>
#include <net/inet_timewait_sock.h>
#include <net/sock.h>
