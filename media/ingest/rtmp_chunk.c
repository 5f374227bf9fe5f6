#include "media/ingest/rtmp_chunk.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FEED_PIECE = 16 * 1024,
	HEADER_MAX = 18, /* 3 basic, 11 message, 4 extended time */
	EXTENDED = 0xffffff, /* §5.3.1.3 */
};

/* One chunk stream: what headers of types 1 to 3 refer back to, and the message in the making. */
struct rtmp_chunk_stream {
	uint32_t id;
	uint32_t timestamp;
	uint32_t delta;
	uint32_t len;
	uint32_t stream_id;
	uint8_t type;
	bool extended; /* the last header carried an extended timestamp, */
	uint32_t extended_time; /* this one */
	bool begun; /* a message is under way */
	struct bytes body;
};

struct header {
	unsigned format;
	uint32_t id;
	uint32_t time; /* timestamp (format 0) or delta (1, 2) */
	uint32_t len;
	uint32_t stream_id;
	uint8_t type;
};

void rtmp_chunk_reader_init(struct rtmp_chunk_reader *reader, rtmp_message_fn fn, void *arg)
{
	*reader = (struct rtmp_chunk_reader){
		.chunk_size = RTMP_CHUNK_SIZE_FIRST,
		.memory_max = RTMP_MEMORY_MAX,
		.fn = fn,
		.arg = arg,
	};
	bytes_init(&reader->in, HEADER_MAX + RTMP_CHUNK_SIZE_MAX + FEED_PIECE);
}

void rtmp_chunk_reader_finish(struct rtmp_chunk_reader *reader)
{
	for (size_t i = 0; i < reader->stream_count; i++) {
		bytes_finish(&reader->streams[i]->body);
		free(reader->streams[i]);
	}
	reader->stream_count = 0;
	bytes_finish(&reader->in);
}

static struct rtmp_chunk_stream *find(struct rtmp_chunk_reader *reader, uint32_t id)
{
	for (size_t i = 0; i < reader->stream_count; i++) {
		if (reader->streams[i]->id == id)
			return reader->streams[i];
	}
	return NULL;
}

static struct rtmp_chunk_stream *open_stream(struct rtmp_chunk_reader *reader, uint32_t id)
{
	if (reader->stream_count == RTMP_STREAMS_MAX)
		return NULL;
	struct rtmp_chunk_stream *stream = xcalloc(1, sizeof(*stream));
	stream->id = id;
	bytes_init(&stream->body, RTMP_MESSAGE_MAX);
	reader->streams[reader->stream_count++] = stream;
	return stream;
}

/* §5.3.1.1 */
static void read_basic(struct bits *bits, struct header *header)
{
	const uint8_t first = bits_u8(bits);
	header->format = first >> 6;
	header->id = first & 0x3f;
	if (header->id == 0) {
		header->id = 64U + bits_u8(bits);
	} else if (header->id == 1) {
		header->id = 64U + bits_u8(bits);
		header->id += 256U * bits_u8(bits);
	}
}

/* §5.3.1.2: each format leaves out what it has in common with the message before. */
static void read_message_header(struct bits *bits, struct header *header,
				const struct rtmp_chunk_stream *stream)
{
	if (stream) {
		header->len = stream->len;
		header->type = stream->type;
		header->stream_id = stream->stream_id;
	}
	if (header->format <= 2)
		header->time = bits_be24(bits);
	if (header->format <= 1) {
		header->len = bits_be24(bits);
		header->type = bits_u8(bits);
	}
	if (header->format == 0)
		header->stream_id = bits_le32(bits);
}

static void begin_message(struct rtmp_chunk_stream *stream, const struct header *header)
{
	if (header->format == 0) {
		stream->timestamp = header->time;
		/* A type 3 header after it repeats this as the delta (§5.3.1.2.4). */
		stream->delta = header->time;
	} else {
		if (header->format <= 2)
			stream->delta = header->time;
		stream->timestamp += stream->delta;
	}
	stream->len = header->len;
	stream->type = header->type;
	stream->stream_id = header->stream_id;
	stream->begun = true;
}

static void forget_body(struct rtmp_chunk_reader *reader, struct rtmp_chunk_stream *stream)
{
	reader->memory -= stream->body.len;
	stream->begun = false;
	/* Large bodies are given back, so that 64 streams cannot hold 64 large buffers. */
	if (stream->body.size > FEED_PIECE)
		bytes_finish(&stream->body);
	else
		bytes_clear(&stream->body);
}

static int set_chunk_size(struct rtmp_chunk_reader *reader, const struct rtmp_message *message)
{
	struct bits bits;
	bits_init(&bits, message->data, message->len);
	const uint32_t size = bits_be32(&bits);
	if (!bits_ok(&bits) || size < RTMP_CHUNK_SIZE_MIN || size > RTMP_CHUNK_SIZE_MAX)
		return -EPROTO;
	reader->chunk_size = size;
	return 0;
}

static int abort_message(struct rtmp_chunk_reader *reader, const struct rtmp_message *message)
{
	struct bits bits;
	bits_init(&bits, message->data, message->len);
	struct rtmp_chunk_stream *stream = find(reader, bits_be32(&bits));
	if (!bits_ok(&bits))
		return -EPROTO;
	if (stream)
		forget_body(reader, stream);
	return 0;
}

