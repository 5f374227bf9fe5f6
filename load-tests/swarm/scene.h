/*
 * What all clients of a run share: the loop, DTLS and receive buffers, what they measure, and the
 * account of what went wrong. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_SCENE_H
#define SOUK_LOAD_TESTS_SWARM_SCENE_H

#include "load-tests/swarm/frame_board.h"
#include "load-tests/swarm/measures.h"
#include "load-tests/swarm/options.h"
#include "load-tests/swarm/sent_book.h"
#include "server/core/loop.h"

struct dtls_context;
struct farewells;
struct message_book;
struct sctp_hub;
struct udp_scratch;

/* How WebRTC viewers came in, those too who have left. */
struct scene_door {
	uint64_t admitted; /* 201 */
	uint64_t refused; /* 503 */
	uint64_t refused_bare; /* of them without Retry-After */
	uint64_t admitted_before; /* anybody was refused */
	uint64_t connected; /* DTLS done */
	uint64_t in_time; /* a whole frame within SCENE_IN_TIME_US of the request */
	int64_t asked_us, connected_us; /* the first request, the last DTLS done */
};
enum { SCENE_IN_TIME_US = 1000000 };

struct scene {
	const struct swarm_options *options;
	struct clock clock;
	struct loop *loop;
	struct dtls_context *dtls; /* the same certificate for all */
	struct udp_scratch *scratch;
	struct sctp_hub *sctp;
	struct message_book *book;
	struct farewells *farewells;
	struct measures measures;
	struct frame_board boards[CLIENT_KINDS]; /* first packets of frames */
	struct frame_board whole; /* last packets, of WebRTC */
	struct sent_book sent; /* by our hosts by WHIP */
	struct scene_door door;
	int64_t turn_us; /* when this turn of the loop began; 0: turns are short, ask the clock */
	uint64_t failures;
	uint64_t failed[CLIENT_KINDS]; /* of them */
	bool closing; /* the run is over: what ends now is no failure */
};

/* Where a client of the crowd stands. */
struct place {
	const struct target *target;
	const char *room;
	unsigned number; /* of the target and room, for keys that belong to them alone */
	bool decrypt;
	bool vanish; /* it will leave without a word */
};

/* Also raises the limit of open files. `options` must outlive the scene. On the heap: it is large.
 */
int scene_create(struct scene **out, const struct swarm_options *options)
	__attribute__((warn_unused_result));
void scene_destroy(struct scene *scene); /* takes NULL */

/* Counts; the first few are printed to stderr. */
void scene_failed(struct scene *scene, enum client_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Arrival time of what is being read: one for a whole turn where thousands of sockets are served,
 * since asking the clock for each packet costs more than it tells. */
static inline int64_t scene_now_us(const struct scene *scene)
{
	return scene->turn_us ? scene->turn_us : loop_now_us(scene->loop);
}

/* A frame begins to be here, `key` being the same for all viewers of this place. */
void scene_frame(struct scene *scene, enum client_kind kind, const struct place *place,
		 uint64_t key, int64_t now_us);
/* All of a frame is here, at a WebRTC viewer. */
void scene_picture(struct scene *scene, const struct place *place, uint64_t key, int64_t now_us);

#endif
