/* Reception statistics of one source for report blocks, as RFC 3550 §A.3 and §A.8 compute them.
 * One owner. */
#ifndef SOUK_MEDIA_RTP_RTP_RECEPTION_H
#define SOUK_MEDIA_RTP_RTP_RECEPTION_H

#include "media/rtp/rtcp.h"

struct rtp_reception {
	bool started;
	int64_t base, highest; /* extended sequence numbers */
	uint64_t received;
	int64_t expected_before; /* at the last report */
	uint64_t received_before;
	uint32_t rate;
	int64_t transit; /* RTP units */
	uint32_t jitter_16; /* sixteenths of an RTP unit */
	uint32_t sr_middle; /* of the newest SR; 0: none */
	int64_t sr_arrival_us;
};

void rtp_reception_init(struct rtp_reception *reception, uint32_t rate);
void rtp_reception_packet(struct rtp_reception *reception, uint16_t seq, uint32_t timestamp,
			  int64_t arrival_us);
void rtp_reception_sr(struct rtp_reception *reception, uint64_t ntp, int64_t arrival_us);
/* Begins the next interval. */
struct rtcp_report_block rtp_reception_report(struct rtp_reception *reception, uint32_t ssrc,
					      int64_t now_us);

#endif
