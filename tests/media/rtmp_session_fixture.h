/*
 * One RTMP session and the encoder at its other end: what it was asked, what it gave, what it said;
 * and commands written by hand, for what recorded encoders do not do. For the tests of
 * rtmp_session.
 */
#ifndef SOUK_TESTS_RTMP_SESSION_FIXTURE_H
#define SOUK_TESTS_RTMP_SESSION_FIXTURE_H

#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/ingest/rtmp_session.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"

enum { SHAKE = 1 + 2 * 1536 };

/* What to do when asked. */
enum answer { ACCEPT, DENY, BAD_NAME, LATER };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct rtmp_session *session;
	struct rtmp_session_ops ops;
	enum answer answer;
	struct bytes out;
	char room[80], token[80], connect_token[80];
	unsigned unpublished;
	int ended;
	enum rtmp_end why;
	unsigned video, audio, keys;
	unsigned unheard;
	unsigned promised; /* configurations that came before any frame */
	bool reorders;
	/* from the server's messages */
	char last_code[64];
	char description[128];
	uint32_t code_stream; /* that it stands on */
	double created; /* stream */
	double caps; /* capsEx of the answer to connect; -1: none */
	bool takes_avc1, takes_mp4a, takes_more;
	unsigned acknowledgements, pongs;
};

extern struct fixture f;

void rtmp_fixture_setup(void);
void rtmp_fixture_teardown(void);

void on_connect(void *arg, const char *token); /* for f.ops */

/* Reads what the server has said, after its handshake. */
void read_replies(void);

/* A message of the encoder's on chunk stream 3. */
void say(uint8_t type, uint32_t stream_id, const struct bytes *body);
/* Shakes hands and begins the body of `connect`, up to the members of its object. */
void begin_connect(struct bytes *body);
void say_connect(const char *app, const char *tc_url);
void say_on(uint32_t stream_id, const char *name, const char *value);
void say_command(const char *name, const char *value); /* on stream 1 */

#endif
