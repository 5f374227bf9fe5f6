/*
 * The other end of a connection under test: a real TCP socket pair on 127.0.0.1, one end for the
 * code, this one for the test. Waiting turns the loop and gives up after 5 s of real time.
 */
#ifndef SOUK_TESTS_LOOPBACK_CLIENT_H
#define SOUK_TESTS_LOOPBACK_CLIENT_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;

struct loopback_client {
	int fd;
	struct bytes in; /* all that has come and was not consumed */
	bool ended; /* the other end closed, orderly or not */
	bool reset; /* not orderly */
};

/* Returns the server's end of the pair, which is the caller's. */
int loopback_client_open(struct loopback_client *client);
void loopback_client_send(struct loopback_client *client, const void *data, size_t len);
void loopback_client_text(struct loopback_client *client, const char *text);
/* Closes the direction towards the code. */
void loopback_client_shut(struct loopback_client *client);
void loopback_client_close(struct loopback_client *client);

/* A few turns of the loop, reading what comes. */
void loopback_client_turn(struct loopback_client *client, struct loop *loop);
/* Until `len` bytes or more have come; until the text has come; until the end. false: it did not.
 */
bool loopback_client_wait_len(struct loopback_client *client, struct loop *loop, size_t len);
bool loopback_client_wait(struct loopback_client *client, struct loop *loop, const char *text);
bool loopback_client_wait_end(struct loopback_client *client, struct loop *loop);

/* How often `text` stands in what has come. */
size_t loopback_client_count(struct loopback_client *client, const char *text);

#endif
