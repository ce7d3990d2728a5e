/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * tcpx, a second TCP beside the native one: what programs include.
 *
 * A tcpx socket is opened through either door:
 *
 *	socket(AF_TCPX, SOCK_STREAM, TCPXPROTO_TCP)		IPv4
 *	socket(AF_TCPX, SOCK_STREAM, TCPXPROTO_TCP6)		IPv6, dual stack
 *	socket(AF_INET or AF_INET6, SOCK_STREAM, IPPROTO_TCPX)
 *
 * and is then used like a native TCP socket: addresses are struct sockaddr_in
 * with AF_INET or struct sockaddr_in6 with AF_INET6, socket options of level
 * SOL_TCP have native TCP's numbers and formats.
 */
#ifndef _UAPI_TCPX_H
#define _UAPI_TCPX_H

/**
 * AF_TCPX - default number of the address family
 *
 * The module parameter ``family`` changes it; 18 is AF_ASH, which has never
 * had an implementation in Linux.
 */
#define AF_TCPX		18
#define PF_TCPX		AF_TCPX

/** TCPXPROTO_TCP - third argument of socket(AF_TCPX, ...): TCP over IPv4 */
#define TCPXPROTO_TCP	0

/** TCPXPROTO_TCP6 - third argument of socket(AF_TCPX, ...): TCP over IPv6 */
#define TCPXPROTO_TCP6	1

/**
 * IPPROTO_TCPX - the second door: third argument of socket(AF_INET, ...)
 *
 * 253 is set aside for experiments by RFC 3692. It never appears on the wire,
 * where tcpx is protocol 6.
 */
#define IPPROTO_TCPX	253

#endif /* _UAPI_TCPX_H */
