/*
 * When this process sent a picture's last packet, so that a viewer in the same process tells what
 * the way through the server took. Pictures are named by their capture times, which a server may
 * tell a little differently from its host. Embedded, zeroed is empty. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SENT_BOOK_H
#define SOUK_LOAD_TESTS_SWARM_SENT_BOOK_H

#include <stddef.h>
#include <stdint.h>

enum {
	SENT_BOOK_PICTURES = 64,
	SENT_BOOK_NEAR_US = 10000, /* times that differ by less are of one picture */
};

struct sent_book {
	unsigned count; /* so far */
	struct sent_picture {
		int64_t capture_us, sent_us;
	} at[SENT_BOOK_PICTURES];
};

/* What the header of an RTP packet says of the capture time (abs-capture-time under this id), in us
 * of UTC; 0: nothing. */
int64_t capture_stamp_us(const uint8_t *packet, size_t len, uint8_t id);

/* Nothing for a capture time of 0. */
void sent_book_add(struct sent_book *book, int64_t capture_us, int64_t now_us);
/* 0: no such picture was sent lately. */
int64_t sent_book_find(const struct sent_book *book, int64_t capture_us);

#endif
