/* Packets out of a TCP stream: the first byte says in what pieces the rest comes; the packets must
 * be the same as when it comes at once. */
#include "signaling/tcp_frames.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
	size_t packets, bytes;
	uint32_t hash;
};

static bool on_frame(void *arg, uint8_t *packet, size_t len)
{
	struct sum *sum = arg;
	if (!len || len > TCP_FRAME_MAX)
		abort();
	sum->packets++;
	sum->bytes += len;
	for (size_t i = 0; i < len; i++)
		sum->hash = (sum->hash ^ packet[i]) * 16777619u;
	memset(packet, 0xff, len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct tcp_frames whole, pieces;
	struct sum of_whole = { 0 }, of_pieces = { 0 };
	if (len < 2)
		return 0;
	const size_t piece = data[0] + 1u;
	whole.have = pieces.have = 0;
	const int err = tcp_frames_feed(&whole, data + 1, len - 1, on_frame, &of_whole);
	int pieces_err = 0;
	for (size_t at = 1; at < len && !pieces_err; at += piece) {
		const size_t left = len - at;
		pieces_err = tcp_frames_feed(&pieces, data + at, left < piece ? left : piece,
					     on_frame, &of_pieces);
	}
	if (err != pieces_err || memcmp(&of_whole, &of_pieces, sizeof(of_whole)) != 0)
		abort();
	return 0;
}
