/*
 * One WebRTC session of ours: WHEP or WHIP over HTTP, then ICE, DTLS, SRTP and perhaps a data
 * channel on a socket of its own. What goes over it is the owner's: a viewer, a host, a buyer.
 * Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_RTC_CLIENT_H
#define SOUK_LOAD_TESTS_SWARM_RTC_CLIENT_H

#include "signaling/sdp_offer.h"

struct addr;
struct peer;
struct rtc_client;
struct scene;

struct rtc_client_ops {
	void (*admitted)(void *arg); /* 201; may be NULL */
	/* 503 instead of ended(), unless it is NULL. */
	void (*refused)(void *arg, bool retry_after);
	/* SRTP is up; rtc_client_agreement() tells what was agreed. */
	void (*connected)(void *arg);
	/* As peer_ops. Both may be NULL. */
	void (*rtp)(void *arg, uint8_t *packet, size_t len, int64_t arrived_us);
	void (*rtcp)(void *arg, const uint8_t *packet, size_t len, int64_t arrived_us);
	void (*channel_opened)(void *arg); /* may be NULL */
	void (*message)(void *arg, const char *text, size_t len); /* of the channel; may be NULL */
	/* No session came about, or it ended: `why` for people. Once; the client is only to be
	 * destroyed, not in here. */
	void (*ended)(void *arg, const char *why);
};

struct rtc_client_options {
	struct sdp_offer_options offer;
	const struct addr *server; /* HTTP; outlives the client */
	const char *path; /* "/whep/demo", copied */
	bool janus; /* a viewer of Janus: `path` is its API's, whose server makes the offer */
	const char *token; /* NULL: none; copied */
	bool raw_rtp; /* as peer_options */
	const struct rtc_client_ops *ops;
	void *arg;
};

/* Begins at once. */
void rtc_client_create(struct rtc_client **out, struct scene *scene,
		       const struct rtc_client_options *options);

const struct sdp_agreement *rtc_client_agreement(const struct rtc_client *client);
struct peer *rtc_client_peer(const struct rtc_client *client); /* NULL: no session */
uint32_t rtc_client_ssrc(const struct rtc_client *client); /* for our RTCP */
const char *rtc_client_cname(const struct rtc_client *client);
uint16_t rtc_client_port(const struct rtc_client *client); /* UDP, ours; 0: none */
uint64_t rtc_client_messages(const struct rtc_client *client);
/* Over the data channel; -ENOTCONN when it is not open. */
int rtc_client_send_text(struct rtc_client *client, const char *text, size_t len)
	__attribute__((warn_unused_result));

enum rtc_leave {
	RTC_LEAVE_CLOSE, /* DTLS and SCTP say so */
	RTC_LEAVE_DELETE, /* and HTTP */
	RTC_LEAVE_VANISH, /* nothing is said */
};
/* Takes NULL. Not inside a callback. */
void rtc_client_destroy(struct rtc_client *client, enum rtc_leave how);

#endif
