#include "media/rtp/rtp_pacer.h"

#include "media/frame.h"
#include "server/core/alloc.h"

#include <stdlib.h>

void rtp_pacer_init(struct rtp_pacer *pacer)
{
	*pacer = (struct rtp_pacer){ .tokens = PACER_BURST, .burst = PACER_BURST };
}

void rtp_pacer_finish(struct rtp_pacer *pacer)
{
	rtp_pacer_clear(pacer, false);
	free(pacer->queue);
	pacer->queue = NULL;
	pacer->size = 0;
}

void rtp_pacer_reserve(struct rtp_pacer *pacer, size_t count)
{
	size_t size = pacer->count + count + PACER_ROOM;
	if (size > PACER_FRAMES_MAX)
		size = PACER_FRAMES_MAX;
	if (size <= pacer->size)
		return;
	struct frame **queue = xcalloc(size, sizeof(struct frame *));
	for (unsigned i = 0; pacer->size > 0 && i < pacer->count; i++)
		queue[i] = pacer->queue[(pacer->head + i) % pacer->size];
	free(pacer->queue);
	pacer->queue = queue;
	pacer->size = (unsigned)size;
	pacer->head = 0;
}

bool rtp_pacer_push(struct rtp_pacer *pacer, struct frame *frame)
{
	if (pacer->size == 0)
		rtp_pacer_reserve(pacer, 0);
	if (pacer->count == pacer->size)
		return false;
	pacer->queue[(pacer->head + pacer->count) % pacer->size] = frame_ref(frame);
	pacer->count++;
	return true;
}

struct frame *rtp_pacer_head(const struct rtp_pacer *pacer)
{
	return pacer->count > 0 ? pacer->queue[pacer->head] : NULL;
}

void rtp_pacer_pop(struct rtp_pacer *pacer)
{
	frame_unref(pacer->queue[pacer->head]);
	pacer->head = (pacer->head + 1) % pacer->size;
	pacer->count--;
	pacer->next_piece = 0;
}

void rtp_pacer_clear(struct rtp_pacer *pacer, bool keep_begun)
{
	const unsigned keep = keep_begun && pacer->next_piece > 0 ? 1 : 0;
	while (pacer->count > keep) {
		pacer->count--;
		frame_unref(pacer->queue[(pacer->head + pacer->count) % pacer->size]);
	}
	if (pacer->count == 0)
		pacer->next_piece = 0;
}

static int64_t debt_max(const struct rtp_pacer *pacer)
{
	return pacer->narrow ? PACER_NARROW_BURST : PACER_BURST;
}

void rtp_pacer_narrow(struct rtp_pacer *pacer, uint32_t bytes_per_s)
{
	pacer->narrow = bytes_per_s;
	if (pacer->tokens < -debt_max(pacer))
		pacer->tokens = -debt_max(pacer);
}

void rtp_pacer_trust(struct rtp_pacer *pacer, size_t bytes, int64_t now_us)
{
	if ((int64_t)bytes <= pacer->burst || now_us < pacer->learn_us)
		return;
	pacer->learn_us = now_us + PACER_LEARN_US;
	pacer->burst *= 2;
	if (pacer->burst > PACER_BURST_MAX)
		pacer->burst = PACER_BURST_MAX;
}

void rtp_pacer_distrust(struct rtp_pacer *pacer, int64_t now_us)
{
	pacer->burst = PACER_BURST;
	pacer->learn_us = now_us + PACER_BURN_US;
}

bool rtp_pacer_refill(struct rtp_pacer *pacer, int64_t now_us)
{
	if (pacer->filled_us == 0)
		pacer->filled_us = now_us;
	int64_t passed_us = now_us - pacer->filled_us;
	if (passed_us > 1000000)
		passed_us = 1000000; /* the burst's cap is reached long before */
	const int64_t bytes_per_s = pacer->narrow ? pacer->narrow : PACER_BYTES_PER_MS * 1000;
	pacer->tokens += passed_us * bytes_per_s / 1000000;
	const int64_t most = pacer->narrow ? PACER_NARROW_BURST : pacer->burst;
	if (pacer->tokens > most)
		pacer->tokens = most;
	pacer->filled_us = now_us;
	return pacer->tokens > 0;
}

void rtp_pacer_spend(struct rtp_pacer *pacer, size_t bytes)
{
	pacer->tokens -= (int64_t)bytes;
	/* A stream faster than the pace must not build up a debt. */
	if (pacer->tokens < -debt_max(pacer))
		pacer->tokens = -debt_max(pacer);
}
