/*
 * What hosts send: an FLV file of H.264 and AAC, or Opus as Enhanced RTMP has it, in memory, walked
 * through in real time and over and over, its timestamps going on. A file is immutable once read; a
 * walk has one owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_MEDIA_FILE_H
#define SOUK_LOAD_TESTS_SWARM_MEDIA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEDIA_FILE_MAX = 256 * 1024 * 1024, MEDIA_FILE_TAGS_MAX = 1000000 };

struct media_tag {
	uint8_t type; /* 8 audio, 9 video, 18 script */
	bool config; /* a sequence header, or script data: sent once */
	bool key;
	uint32_t at_ms; /* from the first picture on */
	const uint8_t *data;
	size_t len;
};

struct media_file;

/* -errno; -EINVAL and `why`: not such a file. */
int media_file_read(struct media_file **out, const char *path, const char **why)
	__attribute__((warn_unused_result));
/* From memory, which is copied. */
int media_file_parse(struct media_file **out, const uint8_t *data, size_t len, const char **why)
	__attribute__((warn_unused_result));

/* From the first picture to where the next round begins. */
uint32_t media_file_ms(const struct media_file *file);
bool media_file_has_opus(const struct media_file *file);
void media_file_destroy(struct media_file *file); /* takes NULL */

/* Where a host is in the file. */
struct media_walk {
	const struct media_file *file;
	size_t next;
	uint64_t rounds;
};

/* The next tag that is due `passed_ms` after the walk's begin, with its time in *at_ms; NULL: none
 * is due yet, *at_ms tells when. Sequence headers come in the first round alone. */
const struct media_tag *media_walk_next(struct media_walk *walk, int64_t passed_ms, int64_t *at_ms);

#endif
