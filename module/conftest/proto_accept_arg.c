/* SPDX-License-Identifier: GPL-2.0 */
/* 6.10: accept operations take a struct */
static bool probe_accept(struct proto_accept_arg *arg)
{
	return arg->kern && arg->flags && arg->err;
}
