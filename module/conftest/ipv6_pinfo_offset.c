/* SPDX-License-Identifier: GPL-2.0 */
/* 6.4, and older ones since a stable update */
static unsigned int probe_pinfo(struct proto *prot)
{
	return prot->ipv6_pinfo_offset;
}
