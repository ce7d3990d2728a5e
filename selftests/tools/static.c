// SPDX-License-Identifier: GPL-2.0
/* A program that the preload library cannot reach: it opens one socket. */
#include <sys/socket.h>

int main(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}
