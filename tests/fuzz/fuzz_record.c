/* What a crash, or somebody, may have left of a recording: a byte that says index or fragments. */
#include "media/output/cmaf_rebase.h"
#include "media/output/cmaf_sample.h"
#include "media/output/hls_replay.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_fragments(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	memcpy(copy, data, len);
	buf_unref(cmaf_find_avcc(copy, len));
	buf_unref(cmaf_first_picture(copy, len));
	(void)!cmaf_rebase(copy, len, 48000);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] == 'f') {
		try_fragments(data + 1, len - 1);
		return 0;
	}
	struct hls_replay_file file = { .begin_us = 1 };
	const struct hls_replay replay = {
		.prefix = "", .files = &file, .count = 1, .over = data[0] & 1
	};
	struct bytes out;
	bytes_init(&out, OUT_MAX);
	if (record_index_parse(&file.index, data + 1, len - 1, 1 << 20) == 0) {
		hls_replay_put(&replay, &out);
		hls_replay_put_chapters(&replay, &out);
		hls_replay_put_thumbnails(&replay, &out);
	}
	record_index_finish(&file.index);
	bytes_finish(&out);
	return 0;
}
