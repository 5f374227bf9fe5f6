#include "load-tests/swarm/media_file.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER = 9,
	BACK = 4,
	AUDIO = 8,
	VIDEO = 9,
	SCRIPT = 18,
	AVC = 7, /* E.4.3.1 */
	KEYFRAME = 1,
	SEQUENCE_HEADER = 0,
	NALU = 1,
	AAC = 10, /* E.4.2.1 */
	EXTENDED = 9, /* Enhanced RTMP v2: the kind of packet, then four letters */
	FOURCC = 4,
	FRAME_MS = 40, /* of a file with one picture */
};

struct media_file {
	uint8_t *data;
	struct media_tag *tags;
	size_t count, size;
	uint32_t ms;
	bool has_video_config, has_picture, has_opus;
	uint32_t first_ms, last_ms, last_step_ms; /* of pictures */
};

static void add_tag(struct media_file *file, const struct media_tag *tag)
{
	if (file->count == file->size) {
		file->size = file->size ? file->size * 2 : 1024;
		file->tags = xrealloc(file->tags, file->size * sizeof(*file->tags));
	}
	file->tags[file->count++] = *tag;
}

/* NULL, or why the file will not do. */
static const char *take_video(struct media_file *file, struct media_tag *tag)
{
	struct bits bits;
	bits_init(&bits, tag->data, tag->len);
	const uint8_t head = bits_u8(&bits);
	const uint8_t kind = bits_u8(&bits);
	const uint32_t composition = bits_be24(&bits);
	if (!bits_ok(&bits) || (head & 0x0f) != AVC)
		return "its video is not H.264";
	tag->key = head >> 4 == KEYFRAME;
	tag->config = kind == SEQUENCE_HEADER;
	file->has_video_config |= tag->config;
	if (kind != NALU)
		return NULL;
	if (composition)
		return "it has B-frames";
	if (!file->has_picture && !tag->key)
		return "it does not begin with a keyframe";
	if (!file->has_picture)
		file->first_ms = tag->at_ms;
	else
		file->last_step_ms = tag->at_ms - file->last_ms;
	file->has_picture = true;
	file->last_ms = tag->at_ms;
	return NULL;
}

static const char *take_audio(struct media_file *file, struct media_tag *tag)
{
	struct bits bits;
	bits_init(&bits, tag->data, tag->len);
	const uint8_t head = bits_u8(&bits);
	if (head >> 4 == EXTENDED) {
		const uint8_t *fourcc = bits_bytes(&bits, FOURCC);
		if (!fourcc || memcmp(fourcc, "Opus", FOURCC) != 0)
			return "its audio is neither AAC nor Opus";
		tag->config = (head & 0x0f) == SEQUENCE_HEADER;
		file->has_opus = true;
		return NULL;
	}
	const uint8_t kind = bits_u8(&bits);
	if (!bits_ok(&bits) || head >> 4 != AAC)
		return "its audio is neither AAC nor Opus";
	tag->config = kind == SEQUENCE_HEADER;
	return NULL;
}

static const char *take_tag(struct media_file *file, struct media_tag *tag)
{
	const char *why = NULL;
	if (tag->type == SCRIPT) {
		tag->config = true;
	} else if (tag->type == AUDIO) {
		why = take_audio(file, tag);
	} else if (tag->type == VIDEO) {
		why = take_video(file, tag);
	} else {
		return NULL;
	}
	/* The end mark of ffmpeg would end the room's picture at each round. */
	const bool end_mark = tag->type == VIDEO && tag->data[1] > NALU;
	if (!why && !end_mark)
		add_tag(file, tag);
	return why;
}

static const char *read_tags(struct media_file *file, size_t len)
{
	struct bits bits;
	bits_init(&bits, file->data, len);
	const uint8_t *mark = bits_bytes(&bits, 3);
	if (!mark || memcmp(mark, "FLV", 3) != 0)
		return "it is not FLV";
	bits_skip(&bits, HEADER - 3 + BACK);
	while (bits_left(&bits) > 0) {
		struct media_tag tag = { .type = bits_u8(&bits) & 0x1f };
		tag.len = bits_be24(&bits);
		tag.at_ms = bits_be24(&bits);
		tag.at_ms |= (uint32_t)bits_u8(&bits) << 24;
		bits_skip(&bits, 3);
		tag.data = bits_bytes(&bits, tag.len);
		bits_skip(&bits, BACK);
		if (!bits_ok(&bits) || file->count == MEDIA_FILE_TAGS_MAX)
			return file->has_picture ? NULL : "it is cut off";
		const char *why = take_tag(file, &tag);
		if (why)
			return why;
	}
	return NULL;
}

