/*
 * The data channel of a WebRTC session on its worker: SCTP packets between DTLS and control, and
 * the live session that the channel carries. Worker's thread.
 */
#ifndef SOUK_SERVER_LIVE_CHANNEL_H
#define SOUK_SERVER_LIVE_CHANNEL_H

#include "server/core/jwt.h"

#include <stddef.h>
#include <stdint.h>

struct live_channel;
struct rtc_session;

enum {
	/* SCTP packets from one viewer; what is beyond, with the burst, is lost and repeated. */
	LIVE_CHANNEL_PACKETS_S = 500,
	LIVE_CHANNEL_PACKETS_BURST = 1000,
};

/* For a session whose offer has a data channel; attach when its DTLS is up. */
struct live_channel *live_channel_create(struct rtc_session *session,
					 const struct jwt_claims *claims);
void live_channel_attach(struct live_channel *channel);

/* From DTLS. */
void live_channel_feed(struct live_channel *channel, const uint8_t *packet, size_t len);

/* From control. */
void live_channel_packet(struct live_channel *channel, const uint8_t *packet, size_t len);
void live_channel_opened(struct live_channel *channel);
void live_channel_message(struct live_channel *channel, const char *text, size_t len);
void live_channel_behind(struct live_channel *channel);
void live_channel_closed(struct live_channel *channel);

void live_channel_destroy(struct live_channel *channel); /* takes NULL */

#endif
