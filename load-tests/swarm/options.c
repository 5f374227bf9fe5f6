#include "load-tests/swarm/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { VIEWERS_MAX = 20000, PORT_DEFAULT = 80 };

static const char *const on_off[] = { "on", "off", NULL };

#define AT(member) offsetof(struct swarm_options, member)

static const struct option_row rows[] = {
	{ "server", OPTION_STRING, 1, 256, "http://127.0.0.1:8080", "URL",
	  "The server, by IP address.", AT(server_url), NULL },
	{ "room", OPTION_STRING, 1, 64, "demo", "ROOM", "The room to watch and to buy in.",
	  AT(room), NULL },
	{ "token", OPTION_STRING, 1, 4096, NULL, "JWT", "Viewers show this token.", AT(token),
	  NULL },
	{ "whep", OPTION_INT, 0, VIEWERS_MAX, "0", NULL, "WebRTC viewers.", AT(whep), NULL },
	{ "flv", OPTION_INT, 0, VIEWERS_MAX, "0", NULL, "HTTP-FLV viewers.", AT(flv), NULL },
	{ "buyers", OPTION_INT, 0, VIEWERS_MAX, "0", NULL, "Buyers, each a guest of its own.",
	  AT(buyers), NULL },
	{ "orders-per-s", OPTION_INT, 1, 100000, "10", NULL,
	  "Orders a second of all buyers together.", AT(orders_per_s), NULL },
	{ "sku", OPTION_STRING, 1, 64, "A1", "SKU", "What they buy, one piece an order.", AT(sku),
	  NULL },
	{ "duration", OPTION_DURATION, 1, 86400, "30s", NULL, "How long, joins included.",
	  AT(duration_s), NULL },
	{ "ramp", OPTION_INT, 1, 10000, "100", NULL, "Viewers that join in a second.", AT(ramp),
	  NULL },
	{ "gro", OPTION_ENUM, 0, 0, "on", NULL,
	  "Takes many packets from the kernel at once; off on loopback makes the server's kernel cut them.",
	  AT(gro), on_off },
	{ "decrypt", OPTION_INT, 0, VIEWERS_MAX, "10", NULL,
	  "WebRTC viewers that decrypt all they get; the others count by headers.", AT(decrypt),
	  NULL },
	{ "data-channel", OPTION_BOOL, 0, 0, NULL, NULL, "WebRTC viewers open the data channel.",
	  AT(data_channel), NULL },
	{ "tokens", OPTION_STRING, 1, 4096, NULL, "FILE",
	  "Buyers' tokens, one a line, instead of guests.", AT(tokens), NULL },
	{ "acks", OPTION_STRING, 1, 4096, NULL, "FILE",
	  "Appends key and order id of each acknowledged order.", AT(acks), NULL },
	{ "json", OPTION_STRING, 1, 4096, NULL, "FILE", "Writes the result here instead of stdout.",
	  AT(json), NULL },
};

static const struct option_table table = {
	.usage = "souk-swarm [options]",
	.about =
		"Many viewers and buyers against one server, from one thread. A progress line a second on "
		"stderr, the result as JSON at the end. Exit status 0: all joined, nothing was lost, "
		"each order was acknowledged; 1: not so; 2: bad usage.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int take_server(struct swarm_options *options)
{
	char text[ADDR_TEXT];
	const char *url = options->server_url;
	if (strncmp(url, "http://", 7) != 0)
		return -EINVAL;
	url += 7;
	const size_t len = strcspn(url, "/");
	if (len >= sizeof(text) || (url[len] && url[len + 1]))
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s", (int)len, url);
	if (!addr_parse(&options->server, text))
		return 0;
	if (!strncmp(text, "localhost:", 10)) {
		char loopback[ADDR_TEXT + 8];
		snprintf(loopback, sizeof(loopback), "127.0.0.1%s", text + 9);
		return addr_parse(&options->server, loopback);
	}
	return addr_set(&options->server, text, PORT_DEFAULT);
}

int swarm_options_parse(struct swarm_options *options, int argc, char *const *argv,
			struct option_error *error)
{
	memset(options, 0, sizeof(*options));
	const int result = options_parse(&table, options, argc, argv, error);
	if (result != OPTION_RUN)
		return result;
	if (!take_server(options))
		return 0;
	snprintf(error->text, sizeof(error->text), "--server: not http://IP:PORT");
	return -EINVAL;
}

void swarm_options_help(FILE *out)
{
	options_help(&table, out);
}

void swarm_options_finish(struct swarm_options *options)
{
	options_free(&table, options);
}
