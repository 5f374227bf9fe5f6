#include "media/rtp/twcc.h"

#include <errno.h>
#include <string.h>

/* Draft section 3.1. */
enum { TICK_US = 250, REFERENCE_TICKS = 256 /* 64 ms */, SMALL_DELTA_MAX = 255 };
enum symbol { NOT_RECEIVED, SMALL_DELTA, LARGE_DELTA, RESERVED };
enum { RUN_MAX = 0x1fff, VECTOR_ONE_BIT = 14, VECTOR_TWO_BIT = 7 };

/* What one report may hold so that it fits a datagram even in the worst case:
 * 8 + 2 * SPAN_MAX / 7 + 2 * RECEIVED_MAX. */
enum {
	SPAN_MAX = 1000,
	RECEIVED_MAX = 400,
	CONTENT_MAX = 8 + 2 * (SPAN_MAX / 7 + 1) + 2 * RECEIVED_MAX
};
_Static_assert(CONTENT_MAX + 16 <= RTCP_DATAGRAM_MAX, "a report fits a datagram");

void twcc_init(struct twcc_recorder *recorder)
{
	memset(recorder, 0, sizeof(*recorder));
	memset(recorder->arrival_us, -1, sizeof(recorder->arrival_us));
}

static int64_t *slot(struct twcc_recorder *recorder, int64_t seq)
{
	return &recorder->arrival_us[(uint64_t)seq % TWCC_WINDOW];
}

void twcc_arrived(struct twcc_recorder *recorder, uint16_t seq, int64_t now_us)
{
	if (!recorder->started) {
		recorder->started = true;
		recorder->next = recorder->newest = seq;
	}
	const int64_t full =
		recorder->newest + (int16_t)(uint16_t)(seq - (uint16_t)recorder->newest);
	if (full < 0 || full <= recorder->newest - TWCC_WINDOW)
		return; /* too old to matter */
	if (full > recorder->newest) {
		int64_t from = recorder->newest + 1;
		if (full - from >= TWCC_WINDOW)
			from = full - TWCC_WINDOW + 1;
		for (int64_t at = from; at <= full; at++)
			*slot(recorder, at) = -1;
		recorder->newest = full;
		if (recorder->next <= full - TWCC_WINDOW)
			recorder->next = full - TWCC_WINDOW + 1;
	}
	if (*slot(recorder, full) >= 0)
		return;
	*slot(recorder, full) = now_us;
	recorder->news = true;
	if (full < recorder->next)
		recorder->next = full;
}

/* One report in the making. */
struct draft {
	uint8_t symbols[SPAN_MAX];
	int16_t deltas[RECEIVED_MAX];
	unsigned span;
	unsigned received;
	int32_t reference;
};

/* Takes packets from recorder->next on until the report is full or a delta does not fit. */
static void collect(struct twcc_recorder *recorder, struct draft *draft)
{
	int64_t last_tick = 0;
	int64_t seq = recorder->next;
	for (; seq <= recorder->newest && draft->span < SPAN_MAX; seq++) {
		const int64_t arrival_us = *slot(recorder, seq);
		if (arrival_us < 0) {
			draft->symbols[draft->span++] = NOT_RECEIVED;
			continue;
		}
		const int64_t tick = arrival_us / TICK_US;
		if (draft->received == 0) {
			draft->reference = (int32_t)(tick / REFERENCE_TICKS);
			last_tick = tick / REFERENCE_TICKS * REFERENCE_TICKS;
		}
		const int64_t delta = tick - last_tick;
		if (draft->received == RECEIVED_MAX || delta > INT16_MAX || delta < INT16_MIN)
			break;
		const bool small = delta >= 0 && delta <= SMALL_DELTA_MAX;
		draft->symbols[draft->span++] = small ? SMALL_DELTA : LARGE_DELTA;
		draft->deltas[draft->received++] = (int16_t)delta;
		last_tick = tick;
	}
	recorder->next = seq;
	recorder->news = seq <= recorder->newest;
}

static unsigned run_length(const struct draft *draft, unsigned at)
{
	unsigned len = 1;
	while (at + len < draft->span && len < RUN_MAX &&
	       draft->symbols[at + len] == draft->symbols[at])
		len++;
	return len;
}

/* The chunk for the packets from `at` on; returns how many it covers (perhaps beyond the end). */
static unsigned encode_chunk(const struct draft *draft, unsigned at, uint16_t *chunk)
{
	const unsigned run = run_length(draft, at);
	if (run > VECTOR_TWO_BIT || at + run == draft->span) {
		*chunk = (uint16_t)(draft->symbols[at] << 13 | run);
		return run;
	}
	unsigned one_bit = 0;
	while (one_bit < VECTOR_ONE_BIT && at + one_bit < draft->span &&
	       draft->symbols[at + one_bit] != LARGE_DELTA)
		one_bit++;
	const bool whole = one_bit == VECTOR_ONE_BIT || at + one_bit == draft->span;
	const unsigned width = whole ? 1 : 2;
	const unsigned count = whole ? VECTOR_ONE_BIT : VECTOR_TWO_BIT;
	uint16_t bits = whole ? 0x8000 : 0xc000;
	for (unsigned i = 0; i < count && at + i < draft->span; i++)
		bits |= (uint16_t)(draft->symbols[at + i] << (width * (count - 1 - i)));
	*chunk = bits;
	return count;
}

