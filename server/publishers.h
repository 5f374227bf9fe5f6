/*
 * The hosts whose media comes in on this worker, by their number: RTMP connections and WHIP
 * sessions. Control ends them by number. Worker's thread.
 */
#ifndef SOUK_SERVER_PUBLISHERS_H
#define SOUK_SERVER_PUBLISHERS_H

#include <stdint.h>

struct addr;
struct tls_context;
struct worker;

/* Somebody took over, or the show has ended. An unknown number is late news. */
void publishers_kick(struct worker *worker, uint64_t id);

/* A new connection on the RTMP port. Takes the descriptor; `tls` NULL: plain. */
void rtmp_accept(struct worker *worker, int fd, const struct addr *peer, struct tls_context *tls);
/* Whether it was one of ours. */
int rtmp_kick(struct worker *worker, uint64_t id);
/* That publisher's picture cannot be shown by WebRTC. Those of WHIP are told by their room. */
void rtmp_warn(struct worker *worker, uint64_t id);
/* Asks encoders that can to connect again soon. */
void rtmp_drain(struct worker *worker);
void rtmp_end_all(struct worker *worker);

#endif
