/*
 * Sound for tests: packets out of files that ffmpeg wrote, packets into files that ffmpeg reads,
 * and what a listener would hear of them, decoded by the ffmpeg program.
 */
#ifndef SOUK_TESTS_SOUND_H
#define SOUK_TESTS_SOUND_H

#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

enum { SOUND_PACKETS_MAX = 1024, SOUND_RATE = 48000 };

struct sound {
	enum codec codec;
	uint32_t rate;
	struct buf *packets[SOUND_PACKETS_MAX];
	size_t count;
};

/* A file of tests/data/audio: ADTS, or Opus in Ogg. Fails the test that calls. */
void sound_read(struct sound *sound, const char *name);
void sound_add(struct sound *sound, struct buf *packet); /* takes a reference */
void sound_finish(struct sound *sound);

/* 48 kHz, one channel, from the first packet's first sample. */
struct heard {
	int16_t *samples;
	size_t count;
};

void sound_hear(const struct sound *sound, struct heard *heard);
void heard_finish(struct heard *heard);

/* When it first gets loud, in seconds; -1 if never. */
double heard_onset(const struct heard *heard);

/* Frequency between two times, from the zero crossings. */
double heard_frequency(const struct heard *heard, double from, double to);

/* The loudest sample between two times. */
int heard_peak(const struct heard *heard, double from, double to);

#endif
