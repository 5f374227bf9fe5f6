/*
 * The recorder: writes shows into DIR/recordings/{room}/{show}/{begin}.mp4 (fragmented MP4, one
 * file from discontinuity to discontinuity) with an index beside each (media/record_index.h), syncs
 * them about once a second and deletes what is too old or too much. A full or broken disk ends a
 * file, never a show. Its own thread does all of it; any thread may call.
 */
#ifndef SOUK_SERVER_RECORD_H
#define SOUK_SERVER_RECORD_H

#include "media/record_index.h"

#include <stdbool.h>
#include <stdint.h>

struct app;
struct buf;
struct record_file;
struct recorder;

enum {
	RECORDER_QUEUE_MAX = 8192, /* messages, and */
	RECORDER_BYTES_MAX =
		64 * 1024 * 1024, /* bytes on their way to the disk; beyond, a file ends */
	RECORDER_SYNC_US = 1000000,
	RECORDER_TIDY_US = 60000000, /* how often what is too old goes */
};

int recorder_create(struct recorder **out, struct app *app) __attribute__((warn_unused_result));

struct record_opening {
	const char *room;
	int64_t show_us; /* names the show */
	bool resumes; /* a show that an earlier process began: its newest one, if there is one */
	int64_t begin_us; /* capture time of the first part: names the file */
	const struct record_track *track; /* header_len is filled in */
	struct buf *header;
};

/* A file for one owner, who writes to it and closes it. */
struct record_file *record_open(struct recorder *recorder, const struct record_opening *opening);

/* `part` without its offset. */
void record_append(struct record_file *file, struct buf *data, const struct record_part *part);
void record_event(struct record_file *file, struct buf *message);

/* The disk did not take it: nothing more is kept. */
bool record_failed(const struct record_file *file);

/* `over`: so is the show. */
void record_close(struct record_file *file, bool over);

/* Writes what waits. Nobody else may call any more. Takes NULL. */
void recorder_destroy(struct recorder *recorder);

#endif
