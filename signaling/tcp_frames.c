#include "signaling/tcp_frames.h"

#include "server/core/bits.h"

#include <errno.h>
#include <string.h>

/* With its head; what has come of that must be there. */
static size_t frame_size(const struct tcp_frames *frames)
{
	struct bits head;
	bits_init(&head, frames->data, TCP_FRAME_HEAD);
	return TCP_FRAME_HEAD + (size_t)bits_be16(&head);
}

static size_t take(struct tcp_frames *frames, size_t want, struct bits *input)
{
	const size_t missing = want - frames->have;
	const size_t left = bits_left(input);
	const size_t count = left < missing ? left : missing;
	const uint8_t *from = bits_bytes(input, count);
	if (count)
		memcpy(frames->data + frames->have, from, count);
	frames->have += count;
	return missing - count;
}

int tcp_frames_feed(struct tcp_frames *frames, const uint8_t *data, size_t len, tcp_frame_fn fn,
		    void *arg)
{
	struct bits input;
	bits_init(&input, data, len);
	while (bits_left(&input)) {
		if (frames->have < TCP_FRAME_HEAD && take(frames, TCP_FRAME_HEAD, &input))
			return 0;
		const size_t size = frame_size(frames);
		if (size > sizeof(frames->data))
			return -EMSGSIZE;
		if (take(frames, size, &input))
			return 0;
		frames->have = 0;
		if (size > TCP_FRAME_HEAD &&
		    !fn(arg, frames->data + TCP_FRAME_HEAD, size - TCP_FRAME_HEAD))
			return 0;
	}
	return 0;
}

size_t tcp_frames_size(size_t len, size_t segment)
{
	return len + TCP_FRAME_HEAD * ((len + segment - 1) / segment);
}

size_t tcp_frames_write(uint8_t *out, const uint8_t *data, size_t len, size_t segment)
{
	uint8_t *at = out;
	for (size_t done = 0; done < len; done += segment) {
		const size_t left = len - done;
		const size_t size = left < segment ? left : segment;
		*at++ = (uint8_t)(size >> 8);
		*at++ = (uint8_t)size;
		memcpy(at, data + done, size);
		at += size;
	}
	return (size_t)(at - out);
}
