#include "load-tests/swarm/media_file.h"

#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(media_file, walks_round_a_file_of_ffmpeg_with_times_that_go_on)
{
	struct media_file *file;
	const char *why;
	size_t len;
	uint8_t *data = test_data_read("zerolatency.flv", &len);
	cr_assert(eq(int, media_file_parse(&file, data, len, &why), 0), "%s", why);
	free(data);
	struct media_walk walk = { .file = file };
	const struct media_tag *tag;
	int64_t at_ms = 0, last_ms[2] = { -1, -1 };
	unsigned configs = 0, pictures = 0, first_round = 0;
	/* In steps of 10 ms, three rounds long. */
	for (int64_t now_ms = 0; now_ms < 3 * (int64_t)media_file_ms(file); now_ms += 10) {
		while ((tag = media_walk_next(&walk, now_ms, &at_ms))) {
			const int kind = tag->type == 8;
			cr_assert(le(i64, at_ms, now_ms));
			cr_assert(gt(i64, at_ms, now_ms - 10));
			configs += tag->config;
			if (tag->config)
				continue;
			cr_assert(ge(i64, at_ms, last_ms[kind]));
			pictures += tag->type == 9;
			first_round += tag->type == 9 && !walk.rounds;
			last_ms[kind] = at_ms;
		}
		cr_assert(gt(i64, at_ms, now_ms));
	}
	cr_assert(eq(uint, pictures, 3 * first_round));
	cr_assert(ge(uint, configs, 2));
	cr_assert(le(uint, configs, 3)); /* once each: picture, sound, metadata */
	media_file_destroy(file);
}

static size_t put_sound(uint8_t *at, const char *body, uint8_t len)
{
	uint8_t tag[11] = { 8, 0, 0, len };
	memcpy(at, tag, sizeof(tag));
	memcpy(at + sizeof(tag), body, len);
	memset(at + sizeof(tag) + len, 0, 4);
	return sizeof(tag) + len + 4;
}

Test(media_file, knows_opus_of_enhanced_rtmp_and_no_other_letters)
{
	static const struct {
		const char *config, *packet;
		int err;
	} rows[] = { { "\x90Opus", "\x91Opus\xfc", 0 },
		     { "\x90"
		       "fLaC",
		       "\x91"
		       "fLaC\xfc",
		       -EINVAL },
		     { "\x90Op", "\x91Op", -EINVAL } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_file *file;
		const char *why;
		size_t len;
		uint8_t *data = test_data_read("zerolatency.flv", &len);
		data = realloc(data, len + 64);
		cr_assert(not(zero(ptr, data)));
		len += put_sound(data + len, rows[i].config, (uint8_t)strlen(rows[i].config));
		len += put_sound(data + len, rows[i].packet, (uint8_t)strlen(rows[i].packet));
		cr_assert(eq(int, media_file_parse(&file, data, len, &why), rows[i].err));
		free(data);
		if (rows[i].err)
			continue;
		cr_assert(media_file_has_opus(file));
		media_file_destroy(file);
	}
}

Test(media_file, says_why_a_file_will_not_do)
{
	struct media_file *file = NULL;
	const char *why;
	size_t len;
	uint8_t *data = test_data_read("bframes.flv", &len);
	cr_assert(eq(int, media_file_parse(&file, data, len, &why), -EINVAL));
	cr_assert(eq(str, (char *)why, "it has B-frames"));
	free(data);
	cr_assert(eq(int, media_file_parse(&file, (const uint8_t *)"RIFFxxxx", 8, &why), -EINVAL));
	cr_assert(eq(str, (char *)why, "it is not FLV"));
	cr_assert(eq(int, media_file_read(&file, "/nowhere/at.flv", &why), -ENOENT));
}
