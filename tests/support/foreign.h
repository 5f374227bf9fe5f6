/* Foreign programs as judges of what ours write: ffprobe, ffmpeg, GStreamer. */
#ifndef SOUK_TESTS_FOREIGN_H
#define SOUK_TESTS_FOREIGN_H

#include <stddef.h>

/* Runs a shell command with `path` for its %s; what it printed, NUL-terminated. Fails the test
 * unless it exits with 0. */
size_t foreign_run(const char *format, const char *path, char *out, size_t size);

size_t foreign_lines(const char *text);

/* Decoding times of one track ('v', 'a') by ffprobe, in ticks of the format, go up by themselves;
 * `step` not 0: by exactly that. Returns how many there are. */
size_t foreign_check_times(const char *path, char track, long long step);

#endif
