#include "signaling/udp_batch.h"

#include "server/core/alloc.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 32,
	DATAGRAM = 2048, /* more than any packet that WebRTC sends */
	GRO_BATCH = 8,
	GRO_DATAGRAM = 65536,
};

union control {
	struct cmsghdr align;
	uint8_t space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +
		      CMSG_SPACE(sizeof(uint32_t))];
};

struct udp_batch {
	bool gro;
	unsigned count;
	size_t size;
	uint8_t *data;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_storage from[BATCH];
	union control control[BATCH];
};

int udp_batch_create(struct udp_batch **out, bool gro)
{
	struct udp_batch *batch = xcalloc(1, sizeof(*batch));
	batch->gro = gro;
	batch->count = gro ? GRO_BATCH : BATCH;
	batch->size = gro ? GRO_DATAGRAM : DATAGRAM;
	batch->data = xcalloc(batch->count, batch->size);
	*out = batch;
	return 0;
}

void udp_batch_destroy(struct udp_batch *batch)
{
	if (!batch)
		return;
	free(batch->data);
	free(batch);
}

bool udp_batch_gro(const struct udp_batch *batch)
{
	return batch->gro;
}

static void take_local(struct addr *local, const struct cmsghdr *header)
{
	if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(header), sizeof(info));
		struct sockaddr_in *in = (struct sockaddr_in *)&local->ss;
		in->sin_family = AF_INET;
		in->sin_addr = info.ipi_addr;
		local->len = sizeof(*in);
	} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(header), sizeof(info));
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&local->ss;
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = info.ipi6_addr;
		local->len = sizeof(*in6);
	}
}

static void take_control(struct msghdr *message, struct addr *local, size_t *segment,
			 uint32_t *dropped)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(header), sizeof(size));
			*segment = size > 0 ? (size_t)size : *segment;
		}
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL)
			memcpy(dropped, CMSG_DATA(header), sizeof(*dropped));
		take_local(local, header);
	}
}

static void deliver(struct udp_batch *batch, unsigned i, uint32_t *dropped, udp_packet_fn fn,
		    void *arg)
{
	struct msghdr *message = &batch->messages[i].msg_hdr;
	struct udp_path path = { 0 };
	memcpy(&path.remote.ss, &batch->from[i], message->msg_namelen);
	path.remote.len = message->msg_namelen;
	size_t left = batch->messages[i].msg_len;
	size_t segment = left;
	take_control(message, &path.local, &segment, dropped);
	addr_unmap(&path.remote);
	addr_unmap(&path.local);
	uint8_t *data = batch->data + i * batch->size;
	if (message->msg_flags & MSG_TRUNC || !left) {
		fn(arg, data, 0, &path);
		return;
	}
	while (left) {
		const size_t size = left < segment ? left : segment;
		fn(arg, data, size, &path);
		data += size;
		left -= size;
	}
}

bool udp_batch_receive(struct udp_batch *batch, int fd, uint32_t *dropped, udp_packet_fn fn,
		       void *arg)
{
	for (unsigned i = 0; i < batch->count; i++) {
		batch->parts[i] = (struct iovec){ batch->data + i * batch->size, batch->size };
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->parts[i],
			.msg_iovlen = 1,
			.msg_control = &batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
	}
	const int count = recvmmsg(fd, batch->messages, batch->count, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		deliver(batch, (unsigned)i, dropped, fn, arg);
	return count == (int)batch->count;
}
