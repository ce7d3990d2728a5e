/* SPDX-License-Identifier: GPL-2.0 */
/* 6.19: a sockaddr of unknown length has a type of its own */
static int probe_sockaddr(struct socket *sock, struct sockaddr_unsized *addr)
{
	return kernel_bind(sock, addr, addr->sa_family);
}
