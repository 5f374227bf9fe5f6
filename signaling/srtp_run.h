/*
 * What a session sends at once: packets protected one behind the other in the port's buffer, which
 * leave as runs of equal size with one system call each (UDP_SEGMENT, udp_sender.h). Made on the
 * stack for one call; no other session of the port may send while it lives. The port's thread.
 */
#ifndef SOUK_SIGNALING_SRTP_RUN_H
#define SOUK_SIGNALING_SRTP_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct srtp_tx;
struct udp_path;
struct udp_port;

struct srtp_run {
	struct srtp_tx *tx;
	struct udp_port *port;
	const struct udp_path *path;

	/* private */
	uint8_t *buffer; /* UDP_RUN_BYTES of the port */
	size_t len;
	size_t segment; /* bytes of each packet but the last */
	size_t count;
	bool ended; /* the last one was shorter */
};

void srtp_run_init(struct srtp_run *run, struct srtp_tx *tx, struct udp_port *port,
		   const struct udp_path *path);

/* Each adds a packet, and sends the run before if it does not fit there. 0; -EMSGSIZE: larger than
 * any path takes; -EINVAL, -ENOBUFS of srtp.h; the error of the run that was sent, -EAGAIN when the
 * socket is full. After an error only srtp_run_init() is of use. */
int srtp_run_rtp(struct srtp_run *run, const struct iovec *header, const struct iovec *payload);
int srtp_run_rtcp(struct srtp_run *run, const uint8_t *packet, size_t len);

/* Sends what is left. */
int srtp_run_flush(struct srtp_run *run);

#endif
