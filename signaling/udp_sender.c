#include "signaling/udp_sender.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr align;
	uint8_t space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

void udp_sender_init(struct udp_sender *sender, int fd)
{
	int domain = AF_INET;
	socklen_t size = sizeof(domain);
	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	*sender = (struct udp_sender){ .fd = fd, .v6 = domain == AF_INET6 };
	int segment = 1200;
	sender->gso = !setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	segment = 0;
	setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

static void put_control(struct msghdr *message, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *header =
		(struct cmsghdr *)((uint8_t *)message->msg_control + message->msg_controllen);
	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(header), data, len);
	message->msg_controllen += CMSG_SPACE(len);
}

static void put_local(struct msghdr *message, const struct addr *local)
{
	if (local->ss.ss_family == AF_INET && local->len) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&local->ss;
		const struct in_pktinfo info = { .ipi_spec_dst = in->sin_addr };
		put_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (local->ss.ss_family == AF_INET6 && local->len) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&local->ss;
		const struct in6_pktinfo info = { .ipi6_addr = in6->sin6_addr };
		put_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static int send_once(struct udp_sender *sender, const struct udp_path *path, const uint8_t *data,
		     size_t len, size_t segment)
{
	union control control = { 0 };
	struct iovec part = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr message = {
		.msg_name = (void *)&path->remote.ss,
		.msg_namelen = path->remote.len,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	put_local(&message, &path->local);
	if (len > segment) {
		const uint16_t size = (uint16_t)segment;
		put_control(&message, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
	}
	sender->calls++;
	if (sendmsg(sender->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == ENOBUFS ? -EAGAIN : -errno;
	sender->packets += (len + segment - 1) / segment;
	sender->bytes += len;
	return 0;
}

static int count_error(struct udp_sender *sender, int err)
{
	if (err == -EAGAIN)
		sender->again++;
	else if (err)
		sender->errors++;
	return err;
}

static int send_run(struct udp_sender *sender, const struct udp_path *path, const uint8_t *data,
		    size_t len, size_t segment)
{
	assert(segment > 0 && len <= UDP_RUN_BYTES && len <= segment * UDP_RUN_SEGMENTS);
	if (sender->gso && len > segment) {
		const int err = send_once(sender, path, data, len, segment);
		/* EIO: the device cannot checksum segments, so never again. EINVAL: the path's MTU
		 * is below a segment, which concerns this viewer alone. */
		if (err == -EIO)
			sender->gso = false;
		else if (err != -EINVAL)
			return count_error(sender, err);
	}
	int err = 0;
	for (size_t at = 0; at < len && !err; at += segment) {
		const size_t left = len - at;
		const size_t size = left < segment ? left : segment;
		err = send_once(sender, path, data + at, size, segment);
	}
	return count_error(sender, err);
}

int udp_sender_send(struct udp_sender *sender, const struct udp_path *path, const uint8_t *data,
		    size_t len, size_t segment)
{
	if (!sender->v6 || path->remote.ss.ss_family != AF_INET)
		return send_run(sender, path, data, len, segment);
	struct udp_path mapped = *path;
	addr_map(&mapped.remote);
	addr_map(&mapped.local);
	return send_run(sender, &mapped, data, len, segment);
}
