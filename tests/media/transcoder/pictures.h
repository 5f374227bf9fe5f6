/*
 * Pictures for the tests of rungs: made, encoded and looked at by ffmpeg, so that nothing of ours
 * judges itself. Each picture of a clip is of one brightness that tells its number.
 */
#ifndef SOUK_TESTS_PICTURES_H
#define SOUK_TESTS_PICTURES_H

#include "media/frame.h"

#include <stddef.h>

enum { PICTURES_MAX = 512 };

/* Frames of one stream, in decoding order. */
struct pictures {
	struct frame *frames[PICTURES_MAX];
	size_t count;
};

/* A clip as an encoder of ffmpeg makes it; times start at 0. `encoder` holds its options. */
void pictures_make(struct pictures *pictures, const char *size, unsigned rate, unsigned count,
		   const char *encoder);

void pictures_add(struct pictures *pictures, struct frame *frame);
void pictures_finish(struct pictures *pictures);

/* The brightness that a clip's picture number `index` was given. */
unsigned picture_brightness(unsigned index);

/* What ffmpeg decodes out of the frames. Fails the test when it complains. */
struct seen {
	unsigned width, height;
	size_t count;
	unsigned brightness[PICTURES_MAX]; /* in the order of display */
};
void pictures_see(const struct pictures *pictures, struct seen *seen);

#endif
