/* What a client may send behind a good handshake, over a socket pair; the first byte chooses what
 * the server does meanwhile. */
#include "server/core/addr.h"
#include "server/core/clock.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "server/core/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct session {
	struct websocket *ws;
	uint8_t choice;
	int closed;
};

static void on_message(void *arg, const char *text, size_t len)
{
	struct session *session = arg;
	if (len > WEBSOCKET_MESSAGE_MAX || text[len] != '\0')
		abort();
	if (session->choice & 1)
		(void)!websocket_send_text(session->ws, text, len);
	if (session->choice & 2)
		websocket_close(session->ws, WEBSOCKET_NORMAL, "done");
	if (session->choice & 4) {
		websocket_destroy(session->ws);
		session->ws = NULL;
	}
}

static void on_closed(void *arg, int code)
{
	struct session *session = arg;
	if (session->closed++ || code <= 0)
		abort();
	websocket_destroy(session->ws);
	session->ws = NULL;
}

static void on_request(struct http_request *request, void *arg)
{
	static const struct websocket_ops ops = { .message = on_message, .closed = on_closed };
	struct session *session = arg;
	if (websocket_accept(&session->ws, request, NULL, &ops, session))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char handshake[] =
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	if (!len || len > 60000)
		return 0;
	struct clock clock;
	struct loop *loop;
	struct http_server *server;
	struct addr peer;
	int fds[2];
	struct session session = { .choice = data[0] };
	const struct http_server_opts opts = { .on_request = on_request, .arg = &session };
	clock_init(&clock);
	if (loop_create(&loop, &clock) || http_server_create(&server, loop, &opts) ||
	    addr_set(&peer, "127.0.0.1", 1) || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	http_server_accept(server, fds[0], &peer, NULL);
	(void)!write(fds[1], handshake, sizeof(handshake) - 1);
	if (session.choice & 8) /* else the frames come in one read with the handshake */
		loop_poll(loop);
	(void)!send(fds[1], data + 1, len - 1, MSG_DONTWAIT);
	for (int i = 0; i < 4; i++)
		loop_poll(loop);
	close(fds[1]);
	for (int i = 0; i < 4; i++)
		loop_poll(loop);
	websocket_destroy(session.ws);
	http_server_destroy(server);
	loop_poll(loop);
	loop_destroy(loop);
	return 0;
}
