/*
 * Data channels on the control thread: one SCTP hub for all viewers, whose packets travel to and
 * from the workers that own their DTLS. A channel is known by a number on both sides. The functions
 * named channel_note_* are for workers; the rest is control's.
 */
#ifndef SOUK_SERVER_CHANNELS_H
#define SOUK_SERVER_CHANNELS_H

#include <stddef.h>
#include <stdint.h>

struct app;
struct buf;
struct channels;
struct sctp_hub_stats;
struct worker;

enum { CHANNEL_NOTES_MAX = 32768 }; /* packets and messages that wait for control */

int channels_create(struct channels **out, struct app *app) __attribute__((warn_unused_result));
void channels_stats(const struct channels *channels, struct sctp_hub_stats *out);
void channels_destroy(struct channels *channels); /* takes NULL */

/* The peer of this number has its DTLS up. */
void channel_note_attach(struct worker *worker, uint64_t id);
/* One SCTP packet out of DTLS. Dropped when control is behind: SCTP repeats it. */
void channel_note_packet(struct worker *worker, uint64_t id, const uint8_t *packet, size_t len);
/* A message for the channel `souk` of this peer. -ENOBUFS when control is behind. */
int channel_note_send(struct worker *worker, uint64_t id, struct buf *text)
	__attribute__((warn_unused_result));
void channel_note_detach(struct worker *worker, uint64_t id);

#endif