/* Sound lasts as long as the picture, or less: a server that counts samples would have to go back
 * where the file begins again. */
static bool reaches_over(const struct media_file *file, const struct media_tag *tag,
			 uint32_t sound_step_ms)
{
	const uint32_t length_ms = tag->type == AUDIO ? sound_step_ms : 0;
	return !tag->config && tag->type != VIDEO && tag->at_ms + length_ms > file->ms;
}

/* Times count from the first picture. */
static void set_times(struct media_file *file)
{
	const uint32_t step_ms = file->last_step_ms ? file->last_step_ms : FRAME_MS;
	uint32_t sound_ms = 0, sound_step_ms = 0;
	size_t kept = 0;
	file->ms = file->last_ms - file->first_ms + step_ms;
	for (size_t i = 0; i < file->count; i++) {
		struct media_tag tag = file->tags[i];
		tag.at_ms = tag.at_ms > file->first_ms ? tag.at_ms - file->first_ms : 0;
		if (tag.type == AUDIO) {
			if (tag.at_ms - sound_ms > sound_step_ms)
				sound_step_ms = tag.at_ms - sound_ms;
			sound_ms = tag.at_ms;
		}
		if (!reaches_over(file, &tag, sound_step_ms))
			file->tags[kept++] = tag;
	}
	file->count = kept;
}

int media_file_parse(struct media_file **out, const uint8_t *data, size_t len, const char **why)
{
	struct media_file *file = xcalloc(1, sizeof(*file));
	file->data = malloc(len ? len : 1);
	if (!file->data) {
		media_file_destroy(file);
		return -ENOMEM;
	}
	memcpy(file->data, data, len);
	*why = read_tags(file, len);
	if (!*why && (!file->has_picture || !file->has_video_config))
		*why = "it has no picture";
	if (*why) {
		media_file_destroy(file);
		return -EINVAL;
	}
	set_times(file);
	*out = file;
	return 0;
}

int media_file_read(struct media_file **out, const char *path, const char **why)
{
	FILE *stream = fopen(path, "re");
	int err = stream ? 0 : -errno;
	uint8_t *data = NULL;
	*why = "";
	if (!err && fseek(stream, 0, SEEK_END))
		err = -errno;
	const long len = err ? 0 : ftell(stream);
	if (!err && (len < 0 || len > MEDIA_FILE_MAX))
		err = -EFBIG;
	if (!err) {
		rewind(stream);
		data = malloc((size_t)len + 1);
		err = data && fread(data, 1, (size_t)len, stream) == (size_t)len ? 0 : -EIO;
	}
	if (!err)
		err = media_file_parse(out, data, (size_t)len, why);
	free(data);
	if (stream)
		fclose(stream);
	return err;
}

uint32_t media_file_ms(const struct media_file *file)
{
	return file->ms;
}

bool media_file_has_opus(const struct media_file *file)
{
	return file->has_opus;
}

void media_file_destroy(struct media_file *file)
{
	if (!file)
		return;
	free(file->tags);
	free(file->data);
	free(file);
}

const struct media_tag *media_walk_next(struct media_walk *walk, int64_t passed_ms, int64_t *at_ms)
{
	const struct media_file *file = walk->file;
	for (;;) {
		if (walk->next == file->count) {
			walk->next = 0;
			walk->rounds++;
		}
		const struct media_tag *tag = &file->tags[walk->next];
		if (tag->config && walk->rounds) {
			walk->next++;
			continue;
		}
		*at_ms = (int64_t)walk->rounds * file->ms + tag->at_ms;
		if (*at_ms > passed_ms)
			return NULL;
		walk->next++;
		return tag;
	}
}
