/*
 * The RTMP handshake. The server's side: plain (Adobe RTMP 1.0 §5.2) and with the digests that
 * Flash Media Server asked for and many encoders still send; the client's: plain. No sockets; one
 * thread.
 */
#ifndef SOUK_MEDIA_RTMP_HANDSHAKE_H
#define SOUK_MEDIA_RTMP_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTMP_HANDSHAKE_SIZE = 1536, RTMP_VERSION = 3 };

struct bytes;

struct rtmp_handshake {
	enum { RTMP_WAIT_C0C1, RTMP_WAIT_C2, RTMP_HANDSHAKE_DONE } state;
	bool digest; /* the client's C1 carried a valid digest */
};

void rtmp_handshake_init(struct rtmp_handshake *handshake);

/* Takes from the front of `in` what belongs to the handshake and appends what to answer. 0 (more
 * bytes are needed, or it is done), -EPROTO for another version. */
int rtmp_handshake_feed(struct rtmp_handshake *handshake, struct bytes *in, struct bytes *out)
	__attribute__((warn_unused_result));

/* The client's side, plain: C0 and C1, and once S0, S1 and S2 are whole, C2. 1 when it is done, 0
 * when more bytes are needed, -EPROTO for another version. */
void rtmp_handshake_hello(struct bytes *out);
int rtmp_handshake_answer(struct bytes *in, struct bytes *out) __attribute__((warn_unused_result));

/* Where a digest stands in C1 or S1: scheme 0 (first half) or 1 (second half), and the
 * digest of a client ("Genuine Adobe Flash Player 001"), for tests and for our own client. */
size_t rtmp_digest_offset(const uint8_t block[RTMP_HANDSHAKE_SIZE], unsigned scheme);
void rtmp_client_digest(uint8_t block[RTMP_HANDSHAKE_SIZE], unsigned scheme);

#endif
