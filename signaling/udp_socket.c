#include "signaling/udp_socket.h"

#include "server/core/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SOCKET_BUFFER = 4 << 20, /* a keyframe to each of 1,000 viewers, or 20 ms of their RTCP */
};

static void set_buffer(int fd, int forced, int plain)
{
	const int size = SOCKET_BUFFER;
	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

int udp_socket_open(const struct addr *bind_addr, bool gro)
{
	const int family = bind_addr->ss.ss_family;
	const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	const int on = 1;
	const int off = 0; /* :: is for both families, whatever the machine's default */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (addr_is_any(bind_addr) && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (addr_is_any(bind_addr))
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (gro)
		setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (bind(fd, (const struct sockaddr *)&bind_addr->ss, bind_addr->len)) {
		const int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}
