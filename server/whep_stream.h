/*
 * The reader of one event stream: an HTTP reply in progress on the worker that parsed the GET. Its
 * owner elsewhere knows it by number and speaks to it by notes; notes for one that has gone are
 * dropped. Worker's thread, but for the two notes, which any thread may send.
 */
#ifndef SOUK_SERVER_WHEP_STREAM_H
#define SOUK_SERVER_WHEP_STREAM_H

#include <stdint.h>

struct buf;
struct rtc_request;
struct worker;

/* What rtc_request.answer becomes for a GET that was attached: the reply begins with rtc->text. */
void whep_reader_begin(struct rtc_request *rtc);

/* Notes to a reader on `worker`. */
void whep_reader_send(struct worker *worker, uint64_t reader, struct buf *text);
void whep_reader_end(struct worker *worker, uint64_t reader);

/* The other way: on the owner's thread, the reader of that stream has gone. In whep_events.c. */
void whep_stream_detach(struct worker *owner, const char *resource, const char *stream,
			uint64_t reader);

#endif
