/* SPDX-License-Identifier: GPL-2.0 */
/* 6.2, and 6.1 since a stable update */
static int probe_timer(struct timer_list *timer)
{
	return timer_delete_sync(timer);
}
