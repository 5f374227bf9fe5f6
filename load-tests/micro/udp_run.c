#include "load-tests/micro/udp_run.h"

#include "server/core/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

int udp_run_send(int fd, const struct addr *to, const void *data, size_t len, uint16_t packet_len)
{
	struct iovec part = { (void *)data, len };
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(uint16_t))];
	} control = { .header = { .cmsg_level = IPPROTO_UDP,
				  .cmsg_type = UDP_SEGMENT,
				  .cmsg_len = CMSG_LEN(sizeof(uint16_t)) } };
	const struct msghdr message = {
		.msg_name = (void *)&to->ss,
		.msg_namelen = to->len,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	memcpy(CMSG_DATA(&control.header), &packet_len, sizeof(packet_len));
	return sendmsg(fd, &message, 0) == (ssize_t)len ? 0 : -errno;
}
