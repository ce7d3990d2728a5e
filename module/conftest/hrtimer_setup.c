/* SPDX-License-Identifier: GPL-2.0 */
/* 6.13: the handler is given when the timer is set up */
static void probe_hrtimer(struct hrtimer *timer,
			  enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
