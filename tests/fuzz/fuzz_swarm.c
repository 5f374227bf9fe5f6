/* What the load client reads from strangers and from files: WebSocket frames, live messages, H.264
 * payloads, media files, scenarios. The first byte says which. */
#include "load-tests/swarm/full_view.h"
#include "load-tests/swarm/media_file.h"
#include "load-tests/swarm/message_book.h"
#include "load-tests/swarm/options.h"
#include "load-tests/swarm/ws_reader.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_message(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	const struct live_batch *batch = message_book_read(arg, (const char *)data, len);
	(void)opcode;
	(void)batch;
}

static void read_frames(const uint8_t *data, size_t len)
{
	struct message_book *book;
	struct ws_reader reader;
	const size_t step = data[0] + 1u;
	message_book_create(&book);
	ws_reader_init(&reader, on_message, book);
	for (size_t at = 1; at < len; at += step)
		ws_reader_feed(&reader, data + at, len - at < step ? len - at : step);
	ws_reader_finish(&reader);
	message_book_destroy(book);
}

/* Packets with a length byte in front. */
static void read_packets(const uint8_t *data, size_t len)
{
	struct full_view *view;
	full_view_create(&view);
	for (int64_t now_us = 0; len; now_us += 50000) {
		const size_t want = data[0], part = want < len - 1 ? want : len - 1;
		full_view_packet(view, data + 1, part, now_us);
		full_view_tick(view, now_us);
		data += part + 1;
		len -= part + 1;
	}
	full_view_destroy(view);
}

static void read_media(const uint8_t *data, size_t len)
{
	struct media_file *file;
	const char *why;
	int64_t at_ms;
	if (media_file_parse(&file, data, len, &why))
		return;
	struct media_walk walk = { .file = file };
	for (int i = 0; i < 64; i++)
		if (!media_walk_next(&walk, i * 20L, &at_ms) && at_ms > 1000)
			break;
	media_file_destroy(file);
}

static void read_scenario(const uint8_t *data, size_t len)
{
	struct swarm_options options = { 0 };
	struct option_error error;
	char path[64];
	const int fd = memfd_create("scenario", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	char *words[] = { "souk-swarm", "--scenario", path };
	if (write(fd, data, len) == (ssize_t)len)
		(void)!swarm_options_parse(&options, 3, words, &error);
	swarm_options_finish(&options);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const readers[])(const uint8_t *, size_t) = { read_frames, read_packets,
								    read_media, read_scenario };
	if (len > 1)
		readers[data[0] % 4](data + 1, len - 1);
	return 0;
}
