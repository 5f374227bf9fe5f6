/*
 * Pictures that stand in for those that do not come while the sound goes on, since players stand
 * still where one of their tracks does: the last one once more (media/codec/h264_repeat), which
 * later pictures do not notice. When that cannot be made, and in each segment of a long standstill,
 * so that players may begin there: the last keyframe; pictures up to the host's next keyframe refer
 * to what decoders no longer have then. Part of a cmaf_cutter.
 */
#ifndef SOUK_MEDIA_CMAF_STILL_H
#define SOUK_MEDIA_CMAF_STILL_H

#include "media/frame.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* Sound went on for so long since a picture came, and since one stood in: more than what
	 * is sent again or a busy transcoder takes. */
	CMAF_STILL_US = 1000000,
	CMAF_STILL_ON_US = 700000,
	CMAF_STILL_LAG_MAX_US = 2000000, /* by which all pictures of a host may follow its sound */
	/* Only keyframes can stand in: hosts of slow pictures would lose those between. */
	CMAF_STILL_CUT_US = 2000000,
	CMAF_STILL_LONG_US = 10000000, /* from then on segments begin with keyframes */
};

struct cmaf_still {
	struct frame *key; /* the newest */
	struct frame *last; /* the newest picture that is no repetition */
	struct buf *again; /* `last` once more; NULL: not tried, or it cannot be made */
	bool tried;
	int64_t since_us; /* decode time of the host's newest picture */
	int64_t lag_us; /* it came so far behind its sound */
	int64_t until_us; /* of the newest that stands in; INT64_MIN: none since */
	bool waits; /* pictures before the next keyframe are of no use */
};

/* The host's next picture, as it is to be shown, a reference; NULL: not at all. `sound_us` is where
 * the sound that came ends. */
struct frame *cmaf_still_over(struct cmaf_still *still, struct frame *frame, int64_t sound_us);

/* Whether one can stand in without harm to the pictures that follow. */
bool cmaf_still_fits(struct cmaf_still *still);

/* Whether the next one has to, by how far the sound is. */
bool cmaf_still_is_due(struct cmaf_still *still, int64_t last_us, int64_t sound_us);

/* That one, a reference. `begins`: with a keyframe a segment would. */
struct frame *cmaf_still_next(struct cmaf_still *still, int64_t at_us, bool begins);

/* The same with other data at another time, a reference. */
struct frame *cmaf_still_copy(struct frame *frame, struct buf *data, int64_t at_us);

void cmaf_still_end(struct cmaf_still *still);

#endif