static int finish_message(struct rtmp_chunk_reader *reader, struct rtmp_chunk_stream *stream)
{
	const struct rtmp_message message = {
		.type = stream->type,
		.stream_id = stream->stream_id,
		.timestamp = stream->timestamp,
		.data = stream->body.data,
		.len = stream->body.len,
	};
	int err;
	if (message.type == RTMP_SET_CHUNK_SIZE)
		err = set_chunk_size(reader, &message);
	else if (message.type == RTMP_ABORT)
		err = abort_message(reader, &message);
	else
		err = reader->fn(reader->arg, &message);
	forget_body(reader, stream);
	return err;
}

static int check(const struct rtmp_chunk_reader *reader, const struct header *header,
		 const struct rtmp_chunk_stream *stream)
{
	/* A first header that refers back to nothing */
	if (!stream && header->format != 0 && header->format != 1)
		return -EPROTO;
	/* A message in the making goes on with type 3; a few senders repeat a longer header, which
	 * would leave half a message behind. */
	if (stream && stream->begun && header->format != 3)
		return -EPROTO;
	if (header->len > RTMP_MESSAGE_MAX)
		return -EMSGSIZE;
	return reader->memory > reader->memory_max ? -ENOBUFS : 0;
}

/* §5.3.1.3. Type 3 chunks repeat the field; some senders leave it out there, which shows when what
 * follows is not the same number. */
static bool read_extended(struct bits *bits, struct header *header,
			  const struct rtmp_chunk_stream *stream)
{
	if (header->format != 3) {
		if (header->time != EXTENDED)
			return false;
		header->time = bits_be32(bits);
		return true;
	}
	if (!stream->extended)
		return false;
	struct bits ahead = *bits;
	if (bits_be32(&ahead) == stream->extended_time || !bits_ok(&ahead))
		*bits = ahead;
	return true;
}

/* Reads one chunk off the front. 1: done; 0: more bytes are needed; or -errno. */
static int read_chunk(struct rtmp_chunk_reader *reader, struct bits *bits)
{
	struct header header = { 0 };
	read_basic(bits, &header);
	struct rtmp_chunk_stream *stream = find(reader, header.id);
	read_message_header(bits, &header, stream);
	if (!bits_ok(bits))
		return 0;
	const int err = check(reader, &header, stream);
	if (err)
		return err;
	const bool extended = read_extended(bits, &header, stream);
	const size_t had = stream && stream->begun ? stream->body.len : 0;
	const size_t left = header.len - had;
	const size_t take = left < reader->chunk_size ? left : reader->chunk_size;
	const uint8_t *data = bits_bytes(bits, take);
	if (!bits_ok(bits))
		return 0;
	if (!stream)
		stream = open_stream(reader, header.id);
	if (!stream || reader->memory + take > reader->memory_max)
		return -ENOBUFS;
	if (!stream->begun)
		begin_message(stream, &header);
	stream->extended = extended;
	if (header.format != 3)
		stream->extended_time = header.time;
	bytes_put(&stream->body, data, take);
	if (!bytes_ok(&stream->body))
		return -ENOMEM;
	reader->memory += take;
	if (take < left)
		return 1;
	const int answer = finish_message(reader, stream);
	return answer ? answer : 1;
}

static int read_chunks(struct rtmp_chunk_reader *reader)
{
	size_t done = 0;
	int result = 1;
	while (result == 1 && !reader->held && done < reader->in.len) {
		struct bits bits;
		bits_init(&bits, reader->in.data + done, reader->in.len - done);
		result = read_chunk(reader, &bits);
		if (result == 1)
			done = (size_t)(bits.at - reader->in.data);
	}
	bytes_consume(&reader->in, done);
	return result < 0 ? result : 0;
}

int rtmp_chunk_feed(struct rtmp_chunk_reader *reader, const uint8_t *data, size_t len)
{
	while (len) {
		const size_t piece = len < FEED_PIECE ? len : FEED_PIECE;
		bytes_put(&reader->in, data, piece);
		if (!bytes_ok(&reader->in))
			return -ENOBUFS;
		const int err = read_chunks(reader);
		if (err)
			return err;
		data += piece;
		len -= piece;
	}
	return 0;
}

void rtmp_chunk_hold(struct rtmp_chunk_reader *reader)
{
	reader->held = true;
}

int rtmp_chunk_resume(struct rtmp_chunk_reader *reader)
{
	reader->held = false;
	return read_chunks(reader);
}

void rtmp_chunk_write(struct bytes *out, unsigned id, const struct rtmp_message *message,
		      uint32_t chunk_size)
{
	const bool extended = message->timestamp >= EXTENDED;
	bytes_u8(out, (uint8_t)id); /* format 0 */
	bytes_be24(out, extended ? EXTENDED : message->timestamp);
	bytes_be24(out, (uint32_t)message->len);
	bytes_u8(out, message->type);
	bytes_le32(out, message->stream_id);
	if (extended)
		bytes_be32(out, message->timestamp);
	for (size_t done = 0; done < message->len;) {
		if (done) {
			bytes_u8(out, (uint8_t)(3 << 6 | id));
			if (extended)
				bytes_be32(out, message->timestamp);
		}
		const size_t left = message->len - done;
		const size_t take = left < chunk_size ? left : chunk_size;
		bytes_put(out, message->data + done, take);
		done += take;
	}
}
