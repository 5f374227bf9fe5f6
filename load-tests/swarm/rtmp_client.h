/*
 * The client's side of RTMP, as far as publishing needs it (Adobe RTMP 1.0 §5.2, §7.2): handshake,
 * connect, createStream, publish, then media. Owner thread: the loop's.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_RTMP_CLIENT_H
#define SOUK_LOAD_TESTS_SWARM_RTMP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct addr;
struct loop;
struct rtmp_client;

struct rtmp_client_ops {
	void (*publishing)(void *arg);
	/* Never came to publish, or is over: `why` for people. Once; not to be destroyed in here.
	 */
	void (*ended)(void *arg, const char *why);
};

struct rtmp_client_options {
	const struct addr *server;
	const char *key; /* "demo?token=…", copied */
	const struct rtmp_client_ops *ops;
	void *arg;
};

/* Begins at once; errors come by ended(), never from inside. */
void rtmp_client_create(struct rtmp_client **out, struct loop *loop,
			const struct rtmp_client_options *options);

/* An audio (8), video (9) or data (18) message; -ENOTCONN unless publishing, -ENOBUFS when the
 * connection is far behind. */
int rtmp_client_send(struct rtmp_client *client, uint8_t type, uint32_t at_ms, const uint8_t *data,
		     size_t len) __attribute__((warn_unused_result));

/* Unpublishes in good order when it can; no callback follows. Takes NULL. */
void rtmp_client_destroy(struct rtmp_client *client);

#endif
