#include "server/replay_read.h"

#include "media/output/cmaf_rebase.h"
#include "media/output/cmaf_sample.h"
#include "media/output/hls_replay.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/json.h"
#include "server/record_files.h"
#include "server/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_MAX = 32 * 1024 * 1024,
	/* A file that nobody has written to for so long is one of a process that died. */
	STALE_S = 60,
};

static void refuse(struct replay_answer *answer, int status, const char *code)
{
	*answer = (struct replay_answer){ .status = status, .code = code };
}

static int open_file(const struct record_found *found, const char *suffix)
{
	char *path = xasprintf("%s%s", found->path, suffix);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	return fd;
}

/* Those bytes of a file; NULL when they are not there. */
static struct buf *read_bytes(const struct record_found *found, const char *suffix, uint64_t offset,
			      uint64_t len)
{
	const int fd = open_file(found, suffix);
	struct buf *bytes = fd < 0 ? NULL : buf_create(len);
	uint64_t have = 0;
	while (bytes && have < len) {
		const ssize_t got =
			pread(fd, bytes->data + have, len - have, (off_t)(offset + have));
		if (got <= 0) {
			buf_unref(bytes);
			bytes = NULL;
		}
		have += got > 0 ? (uint64_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return bytes;
}

static int load_index(const struct record_found *found, struct record_index *index)
{
	struct stat stat_of;
	*index = (struct record_index){ 0 };
	const int fd = open_file(found, ".idx");
	const bool good = fd >= 0 && fstat(fd, &stat_of) == 0 && stat_of.st_size < REPLAY_INDEX_MAX;
	if (fd >= 0)
		close(fd);
	struct buf *text = good ? read_bytes(found, ".idx", 0, (uint64_t)stat_of.st_size) : NULL;
	const int err =
		text ? record_index_parse(index, text->data, text->len, found->bytes) : -ENOENT;
	buf_unref(text);
	return err;
}

/* A show's files with their indices; those without a part are left out. */
struct show {
	struct hls_replay_file *files;
	size_t count;
	bool over;
};

static void load_show(const struct record_list *list, int64_t show_us, struct show *show)
{
	int64_t changed_s = 0;
	*show = (struct show){ .files = xcalloc(list->count, sizeof(*show->files)) };
	for (size_t i = 0; i < list->count; i++) {
		const struct record_found *found = &list->items[i];
		struct hls_replay_file *file = &show->files[show->count];
		if (found->show_us != show_us)
			continue;
		file->begin_us = found->begin_us;
		changed_s = found->changed_s > changed_s ? found->changed_s : changed_s;
		if (load_index(found, &file->index) == 0 && file->index.part_count) {
			show->over = file->index.over;
			show->count++;
		} else {
			record_index_finish(&file->index);
		}
	}
	show->over = show->over || time(NULL) - changed_s > STALE_S;
}

static void finish_show(struct show *show)
{
	for (size_t i = 0; i < show->count; i++)
		record_index_finish(&show->files[i].index);
	free(show->files);
}

static const struct {
	void (*put)(const struct hls_replay *replay, struct bytes *out);
	const char *type;
} texts[] = {
	[REPLAY_PLAYLIST] = { hls_replay_put, "application/vnd.apple.mpegurl" },
	[REPLAY_CHAPTERS] = { hls_replay_put_chapters, "text/vtt" },
	[REPLAY_THUMBNAILS] = { hls_replay_put_thumbnails, "text/vtt" },
};

static void read_text(const struct record_list *list, const struct replay_ask *ask,
		      struct replay_answer *answer)
{
	struct show show;
	struct bytes text;
	load_show(list, ask->show_us, &show);
	if (!show.count) {
		finish_show(&show);
		refuse(answer, 404, "not_found");
		return;
	}
	const struct hls_replay replay = { .show_us = ask->show_us,
					   .prefix = ask->prefix,
					   .files = show.files,
					   .count = show.count,
					   .over = show.over };
	bytes_init(&text, TEXT_MAX);
	texts[ask->kind].put(&replay, &text);
	answer->type = texts[ask->kind].type;
	answer->body = bytes_ok(&text) ? buf_from_bytes(&text) : NULL;
	bytes_finish(&text);
	finish_show(&show);
}

static json_t *describe_show(const struct record_list *list, int64_t show_us,
			     const struct replay_ask *ask)
{
	struct show show;
	uint64_t bytes = 0;
	load_show(list, show_us, &show);
	for (size_t i = 0; i < list->count; i++)
		bytes += list->items[i].show_us == show_us ? list->items[i].bytes : 0;
	json_t *item = NULL;
	if (show.count) {
		char *show_url = xasprintf("%s/hls/%s/replay-%lld", ask->origin, ask->room,
					   (long long)show_us);
		char *url = xasprintf("%s.m3u8", show_url);
		char *chapters = xasprintf("%s.vtt", show_url);
		char *thumbnails = xasprintf("%s.thumbs.vtt", show_url);
		item = json_pack("{s:I, s:I, s:I, s:b, s:s, s:s, s:s}", "from_us",
				 (json_int_t)show.files[0].index.parts[0].capture_us, "to_us",
				 (json_int_t)record_index_end_us(&show.files[show.count - 1].index),
				 "bytes", (json_int_t)bytes, "over", show.over, "url", url,
				 "chapters", chapters, "thumbnails", thumbnails);
		free(thumbnails);
		free(url);
		free(chapters);
		free(show_url);
	}
	finish_show(&show);
	return item;
}

static void read_list(const struct record_list *list, const struct replay_ask *ask,
		      struct replay_answer *answer)
{
	json_t *items = json_array();
	int64_t last_us = INT64_MAX;
	for (size_t i = list->count; i > 0; i--) { /* newest first */
		const int64_t show_us = list->items[i - 1].show_us;
		json_t *item = show_us < last_us ? describe_show(list, show_us, ask) : NULL;
		if (item)
			json_array_append_new(items, item);
		last_us = show_us < last_us ? show_us : last_us;
	}
	json_t *body = json_pack("{s:o, s:n}", "items", items, "next");
	char *text = json_text(body);
	answer->type = "application/json";
	answer->body = buf_copy(text, strlen(text));
	free(text);
	json_decref(body);
}

static int read_still(const struct record_found *found, struct replay_answer *answer)
{
	struct record_index index;
	struct buf *header = NULL, *part = answer->body;
	if (load_index(found, &index) == 0)
		header = read_bytes(found, ".mp4", 0, index.track.header_len);
	record_index_finish(&index);
	answer->body = part ? cmaf_first_picture(part->data, part->len) : NULL;
	answer->header = header ? cmaf_find_avcc(header->data, header->len) : NULL;
	buf_unref(header);
	buf_unref(part);
	return answer->body && answer->header ? 0 : -ENOENT;
}

static void read_part(const struct record_list *list, const struct replay_ask *ask,
		      struct replay_answer *answer)
{
	const struct record_found *found = NULL;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].show_us == ask->show_us &&
		    list->items[i].begin_us == ask->file_us)
			found = &list->items[i];
	if (!found || ask->offset + ask->len > found->bytes || !ask->len) {
		refuse(answer, 404, "not_found");
		return;
	}
	if (ask->len > REPLAY_BYTES_MAX) {
		refuse(answer, 413, "too_large");
		return;
	}
	answer->type = "video/mp4";
	answer->lasts = true;
	answer->body = read_bytes(found, ".mp4", ask->offset, ask->len);
	if (ask->kind != REPLAY_STILL || read_still(found, answer) == 0)
		return;
	buf_unref(answer->body);
	buf_unref(answer->header);
	refuse(answer, 404, "not_found");
}

