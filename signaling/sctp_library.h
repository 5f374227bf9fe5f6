/*
 * usrsctp set up in its "many" form: one listening one-to-many socket and one AF_CONN address for
 * a hub, no threads, no checksums, timers driven from outside. The library has one state for the
 * process: all calls come from one thread.
 */
#ifndef SOUK_SIGNALING_SCTP_LIBRARY_H
#define SOUK_SIGNALING_SCTP_LIBRARY_H

#include <stddef.h>
#include <stdint.h>
#include <usrsctp.h>

enum { SCTP_PORT = 5000, SCTP_PACKET_MAX = 2048 };

struct sctp_library_ops {
	/* A packet leaves; `hub` is the registered address. The checksum is still missing. */
	int (*output)(void *hub, void *packet, size_t len, uint8_t tos, uint8_t set_df);
	/* Owns (frees) `data`. */
	int (*receive)(struct socket *socket, union sctp_sockstore from, void *data, size_t len,
		       struct sctp_rcvinfo info, int flags, void *hub);
};

/* Starts the library with the first hub. `ops->output` must be the same for all hubs. */
int sctp_library_open(struct socket **out, void *hub, const struct sctp_library_ops *ops)
	__attribute__((warn_unused_result));

/* Runs the library's timers up to now; it wants true elapsed time. */
void sctp_library_tick(int64_t now_us);

/* Ends the library with the last hub. */
void sctp_library_close(struct socket *socket, void *hub);

#endif
