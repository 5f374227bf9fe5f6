/*
 * Packets out of a TCP stream: two bytes of length before each (RFC 4571 §2, RFC 6544 §10.1). What
 * is longer than any packet of WebRTC is refused; empty ones are skipped. Embedded, zeroed is
 * empty. One owner.
 */
#ifndef SOUK_SIGNALING_TCP_FRAMES_H
#define SOUK_SIGNALING_TCP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TCP_FRAME_HEAD = 2, TCP_FRAME_MAX = 2048 };

struct tcp_frames {
	size_t have; /* of the packet under way, with its head */
	uint8_t data[TCP_FRAME_HEAD + TCP_FRAME_MAX];
};

/* The packet may be changed in place. False: no more, whatever else has come. */
typedef bool (*tcp_frame_fn)(void *arg, uint8_t *packet, size_t len);

/* -EMSGSIZE: the rest cannot be told apart any more. */
int tcp_frames_feed(struct tcp_frames *frames, const uint8_t *data, size_t len, tcp_frame_fn fn,
		    void *arg) __attribute__((warn_unused_result));

/* Writes the packets of a run, `segment` bytes each but for a shorter last one, with their heads;
 * `out` has room for tcp_frames_size(). Returns the size. */
size_t tcp_frames_write(uint8_t *out, const uint8_t *data, size_t len, size_t segment);
size_t tcp_frames_size(size_t len, size_t segment);

#endif
