/*
 * The frames of one rendition: one writer, readers on any thread. It keeps the current group of
 * pictures for those who join and a short tail before it for those who are late. A reader holds an
 * index (a cursor of its own), never the writer: who comes too late is moved to the next keyframe.
 * The lock guards the ring alone and is held for the copy of pointers.
 */
#ifndef SOUK_MEDIA_BUS_H
#define SOUK_MEDIA_BUS_H

#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

struct bus;

enum {
	BUS_FRAMES_MAX = 1024,
	BUS_BYTES_MAX = 8 * 1024 * 1024, /* GOP cache, design section 12 */
	BUS_TAIL = 64, /* video: frames kept before the keyframe for late readers */
	BUS_AUDIO_TAIL = 512, /* audio: what goes with a cached GOP, and the same */
};

int bus_create(struct bus **out, size_t tail) __attribute__((warn_unused_result));

/* Takes over the reference. Writer's thread. */
void bus_push(struct bus *bus, struct frame *frame);

/* The index of the next frame to come. Any thread, no lock. */
uint64_t bus_head(const struct bus *bus);

/* Copies up to `cap` references from *cursor on and moves it. Returns their number; they are the
 * caller's. If frames were lost to this reader it continues at the first keyframe that is left and
 * *skipped (may be NULL) is set. Any thread. */
size_t bus_read(struct bus *bus, uint64_t *cursor, struct frame **frames, size_t cap,
		bool *skipped);

/* Copies the group of pictures: from the newest keyframe before index `until` up to `until`. 0 when
 * there is none: nothing came yet, or the group exceeded the caps. Any thread. */
size_t bus_read_gop(struct bus *bus, uint64_t until, struct frame **frames, size_t cap);

/* Copies what is left from the frames before `until` whose dts_us >= from_us. */
size_t bus_read_since(struct bus *bus, uint64_t until, int64_t from_us, struct frame **frames,
		      size_t cap);

/* True when a group that starts before `until` is complete. Any thread. */
bool bus_has_gop(struct bus *bus, uint64_t until);

/* Forgets the frames: nobody may start from what is over. Any thread. */
void bus_clear(struct bus *bus);

/* Neither writer nor readers may be left. Takes NULL. */
void bus_destroy(struct bus *bus);

#endif
