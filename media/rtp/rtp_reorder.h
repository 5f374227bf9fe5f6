/*
 * The window in which one incoming stream is put in order. What comes in order passes at once and
 * uncopied; behind a gap packets wait until the missing ones are repeated or given up. Says which
 * numbers to NACK and when. Caps: WINDOW packets. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_REORDER_H
#define SOUK_MEDIA_RTP_RTP_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REORDER_WINDOW = 1024,
	NACK_DELAY_US = 5000, /* reordered packets need no NACK */
	NACK_REPEAT_MIN_US = 20000,
	NACK_TIMES_MAX = 10,
	/* How long a gap in a stream that is repeated holds back what follows: 4 round trips. */
	GIVE_UP_MIN_US = 200000,
	GIVE_UP_MAX_US = 500000,
	GIVE_UP_UNREPEATED_US = 30000, /* sound: reordering alone is worth waiting for */
};

/* One packet as the depacketiser wants it; `data` is valid during the call. */
struct rtp_unit {
	const uint8_t *data;
	size_t len; /* 0: padding alone */
	uint32_t timestamp;
	bool marker;
	bool after_loss; /* packets before this one were given up */
	int64_t arrival_us;
};
typedef void (*rtp_unit_fn)(void *arg, const struct rtp_unit *unit);

enum reorder_result { REORDER_NEW, REORDER_FILLED, REORDER_DUPLICATE, REORDER_LATE, REORDER_STRAY };

struct rtp_reorder {
	rtp_unit_fn deliver;
	void *arg;
	bool repeated; /* missing packets are NACKed */
	bool started;
	bool lost; /* the next delivered unit comes after a loss */
	int64_t next; /* expected, unwrapped */
	int64_t highest; /* newest seen; next - 1 when nothing waits */
	unsigned missing;
	uint16_t stray_seq; /* RFC 3550 §A.1: two in a row far away restart the stream */
	bool stray;
	uint64_t given_up;
	int64_t repair_us; /* newest time from a first NACK to its packet; -1: none */
	struct reorder_slot {
		enum { SLOT_FREE, SLOT_MISSING, SLOT_HELD } state;
		uint8_t *data;
		struct rtp_unit unit;
		int64_t since_us, asked_us;
		unsigned times;
	} slots[REORDER_WINDOW];
};

void rtp_reorder_init(struct rtp_reorder *reorder, bool repeated, rtp_unit_fn deliver, void *arg);
void rtp_reorder_finish(struct rtp_reorder *reorder);

/* May deliver any number of units. */
enum reorder_result rtp_reorder_push(struct rtp_reorder *reorder, uint16_t seq,
				     const struct rtp_unit *unit);

/* The numbers to NACK now, oldest first; they count as asked. */
unsigned rtp_reorder_nacks(struct rtp_reorder *reorder, int64_t now_us, int64_t rtt_us,
			   uint16_t *seqs, unsigned cap);

/* Gives up what has been missing for too long and delivers what waited behind it. */
void rtp_reorder_expire(struct rtp_reorder *reorder, int64_t now_us, int64_t rtt_us);

#endif