/* The parts of [from, to) with the keyframe before; NULL when this file has none. */
static const struct record_part *find_parts(const struct record_index *index,
					    const struct replay_ask *ask, uint64_t *len)
{
	const struct record_part *first = NULL, *last = NULL;
	for (size_t i = 0; i < index->part_count; i++) {
		const struct record_part *part = &index->parts[i];
		if (part->capture_us >= ask->to_us)
			break;
		if (part->independent && (!first || part->capture_us <= ask->from_us))
			first = part;
		last = part;
	}
	if (!first || last < first || last->capture_us + last->duration_us <= ask->from_us)
		return NULL;
	*len = last->offset + last->len - first->offset;
	return first;
}

static struct buf *join_clip(const struct record_found *found, const struct record_index *index,
			     const struct record_part *first, uint64_t len)
{
	struct buf *header = read_bytes(found, ".mp4", 0, index->track.header_len);
	struct buf *parts = read_bytes(found, ".mp4", first->offset, len);
	struct buf *clip = header && parts ? buf_create(header->len + parts->len) : NULL;
	if (clip) {
		memcpy(clip->data, header->data, header->len);
		memcpy(clip->data + header->len, parts->data, parts->len);
		if (cmaf_rebase(clip->data + header->len, parts->len, index->track.sample_rate)) {
			buf_unref(clip);
			clip = NULL;
		}
	}
	buf_unref(header);
	buf_unref(parts);
	return clip;
}

static void read_clip(const struct record_list *list, const struct replay_ask *ask,
		      struct replay_answer *answer)
{
	refuse(answer, 404, "not_found");
	for (size_t i = 0; i < list->count && answer->status == 404; i++) {
		struct record_index index;
		uint64_t len = 0;
		const struct record_part *first = NULL;
		if (list->items[i].begin_us < ask->to_us &&
		    load_index(&list->items[i], &index) == 0)
			first = find_parts(&index, ask, &len);
		else
			index = (struct record_index){ 0 };
		if (first && len > REPLAY_BYTES_MAX)
			refuse(answer, 413, "too_large");
		else if (first)
			*answer = (struct replay_answer){
				.status = 200,
				.type = "video/mp4",
				.body = join_clip(&list->items[i], &index, first, len),
			};
		record_index_finish(&index);
	}
}

void replay_read(const char *dir, const struct replay_ask *ask, struct replay_answer *answer)
{
	static void (*const readers[])(const struct record_list *list, const struct replay_ask *ask,
				       struct replay_answer *answer) = {
		[REPLAY_LIST] = read_list,     [REPLAY_PLAYLIST] = read_text,
		[REPLAY_CHAPTERS] = read_text, [REPLAY_THUMBNAILS] = read_text,
		[REPLAY_BYTES] = read_part,    [REPLAY_STILL] = read_part,
		[REPLAY_CLIP] = read_clip,
	};
	struct record_list list;
	*answer = (struct replay_answer){ .status = 200 };
	const int err = record_files_list(dir, ask->room, &list);
	if (err && ask->kind != REPLAY_LIST)
		refuse(answer, 404, "not_found");
	else
		readers[ask->kind](&list, ask, answer);
	record_list_finish(&list);
	if (answer->status == 200 && !answer->body)
		refuse(answer, 503, "overloaded");
}
