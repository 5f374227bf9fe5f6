/*
 * One WebRTC session of this worker: a WHEP viewer or a WHIP publisher. Joins the transport
 * (signaling) to the media and to the data channel. Made and ended here; HTTP reaches it through
 * rtc_http.c. Belongs to its worker's thread.
 */
#ifndef SOUK_SERVER_RTC_SESSION_H
#define SOUK_SERVER_RTC_SESSION_H

#include "commerce/rate_limit.h"
#include "media/rtp_port.h"
#include "server/core/jwt.h"
#include "server/core/list.h"
#include "server/core/log.h"
#include "server/core/loop.h"
#include "server/live.h"
#include "server/live_names.h"
#include "signaling/peer.h"
#include "signaling/sdp_agreement.h"
#include "signaling/sdp_resource.h"

#include <stdbool.h>
#include <stdint.h>

struct broadcast_clock;
struct bytes;
struct live_channel;
struct live_clock;
struct publisher;
struct room_view;
struct rtp_receiver;
struct rtp_sender;
struct worker;

/* "3-" the owner, and 24 random characters: nobody guesses it, any worker can route it. */
enum {
	RTC_RESOURCE_SIZE = 32,
	RTC_SECRET_LEN = 24,
	RTC_CNAME_LEN = 16,
	RTC_GOODBYE_US = 10000000, /* a host that closed its connection may still say DELETE */
	RTC_PATCHES_S = 10, /* of one session; beyond, with the burst: 429 */
	RTC_PATCHES_BURST = 50,
};

struct rtc_session {
	struct list link; // worker.rtc
	struct worker *worker;
	struct room_view *view;
	enum sdp_resource kind;
	char resource[RTC_RESOURCE_SIZE];
	char etag[SDP_ETAG_TEXT];
	char ufrag[PEER_UFRAG_LEN + 1], pwd[PEER_PWD_LEN + 1]; /* ours */
	uint32_t audio_ssrc, video_ssrc, repair_ssrc; /* ours, to a viewer */
	char cname[RTC_CNAME_LEN + 1];
	char sub[JWT_NAME_SIZE];
	char sid[LIVE_SID_MAX + 1]; /* empty: none */
	struct live_name name; // in room_view.names, by sid
	int64_t clock_due_us;
	struct sdp_agreement agreement;
	struct peer *peer; /* NULL: closed, only the goodbye is awaited */
	struct live_channel *channel; /* NULL without m=application */
	struct rtp_port port;
	struct deferred ending;
	struct timer goodbye;
	struct log log;
	bool connected;
	bool orderly; /* the client said goodbye */
	struct token_bucket patches;
	/* A viewer. */
	struct rtc_pending *pending; /* our counter-offer waits for its answer; NULL */
	unsigned video_line; /* index of the video's m-line */
	struct list streams; // whep_stream.link
	unsigned stream_count;
	struct rtp_sender *sender;
	struct list pacing; // worker.rtc_pacing, by pace_due_us, while frames wait for their pace
	int64_t pace_due_us;
	/* A publisher. */
	struct rtp_receiver *receiver;
	struct publisher *publisher;
	uint64_t publisher_id;
	struct timer feedback; /* NACKs, reports, transport feedback */
	int64_t key_due_us; /* when a keyframe is asked for again */
};

struct sdp;

struct rtc_offer {
	enum sdp_resource kind;
	struct room_view *view;
	const struct sdp *sdp; /* not looked at for a counter-offer */
	const struct jwt_claims *claims; /* NULL: anonymous */
	const char *sid; /* empty: none */
};

/* Agrees on the offer, makes the session and appends the answer. -EINVAL with `error` when the
 * offer cannot be accepted. A publisher's media has nowhere to go before rtc_session_publish(). */
int rtc_session_create(struct rtc_session **out, struct worker *worker,
		       const struct rtc_offer *offer, struct bytes *answer, struct sdp_error *error)
	__attribute__((warn_unused_result));

/* Instead: a session for a viewer with our own offer, appended to `text`. It ends by itself unless
 * it is answered within SDP_COUNTER_OFFER_S. */
void rtc_session_offer(struct rtc_session **out, struct worker *worker,
		       const struct rtc_offer *offer, struct bytes *text);
/* -EINVAL with `error`: it is no answer to our offer, which goes on waiting. */
int rtc_session_answer(struct rtc_session *session, const struct sdp *answer,
		       struct sdp_error *error) __attribute__((warn_unused_result));

/* The room is ours: media from now on goes to `broadcast`. */
struct claim;
int rtc_session_publish(struct rtc_session *session, const struct claim *claim)
	__attribute__((warn_unused_result));

/* Whether the session takes one more PATCH now. */
bool rtc_session_may_patch(struct rtc_session *session);

/* ICE restart: new credentials and entity tag, and the fragment that tells them. */
int rtc_session_restart(struct rtc_session *session, const struct sdp_ice *remote,
			struct bytes *fragment) __attribute__((warn_unused_result));

struct rtc_session *rtc_session_find(struct worker *worker, const char *resource);

/* Of the picture this viewer gets; false before the first. */
bool rtc_session_clock(struct rtc_session *session, const struct broadcast_clock *line,
		       struct live_clock *out);
void rtc_session_send_sctp(struct rtc_session *session, const uint8_t *packet, size_t len);

/* Soon, outside of the present callback. */
void rtc_session_end(struct rtc_session *session);
void rtc_session_destroy(struct rtc_session *session);

/* For the worker's timer `pace`: sends what the pace of its viewers allows by now. */
void rtc_pace(struct worker *worker);
/* For the worker: viewers' reports that no frame has taken along. */
void rtc_second(struct worker *worker);
/* The host's picture has become one that browsers do not decode: they ask again and are told so. */
void rtc_end_viewers(struct worker *worker, const struct room_view *view);
void rtc_end_all(struct worker *worker);

#endif
