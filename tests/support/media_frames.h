/* Frames made for a test: content of any kind, times as given. */
#ifndef SOUK_TESTS_MEDIA_FRAMES_H
#define SOUK_TESTS_MEDIA_FRAMES_H

#include "media/frame.h"

struct media_config *test_video_config(void); /* 320x180 baseline */
struct media_config *test_audio_config(void); /* AAC-LC, 48 kHz, stereo */

/* One slice (IDR when `key`) of `len` bytes with its length before it. Takes a reference to the
 * configuration of its own. */
struct frame *test_video_frame(struct media_config *config, bool key, int64_t at_us, size_t len);
struct frame *test_audio_frame(struct media_config *config, int64_t at_us);

#endif
