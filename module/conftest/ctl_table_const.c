/* SPDX-License-Identifier: GPL-2.0 */
/* 6.11: handlers get a const table */
static int probe_handler(const struct ctl_table *table, int write,
			 void *buffer, size_t *len, loff_t *pos)
{
	return 0;
}

static proc_handler *probe_handler_pointer = probe_handler;
