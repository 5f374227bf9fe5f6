/*
 * An H.264 picture that shows the one before it once more: a P slice of which every macroblock is
 * skipped, some tens of bytes. No other picture refers to it, so that those behind it decode as if
 * it were not there. Reads what strangers send: bounded. Pure; any thread.
 */
#ifndef SOUK_MEDIA_H264_REPEAT_H
#define SOUK_MEDIA_H264_REPEAT_H

struct buf;
struct media_config;

/* `picture` is the newest one, in the form of a frame's data, and so is what is returned. NULL: the
 * stream is of a kind for which it is not made (B-frames, fields, slice groups, pictures that stand
 * alone). */
struct buf *h264_repeat(const struct media_config *config, const struct buf *picture)
	__attribute__((warn_unused_result));

#endif
