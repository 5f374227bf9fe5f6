/*
 * RTP of one publisher opened by libsrtp. Not for viewers: Debian's libsrtp is built on NSS, whose
 * cost grows with the number of sessions. One thread.
 */
#ifndef SOUK_SIGNALING_SRTP_LIBSRTP_H
#define SOUK_SIGNALING_SRTP_LIBSRTP_H

#include "signaling/srtp.h"

struct srtp_libsrtp;

int srtp_libsrtp_create(struct srtp_libsrtp **out, const struct srtp_master *master)
	__attribute__((warn_unused_result));
/* As srtp_rx_rtp(). */
int srtp_libsrtp_open(struct srtp_libsrtp *library, uint8_t *packet, size_t *len)
	__attribute__((warn_unused_result));
void srtp_libsrtp_destroy(struct srtp_libsrtp *library); /* takes NULL */

#endif
