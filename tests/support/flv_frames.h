/* The frames in an FLV file, as they come out of a host that sends it. */
#ifndef SOUK_TESTS_FLV_FRAMES_H
#define SOUK_TESTS_FLV_FRAMES_H

struct flv_file;
struct frame;

/* All tags of the file, through media/ingest/flv_ingest; the references are the callee's. Fails the
 * test when one is not taken. */
void flv_file_ingest(struct flv_file *file, void (*frame)(void *arg, struct frame *frame),
		     void *arg);

#endif
