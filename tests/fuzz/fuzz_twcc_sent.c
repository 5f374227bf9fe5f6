/* What a server says of a publisher's packets, down to the estimate that comes of it. */
#include "media/rtp/rtcp.h"
#include "media/rtp/twcc_sent.h"

#include <stdlib.h>

enum { PACKETS = 600, PACKET = 1200, MIN_BPS = 100000, MAX_BPS = 5000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct twcc_sent sent;
	static struct packet_fate fates[TWCC_FATES_MAX];
	const struct bandwidth_config config = { MIN_BPS, MAX_BPS, 1000000 };
	struct bandwidth bandwidth;
	struct bits datagram;
	struct rtcp_packet packet;
	int64_t now_us = 1000000;
	twcc_sent_init(&sent);
	bandwidth_init(&bandwidth, &config);
	for (unsigned i = 0; i < PACKETS; i++)
		twcc_sent_add(&sent, PACKET, now_us += 1000);
	bits_init(&datagram, data, len);
	while (rtcp_next(&datagram, &packet) == 1) {
		if (packet.type != RTCP_RTPFB || packet.count != RTPFB_TWCC)
			continue;
		rtcp_read_media_ssrc(&packet);
		const int count = twcc_sent_feedback(&sent, &packet, fates);
		if (count > TWCC_FATES_MAX)
			abort();
		if (count > 0)
			bandwidth_fates(&bandwidth, fates, (unsigned)count, now_us += 50000);
		const int64_t target = bandwidth_target_bps(&bandwidth);
		if (target < MIN_BPS || target > MAX_BPS)
			abort();
	}
	return 0;
}
