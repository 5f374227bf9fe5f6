/* Moves fragments of this folder's muxer to the beginning of time, for a file of their own. Reads
 * what was stored: bounded. Pure; any thread. */
#ifndef SOUK_MEDIA_CMAF_REBASE_H
#define SOUK_MEDIA_CMAF_REBASE_H

#include <stddef.h>
#include <stdint.h>

/* In place: decode times and event messages, so that the earliest track of the first fragment
 * begins at 0. `sample_rate` is the sound's, 0 without. -EINVAL: not fragments of ours; the bytes
 * are then of no use. */
int cmaf_rebase(uint8_t *data, size_t len, uint32_t sample_rate)
	__attribute__((warn_unused_result));

#endif
