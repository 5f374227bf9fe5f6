#include "media/rtp/twcc_sent.h"

#include "media/rtp/twcc.h"

#include <string.h>

enum { REFERENCE_US = 64000, REFERENCE_BITS = 24 };

void twcc_sent_init(struct twcc_sent *sent)
{
	memset(sent, 0, sizeof(*sent));
}

uint16_t twcc_sent_add(struct twcc_sent *sent, uint32_t bytes, int64_t now_us)
{
	const uint16_t seq = sent->next++;
	sent->packets[seq % TWCC_SENT_WINDOW] = (struct twcc_sent_packet){
		.sent_us = now_us,
		.bytes = bytes,
		.seq = seq,
	};
	return seq;
}

/* The reference counts 64 ms in 24 bits: a wrap after 12 days. */
static int64_t unwrap(struct twcc_sent *sent, int32_t reference)
{
	const int32_t shift = 32 - REFERENCE_BITS;
	if (!sent->referenced) {
		sent->referenced = true;
		sent->reference = reference;
	}
	const uint32_t delta = (uint32_t)reference - (uint32_t)sent->reference;
	sent->reference += (int32_t)(delta << shift) >> shift;
	return sent->reference;
}

int twcc_sent_feedback(struct twcc_sent *sent, struct rtcp_packet *packet,
		       struct packet_fate fates[TWCC_FATES_MAX])
{
	struct twcc_status states[TWCC_FATES_MAX];
	struct twcc_report report;
	const int count = twcc_read(packet, &report, states, TWCC_FATES_MAX);
	if (count < 0)
		return count;
	const int64_t base_us = unwrap(sent, report.reference) * REFERENCE_US;
	int known = 0;
	for (int i = 0; i < count; i++) {
		const struct twcc_status *state = &states[i];
		struct twcc_sent_packet *entry = &sent->packets[state->seq % TWCC_SENT_WINDOW];
		if (!entry->sent_us || entry->seq != state->seq)
			continue;
		if (!state->received && entry->lost)
			continue;
		fates[known++] = (struct packet_fate){
			.sent_us = entry->sent_us,
			.arrival_us = base_us + state->arrival_us,
			.bytes = entry->bytes,
			.received = state->received,
		};
		/* Reordered packets are first said to be missing, then to have come. */
		entry->lost = !state->received;
		if (state->received)
			entry->sent_us = 0;
	}
	return known;
}
