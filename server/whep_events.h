/*
 * WHEP's extension for events (webrtc-http-egress-events §4): what happens to a viewer's room, as
 * Server-Sent Events. A stream belongs to its session's worker, which notices and queues; the HTTP
 * reader may sit on another worker, and is reached by notes. Nothing here runs per frame: the
 * worker looks at all streams WHEP_LOOKS_S times a second.
 */
#ifndef SOUK_SERVER_WHEP_EVENTS_H
#define SOUK_SERVER_WHEP_EVENTS_H

#include <stdint.h>

struct rtc_session;
struct worker;

#define WHEP_EVENTS_URN "urn:ietf:params:whep:ext:core:server-sent-events"
#define WHEP_LAYER_URN  "urn:ietf:params:whep:ext:core:layer"
#define WHEP_EVENTS     "active,inactive,layers,reconnect,viewercount"

enum {
	WHEP_STREAMS_MAX = 4, /* of one session: 429 */
	WHEP_QUEUE_MAX = 32, /* events that wait for a reader: the oldest goes */
	WHEP_BACKLOG_MAX = 64 * 1024, /* bytes a reader may be behind: it is cut off */
	WHEP_NAMES_MAX = 16, /* in a request for a stream */
	WHEP_LAYERS_S = 10, /* from one `layers` to the next */
	WHEP_ALIVE_S = 15, /* a comment, so that dead readers are noticed */
};

/* For the owner of sessions, a few times a second: tells what has changed. */
void whep_events_look(struct worker *worker);
/* The server is ending: viewers are told where to go. */
void whep_events_reconnect(struct worker *worker);
/* The session ends, and its streams with it. */
void whep_events_end(struct rtc_session *session);

/* For the worker of readers, once a second. */
void whep_readers_second(struct worker *worker);

#endif
