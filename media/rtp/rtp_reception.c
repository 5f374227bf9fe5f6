#include "media/rtp/rtp_reception.h"

#include <stdlib.h>

enum { LOST_MAX = 0x7fffff, LOST_MIN = -0x800000 };

void rtp_reception_init(struct rtp_reception *reception, uint32_t rate)
{
	*reception = (struct rtp_reception){ .rate = rate };
}

void rtp_reception_packet(struct rtp_reception *reception, uint16_t seq, uint32_t timestamp,
			  int64_t arrival_us)
{
	const int64_t transit = arrival_us * reception->rate / 1000000 - timestamp;
	if (!reception->started) {
		reception->started = true;
		reception->base = reception->highest = seq;
		reception->transit = transit;
	}
	const int64_t full =
		reception->highest + (int16_t)(uint16_t)(seq - (uint16_t)reception->highest);
	const bool newer = full > reception->highest;
	if (newer)
		reception->highest = full;
	reception->received++;
	if (!newer)
		return; /* a repeated packet says nothing about jitter */
	const int64_t change = llabs((int64_t)(int32_t)(transit - reception->transit));
	reception->transit = transit;
	reception->jitter_16 += (uint32_t)(change - ((reception->jitter_16 + 8) >> 4));
}

void rtp_reception_sr(struct rtp_reception *reception, uint64_t ntp, int64_t arrival_us)
{
	reception->sr_middle = (uint32_t)(ntp >> 16);
	reception->sr_arrival_us = arrival_us;
}

struct rtcp_report_block rtp_reception_report(struct rtp_reception *reception, uint32_t ssrc,
					      int64_t now_us)
{
	const int64_t expected = reception->highest - reception->base + 1;
	const int64_t expected_now = expected - reception->expected_before;
	const int64_t received_now = (int64_t)(reception->received - reception->received_before);
	const int64_t lost_now = expected_now - received_now;
	int64_t lost = expected - (int64_t)reception->received;
	lost = lost > LOST_MAX ? LOST_MAX : lost < LOST_MIN ? LOST_MIN : lost;
	reception->expected_before = expected;
	reception->received_before = reception->received;
	struct rtcp_report_block block = {
		.ssrc = ssrc,
		.lost = (int32_t)lost,
		.highest_seq = (uint32_t)reception->highest,
		.jitter = reception->jitter_16 >> 4,
		.lsr = reception->sr_middle,
	};
	if (expected_now > 0 && lost_now > 0)
		block.fraction_lost =
			(uint8_t)(lost_now >= expected_now ? 255 : (lost_now << 8) / expected_now);
	if (reception->sr_middle)
		block.dlsr = (uint32_t)((now_us - reception->sr_arrival_us) * 65536 / 1000000);
	return block;
}
