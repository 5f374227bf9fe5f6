#include "tests/support/flv_frames.h"

#include "media/ingest/flv_ingest.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>

enum { AUDIO = 8, VIDEO = 9 };

void flv_file_ingest(struct flv_file *file, void (*frame)(void *arg, struct frame *frame),
		     void *arg)
{
	struct flv_ingest ingest;
	struct flv_tag tag;
	flv_ingest_init(&ingest, frame, arg);
	while (flv_file_next(file, &tag)) {
		int err = 0;
		if (tag.type == VIDEO)
			err = flv_ingest_video(&ingest, tag.at_ms, tag.body, tag.len);
		else if (tag.type == AUDIO)
			err = flv_ingest_audio(&ingest, tag.at_ms, tag.body, tag.len);
		cr_assert(err == 0, "tag at %u ms", tag.at_ms);
	}
	flv_ingest_finish(&ingest);
}
