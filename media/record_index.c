#include "media/record_index.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "souk-recording 1\n"

enum { DIGITS_MAX = 18 };

void record_put_track(struct bytes *out, const struct record_track *track)
{
	bytes_printf(out, MAGIC "T %llu %u %d %s\n", (unsigned long long)track->header_len,
		     track->sample_rate, track->video, track->codecs);
}

void record_put_part(struct bytes *out, const struct record_part *part)
{
	bytes_printf(out, "P %llu %llu %lld %lld %lld %s%s\n", (unsigned long long)part->offset,
		     (unsigned long long)part->len, (long long)part->media_us,
		     (long long)part->capture_us, (long long)part->duration_us,
		     part->starts_segment ? "s" : "-", part->independent ? "k" : "-");
}

void record_put_event(struct bytes *out, const void *message, size_t len)
{
	char *base64 = xcalloc(1, base64_len(len) + 1);
	base64_encode(message, len, base64);
	bytes_printf(out, "E %s\n", base64);
	free(base64);
}

void record_put_end(struct bytes *out)
{
	bytes_text(out, "Z\n");
}

/* The next number of a line and the space behind it; false when there is none. */
static bool take_number(const char **at, int64_t *out)
{
	const bool negative = **at == '-';
	const char *digit = *at + negative;
	size_t digits = 0;
	*out = 0;
	for (; isdigit((unsigned char)*digit) && digits < DIGITS_MAX; digit++, digits++)
		*out = *out * 10 + (*digit - '0');
	if (!digits || (*digit && *digit != ' '))
		return false;
	*out = negative ? -*out : *out;
	*at = digit + (*digit == ' ');
	return true;
}

static bool take_track(struct record_index *index, const char *at)
{
	int64_t header_len, rate, video;
	if (!take_number(&at, &header_len) || !take_number(&at, &rate) ||
	    !take_number(&at, &video) || header_len <= 0 || rate < 0 || rate > 192000 ||
	    strlen(at) >= RECORD_CODECS_MAX || strpbrk(at, "\"\\"))
		return false;
	index->track = (struct record_track){ .header_len = (uint64_t)header_len,
					      .sample_rate = (uint32_t)rate,
					      .video = video != 0 };
	memcpy(index->track.codecs, at, strlen(at) + 1);
	return true;
}

static bool take_part(struct record_index *index, const char *at, uint64_t file_len)
{
	int64_t numbers[5];
	for (size_t i = 0; i < 5; i++)
		if (!take_number(&at, &numbers[i]))
			return false;
	for (size_t i = 2; i < 4; i++)
		if (llabs(numbers[i]) > RECORD_TIME_MAX_US)
			return false;
	const uint64_t offset = (uint64_t)numbers[0], len = (uint64_t)numbers[1];
	if (numbers[0] < 0 || numbers[1] <= 0 || numbers[4] < 0 ||
	    numbers[4] > RECORD_PART_MAX_S * INT64_C(1000000) || strlen(at) != 2 ||
	    offset + len > file_len || index->part_count == RECORD_PARTS_MAX)
		return false;
	if (index->part_count == index->part_size) {
		index->part_size = index->part_size ? index->part_size * 2 : 64;
		index->parts = xrealloc(index->parts, index->part_size * sizeof(*index->parts));
	}
	index->parts[index->part_count++] = (struct record_part){ .offset = offset,
								  .len = len,
								  .media_us = numbers[2],
								  .capture_us = numbers[3],
								  .duration_us = numbers[4],
								  .starts_segment = at[0] == 's',
								  .independent = at[1] == 'k' };
	return true;
}

static bool take_event(struct record_index *index, const char *at)
{
	const size_t len = strlen(at);
	uint8_t *message = malloc(len + 1);
	const long got = message ? base64_decode(at, len, message, len) : -ENOMEM;
	struct buf *event = got > 0 && index->event_count < RECORD_EVENTS_MAX
				    ? buf_copy(message, (size_t)got)
				    : NULL;
	free(message);
	if (!event)
		return false;
	if (index->event_count == index->event_size) {
		index->event_size = index->event_size ? index->event_size * 2 : 64;
		index->events = xrealloc(index->events, index->event_size * sizeof(struct buf *));
	}
	index->events[index->event_count++] = event;
	return true;
}

static bool take_line(struct record_index *index, const char *line, uint64_t file_len)
{
	if (line[0] == 'Z' && !line[1])
		index->over = true;
	else if (line[0] && line[1] != ' ')
		return false;
	switch (line[0]) {
	case 'T':
		return take_track(index, line + 2);
	case 'P':
		return take_part(index, line + 2, file_len);
	case 'E':
		return take_event(index, line + 2);
	case 'Z':
		return true;
	default:
		return false;
	}
}

int record_index_parse(struct record_index *index, const void *text, size_t len, uint64_t file_len)
{
	const size_t magic = sizeof(MAGIC) - 1;
	*index = (struct record_index){ 0 };
	if (len < magic || memcmp(text, MAGIC, magic) != 0)
		return -EINVAL;
	const char *at = (const char *)text + magic, *end = (const char *)text + len;
	char *line = xcalloc(1, RECORD_LINE_MAX);
	bool good = true;
	while (good && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const size_t line_len = stop ? (size_t)(stop - at) : 0;
		/* The last one may have been cut off. */
		good = stop && line_len < RECORD_LINE_MAX && !memchr(at, '\0', line_len);
		if (!good)
			break;
		memcpy(line, at, line_len);
		line[line_len] = '\0';
		good = take_line(index, line, file_len);
		at = stop + 1;
	}
	free(line);
	return index->track.header_len && index->track.header_len <= file_len ? 0 : -EINVAL;
}

void record_index_finish(struct record_index *index)
{
	for (size_t i = 0; i < index->event_count; i++)
		buf_unref(index->events[i]);
	free(index->events);
	free(index->parts);
	*index = (struct record_index){ 0 };
}

int64_t record_index_end_us(const struct record_index *index)
{
	if (!index->part_count)
		return 0;
	const struct record_part *last = &index->parts[index->part_count - 1];
	return last->capture_us + last->duration_us;
}
