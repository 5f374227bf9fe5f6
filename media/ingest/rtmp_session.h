/*
 * One RTMP connection on which a host publishes: handshake, commands, flow control, and media as
 * frames. It knows no socket: the owner feeds bytes and sends what comes out. Belongs to the loop's
 * thread, as do all its callbacks.
 */
#ifndef SOUK_MEDIA_RTMP_SESSION_H
#define SOUK_MEDIA_RTMP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct media_config;
struct log;
struct loop;
struct rtmp_session;

enum {
	RTMP_UNKNOWN_BYTES_MAX = 64 * 1024, /* before publish was accepted: bytes and memory */
	RTMP_UNKNOWN_US = 10 * 1000 * 1000, /* and the time for it, and from a show to the next */
	RTMP_LEAVE_US = 1000 * 1000, /* from FCUnpublish to deleteStream */
	RTMP_IDLE_US = 30 * 1000 * 1000, /* a publisher that sends nothing at all */
	RTMP_ROOM_MAX = 64,
	RTMP_TOKEN_MAX = 4096,
};

enum rtmp_refuse {
	RTMP_REFUSE_DENIED, /* bad token: Connect.Rejected or Publish.Denied */
	RTMP_REFUSE_NO_ROOM, /* unknown room: Publish.Denied, as are the next two */
	RTMP_REFUSE_NO_NAME, /* said by the session itself */
	RTMP_REFUSE_OVERLOADED,
	RTMP_REFUSE_BAD_NAME, /* the room is taken: Publish.BadName */
};

enum rtmp_end {
	RTMP_END_REFUSED,
	RTMP_END_CODEC, /* it sends a picture that is not H.264, and was told so */
	RTMP_END_PROTOCOL, /* malformed, or over a cap */
	RTMP_END_TIMEOUT,
};

struct rtmp_session_ops {
	/* Bytes for the peer; the owner copies or sends them. */
	void (*output)(void *arg, const void *data, size_t len);
	/* A token stands in connect already (app or tcUrl): is it good for publishing at all?
	 * Answer as for publish. NULL: the token is only carried over to publish. */
	void (*connect)(void *arg, const char *token);
	/* Somebody wants to publish. `room` is [A-Za-z0-9_-]{1,64}; `token` may be empty; both are
	 * valid during the call. Answer, now or later, with accept or refuse. */
	void (*publish)(void *arg, const char *room, const char *token);
	/* Media, once accepted. The times are the source's (ms resolution video, sample exact
	 * audio). The callee owns the reference. */
	void (*frame)(void *arg, struct frame *frame);
	/* The configuration of frames to come, whenever it is another one. May be NULL. */
	void (*config)(void *arg, struct media_config *config);
	/* Sound of a codec that is not taken: the show goes on without. Once a show. May be NULL.
	 */
	void (*unheard)(void *arg);
	/* The host stopped in good order (deleteStream, closeStream, …). It hangs up, or publishes
	 * again on the same connection: publish() comes anew. */
	void (*unpublish)(void *arg);
	/* The session wants to end: send what is out, then close the connection and destroy the
	 * session (not inside the call). Called once, nothing comes after it. A connection that
	 * the peer drops without this was lost, unless rtmp_session_leaving(). */
	void (*end)(void *arg, enum rtmp_end why);
};

int rtmp_session_create(struct rtmp_session **out, struct loop *loop,
			const struct rtmp_session_ops *ops, void *arg)
	__attribute__((warn_unused_result));

/* What came from the peer. Errors arrive through end(); afterwards bytes are ignored. */
void rtmp_session_feed(struct rtmp_session *session, const void *data, size_t len);

/* Answers to connect or publish; without a question pending they do nothing. Refusing leads to
 * end(RTMP_END_REFUSED). */
void rtmp_session_accept(struct rtmp_session *session);
void rtmp_session_refuse(struct rtmp_session *session, enum rtmp_refuse why);

bool rtmp_session_publishing(const struct rtmp_session *session); /* accepted and not ended */

/* The host has announced its leaving (FCUnpublish): a connection that closes now was not lost. */
bool rtmp_session_leaving(const struct rtmp_session *session);

/* Tells a publisher that the room was taken over or has ended, then end(RTMP_END_REFUSED). */
void rtmp_session_stop(struct rtmp_session *session);

/* Tells a publisher what its viewers miss; the show goes on. */
void rtmp_session_warn(struct rtmp_session *session, const char *description);

/* E-RTMP v2: asks the encoder to reconnect (elsewhere when tc_url is not NULL), for draining. Only
 * those that said they can are asked; false otherwise. */
bool rtmp_session_ask_reconnect(struct rtmp_session *session, const char *tc_url);

struct rtmp_stats {
	uint64_t bytes_in, messages_in, video_frames, audio_frames, skipped;
	const char *encoder; /* flashVer or onMetaData's encoder; "" */
};
void rtmp_session_stats(const struct rtmp_session *session, struct rtmp_stats *out);

void rtmp_session_destroy(struct rtmp_session *session); /* takes NULL */

#endif
