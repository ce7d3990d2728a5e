/* SPDX-License-Identifier: GPL-2.0 */
/* 6.8, and older ones since a stable update */
static struct module *probe_diag(struct sock_diag_handler *handler)
{
	return handler->owner;
}
