#include "load-tests/swarm/sent_book.h"

#include "media/rtp/rtcp.h"
#include "media/rtp/rtp_packet.h"

#include <stdlib.h>

int64_t capture_stamp_us(const uint8_t *packet, size_t len, uint8_t id)
{
	struct rtp_view view;
	struct bits content;
	if (!id || rtp_parse(&view, packet, len) || !rtp_extension(&view, id, &content))
		return 0;
	const uint64_t ntp = bits_be64(&content);
	return bits_ok(&content) ? ntp_to_utc_us(ntp) : 0;
}

void sent_book_add(struct sent_book *book, int64_t capture_us, int64_t now_us)
{
	if (capture_us)
		book->at[book->count++ % SENT_BOOK_PICTURES] =
			(struct sent_picture){ capture_us, now_us };
}

int64_t sent_book_find(const struct sent_book *book, int64_t capture_us)
{
	/* From the newest on. */
	for (unsigned i = 1; i <= SENT_BOOK_PICTURES && i <= book->count; i++) {
		const struct sent_picture *picture =
			&book->at[(book->count - i) % SENT_BOOK_PICTURES];
		if (llabs(picture->capture_us - capture_us) < SENT_BOOK_NEAR_US)
			return picture->sent_us;
	}
	return 0;
}
