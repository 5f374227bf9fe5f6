#include "tests/support/loopback_client.h"

#include "server/core/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 20, WAITS = 5000, IN_CAP = 64 * 1024 * 1024 };

static void must(bool worked)
{
	if (!worked)
		abort();
}

int loopback_client_open(struct loopback_client *client)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(listener, (struct sockaddr *)&addr, sizeof(addr)) && !listen(listener, 1) &&
	     !getsockname(listener, (struct sockaddr *)&addr, &len));
	*client = (struct loopback_client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	bytes_init(&client->in, IN_CAP);
	must(!connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)));
	const int on = 1;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	const int server = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(server >= 0);
	close(listener);
	return server;
}

void loopback_client_send(struct loopback_client *client, const void *data, size_t len)
{
	const char *at = data;
	while (len) {
		const ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
		if (sent < 0) /* the code under test may have closed already */
			return;
		at += sent;
		len -= (size_t)sent;
	}
}

void loopback_client_text(struct loopback_client *client, const char *text)
{
	loopback_client_send(client, text, strlen(text));
}

void loopback_client_shut(struct loopback_client *client)
{
	shutdown(client->fd, SHUT_WR);
}

void loopback_client_close(struct loopback_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	bytes_finish(&client->in);
}

static void read_some(struct loopback_client *client)
{
	char chunk[64 * 1024];
	if (client->ended)
		return;
	const ssize_t got = recv(client->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (got > 0)
		bytes_put(&client->in, chunk, (size_t)got);
	else if (got == 0 || errno != EAGAIN)
		client->ended = true;
	client->reset = client->reset || (got < 0 && errno == ECONNRESET);
}

void loopback_client_turn(struct loopback_client *client, struct loop *loop)
{
	for (int i = 0; i < TURNS; i++) {
		loop_poll(loop);
		read_some(client);
	}
}

/* One turn, and a millisecond of patience if nothing came. */
static void wait_turn(struct loopback_client *client, struct loop *loop)
{
	struct pollfd readable = { .fd = client->fd, .events = POLLIN };
	loop_poll(loop);
	if (!client->ended)
		poll(&readable, 1, 1);
	read_some(client);
}

bool loopback_client_wait_len(struct loopback_client *client, struct loop *loop, size_t len)
{
	for (int i = 0; i < WAITS && client->in.len < len; i++)
		wait_turn(client, loop);
	return client->in.len >= len;
}

bool loopback_client_wait(struct loopback_client *client, struct loop *loop, const char *text)
{
	for (int i = 0; i < WAITS && !loopback_client_count(client, text); i++)
		wait_turn(client, loop);
	return loopback_client_count(client, text) > 0;
}

bool loopback_client_wait_end(struct loopback_client *client, struct loop *loop)
{
	for (int i = 0; i < WAITS && !client->ended; i++)
		wait_turn(client, loop);
	return client->ended;
}

size_t loopback_client_count(struct loopback_client *client, const char *text)
{
	size_t count = 0;
	const size_t len = strlen(text);
	const uint8_t *at = client->in.data;
	const uint8_t *end = at ? at + client->in.len : at;
	while (at && (at = memmem(at, (size_t)(end - at), text, len))) {
		count++;
		at += len;
	}
	return count;
}
