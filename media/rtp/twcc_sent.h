/*
 * What was sent under which transport-wide sequence number, until feedback tells what became of it
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01). One owner.
 */
#ifndef SOUK_MEDIA_RTP_TWCC_SENT_H
#define SOUK_MEDIA_RTP_TWCC_SENT_H

#include "media/rtp/bandwidth.h"
#include "media/rtp/rtcp.h"

enum { TWCC_SENT_WINDOW = 4096, TWCC_FATES_MAX = 2048 };

struct twcc_sent {
	uint16_t next;
	struct twcc_sent_packet {
		int64_t sent_us; /* 0: nothing to be told of */
		uint32_t bytes;
		uint16_t seq;
		bool lost; /* reported so; may still be said to have come */
	} packets[TWCC_SENT_WINDOW];
	bool referenced;
	int64_t reference; /* of the newest feedback, unwrapped */
};

void twcc_sent_init(struct twcc_sent *sent);

/* The number for a packet that leaves now, `bytes` with its overhead. */
uint16_t twcc_sent_add(struct twcc_sent *sent, uint32_t bytes, int64_t now_us);

/* An RTPFB_TWCC packet, read up to its media SSRC. Writes the fates of the packets that it is the
 * first to speak of; returns how many, or -EBADMSG. */
int twcc_sent_feedback(struct twcc_sent *sent, struct rtcp_packet *packet,
		       struct packet_fate fates[TWCC_FATES_MAX])
	__attribute__((warn_unused_result));

#endif
