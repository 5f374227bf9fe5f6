#include "signaling/udp_batch.h"

#include "server/core/alloc.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	BATCH = 32,
	DATAGRAM = 2048, /* more than any packet that WebRTC sends */
	GRO_BATCH = 8,
	GRO_DATAGRAM = 65536,
	AGE_MAX_US = 1000000, /* beyond it somebody has set the machine's clock */
};

union control {
	struct cmsghdr align;
	uint8_t space[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +
		      CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct timespec))];
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

/* What came in one buffer: with GRO several packets. */
struct datagram {
	struct udp_path path;
	size_t segment; /* size of each packet; 0: it is one */
	int64_t age_us;
};

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

static int64_t utc_us(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static int64_t age_of(const struct cmsghdr *stamp, const struct timespec *now)
{
	struct timespec arrived;
	memcpy(&arrived, CMSG_DATA(stamp), sizeof(arrived));
	const int64_t age_us = utc_us(now) - utc_us(&arrived);
	return age_us > 0 && age_us <= AGE_MAX_US ? age_us : 0;
}

static void take_control(struct datagram *datagram, struct msghdr *message,
			 const struct timespec *now, uint32_t *dropped)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(header), sizeof(size));
			datagram->segment = size > 0 ? (size_t)size : 0;
		}
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL)
			memcpy(dropped, CMSG_DATA(header), sizeof(*dropped));
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS)
			datagram->age_us = age_of(header, now);
		take_local(&datagram->path.local, header);
	}
}

static void take_remote(struct addr *remote, const struct msghdr *message)
{
	memcpy(&remote->ss, message->msg_name, message->msg_namelen);
	remote->len = message->msg_namelen;
}

/* `len` is 0 for what is too long, too. */
static void deliver(const struct datagram *datagram, uint8_t *data, size_t len, udp_packet_fn fn,
		    void *arg)
{
	const size_t segment = datagram->segment ? datagram->segment : len;
	struct udp_packet packet = { .data = data,
				     .path = &datagram->path,
				     .age_us = datagram->age_us };
	do {
		packet.len = len < segment ? len : segment;
		fn(arg, &packet);
		packet.data += packet.len;
		len -= packet.len;
	} while (len);
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
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < count; i++) {
		struct msghdr *message = &batch->messages[i].msg_hdr;
		const bool whole = !(message->msg_flags & MSG_TRUNC);
		struct datagram datagram = { 0 };
		take_remote(&datagram.path.remote, message);
		take_control(&datagram, message, &now, dropped);
		addr_unmap(&datagram.path.remote);
		addr_unmap(&datagram.path.local);
		deliver(&datagram, batch->data + (size_t)i * batch->size,
			whole ? batch->messages[i].msg_len : 0, fn, arg);
	}
	return count == (int)batch->count;
}
