/*
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01):
 * remembers when each numbered packet of a publisher arrived and reports it, so that the
 * publisher's bandwidth estimate can grow. Losses in between are reported as such; a packet that
 * comes after its report makes the next report start again from it. One owner.
 */
#ifndef SOUK_MEDIA_RTP_TWCC_H
#define SOUK_MEDIA_RTP_TWCC_H

#include "media/rtp/rtcp_writer.h"

enum { TWCC_WINDOW = 2048 };

struct twcc_recorder {
	bool started;
	bool news; /* something arrived since the last report */
	int64_t next; /* first sequence number (unwrapped) of the next report */
	int64_t newest;
	uint8_t reports;
	int64_t arrival_us[TWCC_WINDOW]; /* by sequence number; -1: not here */
};

void twcc_init(struct twcc_recorder *recorder);
void twcc_arrived(struct twcc_recorder *recorder, uint16_t seq, int64_t now_us);

/* Appends one feedback packet; false when there is nothing to report. Called again while `news`. */
bool twcc_write(struct twcc_recorder *recorder, struct rtcp_writer *writer, uint32_t ssrc,
		uint32_t media_ssrc);

/* One packet's fate in a feedback that was received. `arrival_us` counts from the feedback's
 * reference time, which counts in 64 ms and wraps at 24 bits. */
struct twcc_status {
	uint16_t seq;
	bool received;
	int64_t arrival_us;
};
struct twcc_report {
	uint16_t base;
	uint16_t count;
	int32_t reference; /* 64 ms */
	uint8_t number;
};
/* Reads the body of an RTPFB_TWCC packet behind its media SSRC. At most `cap` states are written;
 * returns how many, or -EBADMSG. */
int twcc_read(struct rtcp_packet *packet, struct twcc_report *report, struct twcc_status *states,
	      unsigned cap) __attribute__((warn_unused_result));

#endif
