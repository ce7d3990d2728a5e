/* SPDX-License-Identifier: GPL-2.0 */
/* until 6.4: pages are sent by an operation of their own */
static bool probe_sendpage(const struct proto_ops *ops)
{
	return ops->sendpage;
}