static size_t encode(const struct draft *draft, uint16_t base, uint8_t number, uint8_t *out)
{
	size_t len = 0;
	out[len++] = (uint8_t)(base >> 8);
	out[len++] = (uint8_t)base;
	out[len++] = (uint8_t)(draft->span >> 8);
	out[len++] = (uint8_t)draft->span;
	out[len++] = (uint8_t)(draft->reference >> 16);
	out[len++] = (uint8_t)(draft->reference >> 8);
	out[len++] = (uint8_t)draft->reference;
	out[len++] = number;
	for (unsigned at = 0; at < draft->span;) {
		uint16_t chunk;
		at += encode_chunk(draft, at, &chunk);
		out[len++] = (uint8_t)(chunk >> 8);
		out[len++] = (uint8_t)chunk;
	}
	unsigned delta = 0;
	for (unsigned at = 0; at < draft->span; at++) {
		if (draft->symbols[at] == NOT_RECEIVED)
			continue;
		if (draft->symbols[at] == LARGE_DELTA)
			out[len++] = (uint8_t)((uint16_t)draft->deltas[delta] >> 8);
		out[len++] = (uint8_t)draft->deltas[delta++];
	}
	return len;
}

bool twcc_write(struct twcc_recorder *recorder, struct rtcp_writer *writer, uint32_t ssrc,
		uint32_t media_ssrc)
{
	struct draft draft;
	uint16_t base;
	do { /* a hole larger than a report is not worth one */
		if (!recorder->news)
			return false;
		draft.span = draft.received = 0;
		base = (uint16_t)recorder->next;
		collect(recorder, &draft);
	} while (draft.received == 0);
	uint8_t content[CONTENT_MAX];
	const size_t len = encode(&draft, base, recorder->reports++, content);
	const uint32_t ssrcs[2] = { ssrc, media_ssrc };
	rtcp_write_feedback(writer, RTCP_RTPFB, RTPFB_TWCC, ssrcs, content, len);
	return true;
}

/* Spreads one chunk into symbols; returns how many it speaks of. */
static unsigned decode_chunk(uint16_t chunk, uint8_t *symbols, unsigned left)
{
	if (!(chunk & 0x8000)) {
		unsigned run = chunk & RUN_MAX;
		if (run > left)
			run = left;
		memset(symbols, chunk >> 13 & 3, run);
		return run;
	}
	const bool two_bit = chunk & 0x4000;
	unsigned count = two_bit ? VECTOR_TWO_BIT : VECTOR_ONE_BIT;
	for (unsigned i = 0; i < count && i < left; i++) {
		const unsigned shift =
			two_bit ? 2 * (VECTOR_TWO_BIT - 1 - i) : VECTOR_ONE_BIT - 1 - i;
		symbols[i] = (uint8_t)(chunk >> shift & (two_bit ? 3 : 1));
	}
	return count < left ? count : left;
}

int twcc_read(struct rtcp_packet *packet, struct twcc_report *report, struct twcc_status *states,
	      unsigned cap)
{
	struct bits *body = &packet->body;
	report->base = bits_be16(body);
	report->count = bits_be16(body);
	const uint32_t reference = bits_be24(body);
	report->reference = (int32_t)(reference << 8) >> 8;
	report->number = bits_u8(body);
	uint8_t symbols[UINT16_MAX];
	for (unsigned at = 0; at < report->count;) {
		const unsigned got =
			decode_chunk(bits_be16(body), symbols + at, report->count - at);
		if (!bits_ok(body) || got == 0)
			return -EBADMSG;
		at += got;
	}
	int64_t arrival_us = 0;
	unsigned written = 0;
	for (unsigned at = 0; at < report->count; at++) {
		if (symbols[at] == RESERVED)
			return -EBADMSG;
		if (symbols[at] == SMALL_DELTA)
			arrival_us += (int64_t)bits_u8(body) * TICK_US;
		else if (symbols[at] == LARGE_DELTA)
			arrival_us += (int64_t)(int16_t)bits_be16(body) * TICK_US;
		if (written < cap)
			states[written++] = (struct twcc_status){
				.seq = (uint16_t)(report->base + at),
				.received = symbols[at] != NOT_RECEIVED,
				.arrival_us = arrival_us,
			};
	}
	return bits_ok(body) ? (int)written : -EBADMSG;
}
