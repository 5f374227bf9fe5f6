#include "load-tests/swarm/options.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CROWD_MAX = 20000, HOSTS_MAX = 500, TOKEN_MAX = 4096, PATH_LEN_MAX = 4096 };

static const char *const on_off[] = { "on", "off", NULL };

#define AT(member)   offsetof(struct swarm_options, member)
#define LIMIT_AT(id) offsetof(struct swarm_options, limits[id])
#define LIMIT(name, id, fallback, unit, text) \
	{ \
		"limit." name, OPTION_STRING, 1, 20, fallback, unit, text, LIMIT_AT(id), NULL \
	}

static const struct option_row rows[] = {
	{ "scenario", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE",
	  "Reads options as lines `name = value` beneath the command line.", AT(scenario), NULL },
	{ "server", OPTION_LIST, 1, 256, "http://127.0.0.1:8080", "URL",
	  "A node, by IP address; the crowd is spread over all of them.", AT(servers), NULL },
	{ "rtmp", OPTION_LIST, 1, 64, NULL, "IP:PORT",
	  "Where a node takes RTMP, in the order of the nodes; else its port 1935.", AT(rtmp),
	  NULL },
	{ "whep-url", OPTION_LIST, 1, 256, NULL, "URL",
	  "WebRTC viewers go to this WHEP endpoint instead, of any server.", AT(whep_urls), NULL },
	{ "janus-url", OPTION_LIST, 1, 256, NULL, "URL",
	  "Likewise: the API of a Janus, whose mountpoint 1 they watch.", AT(janus_urls), NULL },
	{ "room", OPTION_STRING, 1, 58, "demo", "ROOM", "The room to watch and to buy in.",
	  AT(room), NULL },
	{ "rooms", OPTION_INT, 1, HOSTS_MAX, "1", NULL,
	  "More than one: ROOM-1, ROOM-2 and so on, the crowd is spread over them.", AT(rooms),
	  NULL },
	{ "token", OPTION_STRING, 1, TOKEN_MAX, NULL, "JWT", "Viewers show this token.", AT(token),
	  NULL },
	{ "host-token", OPTION_STRING, 1, TOKEN_MAX, NULL, "JWT",
	  "Hosts publish and pin products with it; else with the admin token.", AT(host_token),
	  NULL },
	{ "admin-token", OPTION_STRING, 1, TOKEN_MAX, NULL, "JWT",
	  "Rooms and the product are made first when they are missing.", AT(admin_token), NULL },
	{ "whep", OPTION_INT, 0, CROWD_MAX, "0", NULL, "WebRTC viewers.", AT(whep), NULL },
	{ "flv", OPTION_INT, 0, CROWD_MAX, "0", NULL, "HTTP-FLV viewers.", AT(flv), NULL },
	{ "ws", OPTION_INT, 0, CROWD_MAX, "0", NULL,
	  "WebSocket clients that follow the live messages.", AT(ws), NULL },
	{ "whip-hosts", OPTION_INT, 0, HOSTS_MAX, "0", NULL,
	  "Hosts by WHIP, picture alone; the hosts are spread over nodes, then rooms.",
	  AT(whip_hosts), NULL },
	{ "rtmp-hosts", OPTION_INT, 0, HOSTS_MAX, "0", NULL,
	  "Hosts by RTMP; there are at least as many rooms as all hosts need.", AT(rtmp_hosts),
	  NULL },
	{ "media", OPTION_LIST, 1, PATH_LEN_MAX, NULL, "FILE",
	  "What hosts send, over and over: FLV with H.264 without B-frames, and AAC. Further files are "
	  "smaller layers of the picture, for hosts by WHIP.",
	  AT(media), NULL },
	{ "buyers", OPTION_INT, 0, CROWD_MAX, "0", NULL, "Buyers by HTTP, each a guest of its own.",
	  AT(buyers), NULL },
	{ "buyers-ws", OPTION_INT, 0, CROWD_MAX, "0", NULL, "Buyers by WebSocket.", AT(buyers_ws),
	  NULL },
	{ "buyers-dc", OPTION_INT, 0, CROWD_MAX, "0", NULL,
	  "Buyers by the data channel of a WebRTC session.", AT(buyers_dc), NULL },
	{ "orders-per-s", OPTION_INT, 1, 100000, "10", NULL,
	  "Orders a second of all buyers together.", AT(orders_per_s), NULL },
	{ "sku", OPTION_STRING, 1, 64, "A1", "SKU", "What they buy, one piece an order.", AT(sku),
	  NULL },
	{ "stock", OPTION_INT, 0, 1000000000, "1000000", NULL,
	  "Of the product, when it is made here.", AT(stock), NULL },
	{ "pin-every", OPTION_DURATION, 0, 3600, "0", NULL,
	  "The host pins the product this often; 0: never.", AT(pin_every_s), NULL },
	{ "data-channel", OPTION_BOOL, 0, 0, NULL, NULL, "WebRTC viewers open the data channel.",
	  AT(data_channel), NULL },
	{ "duration", OPTION_DURATION, 1, 86400, "30s", NULL, "How long, joins included.",
	  AT(duration_s), NULL },
	{ "lead", OPTION_DURATION, 0, 86400, "3s", NULL,
	  "Our hosts are there so long before the others come, and before the duration begins.",
	  AT(lead_s), NULL },
	{ "ramp", OPTION_INT, 1, 10000, "100", NULL, "Viewers that join in a second.", AT(ramp),
	  NULL },
	{ "stay", OPTION_DURATION, 0, 86400, "0", NULL,
	  "Viewers leave after this time on average; 0: never.", AT(stay_s), NULL },
	{ "rejoin", OPTION_DURATION, 0, 86400, "1", NULL,
	  "Another takes the place after this time on average.", AT(rejoin_s), NULL },
	{ "vanish", OPTION_INT, 0, 100, "0", NULL,
	  "Percent of those who leave that do so without a word.", AT(vanish), NULL },
	{ "gro", OPTION_ENUM, 0, 0, "on", NULL,
	  "Takes many packets from the kernel at once; off on loopback makes the server's kernel cut them.",
	  AT(gro), on_off },
	{ "decrypt", OPTION_INT, 0, CROWD_MAX, "10", NULL,
	  "WebRTC viewers that decrypt all they get and read its H.264; the others count by headers.",
	  AT(decrypt), NULL },
	{ "tokens", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE",
	  "Buyers' tokens, one a line, instead of guests.", AT(tokens), NULL },
	{ "acks", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE",
	  "Appends key and order id of each acknowledged order.", AT(acks), NULL },
	{ "json", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE",
	  "Writes the result here instead of stdout.", AT(json), NULL },
	{ "html", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE",
	  "Writes a page with plots, which needs no network.", AT(html), NULL },
	LIMIT("joined", LIMIT_JOINED, "100", "PERCENT",
	      "At least so many of those who ask get a picture."),
	LIMIT("failures", LIMIT_FAILURES, "0", "N", "Requests and sessions that failed."),
	LIMIT("loss", LIMIT_LOSS, "0", "PERCENT", "Packets that never came; by FLV: gaps."),
	LIMIT("freeze", LIMIT_FREEZE, NULL, "PERCENT",
	      "Of the time watched, the picture stood still."),
	LIMIT("join-p99-ms", LIMIT_JOIN_P99, NULL, "MS", "Request to first picture."),
	LIMIT("spread-p99-ms", LIMIT_SPREAD_P99, NULL, "MS", "First to last viewer of a frame."),
	LIMIT("age-p99-ms", LIMIT_AGE_P99, NULL, "MS", "Capture to arrival of a frame."),
	LIMIT("event-error-p99-ms", LIMIT_EVENT_P99, NULL, "MS",
	      "Capture of the picture that an event came with, less the event's time."),
	LIMIT("event-gaps", LIMIT_EVENT_GAPS, NULL, "N", "Events that a viewer missed."),
	LIMIT("order-p99-ms", LIMIT_ORDER_P99, NULL, "MS", "Due to acknowledged."),
	LIMIT("unacked", LIMIT_UNACKED, "0", "N", "Orders without a final answer at the end."),
	LIMIT("refused", LIMIT_REFUSED, "0", "N", "Orders that were refused."),
};

static const struct option_table table = {
	.usage = "souk-swarm [--scenario FILE] [options]",
	.about =
		"Viewers, hosts and buyers against one or more servers, from one thread. A line of progress on "
		"stderr; at the end the limits with held or broken, the result as JSON, a page with plots. Exit "
		"status 0: all limits held; 1: not so; 2: bad usage; 3: the swarm itself was the bottleneck, "
		"the run does not count. A limit is a number or off.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
	.file_option = "scenario",
};

static int refuse(struct option_error *error, const char *option, const char *what)
{
	snprintf(error->text, sizeof(error->text), "--%s: %s", option, what);
	return -EINVAL;
}

static int take_whep_targets(struct swarm_options *options, const struct option_list *urls,
			     bool janus)
{
	for (size_t i = 0; i < urls->count; i++) {
		struct target *target = &options->whep_targets[options->whep_target_count++];
		target->janus = janus;
		const int err = target_parse_url(urls->items[i], &target->http, target->whep_path,
						 sizeof(target->whep_path));
		if (err)
			return err;
	}
	return 0;
}

static int take_targets(struct swarm_options *options, struct option_error *error)
{
	options->targets = xcalloc(options->servers.count + 1, sizeof(struct target));
	options->whep_targets = xcalloc(options->whep_urls.count + options->janus_urls.count + 1,
					sizeof(struct target));
	if (options->rtmp.count > options->servers.count)
		return refuse(error, "rtmp", "more of them than of --server");
	for (size_t i = 0; i < options->servers.count; i++) {
		struct target *target = &options->targets[options->target_count++];
		if (target_parse_url(options->servers.items[i], &target->http, NULL, 0))
			return refuse(error, "server", "not http://IP:PORT");
		target->rtmp = target->http;
		addr_set_port(&target->rtmp, TARGET_RTMP_PORT);
		if (i < options->rtmp.count && addr_parse(&target->rtmp, options->rtmp.items[i]))
			return refuse(error, "rtmp", "not IP:PORT");
	}
	if (take_whep_targets(options, &options->whep_urls, false))
		return refuse(error, "whep-url", "not http://IP:PORT/PATH");
	if (take_whep_targets(options, &options->janus_urls, true))
		return refuse(error, "janus-url", "not http://IP:PORT/PATH");
	return 0;
}

static int check_hosts(struct swarm_options *options, struct option_error *error)
{
	const int64_t hosts = options->whip_hosts + options->rtmp_hosts;
	if (hosts && !options->media.count)
		return refuse(error, "media", "hosts need a file to send");
	if (hosts && !options->host_token && !options->admin_token)
		return refuse(error, "host-token", "hosts need it, or --admin-token");
	if (options->pin_every_s && !options->host_token && !options->admin_token)
		return refuse(error, "host-token", "pinning needs it, or --admin-token");
	/* One in each room of each node. */
	const int64_t nodes = (int64_t)options->target_count;
	const int64_t rooms = (hosts + nodes - 1) / nodes;
	if (rooms > options->rooms)
		options->rooms = rooms;
	return 0;
}

static int check_limits(const struct swarm_options *options, struct option_error *error)
{
	for (int i = 0; i < LIMITS; i++) {
		bool set;
		double value;
		if (!options->limits[i] || !limit_parse(options->limits[i], &set, &value))
			continue;
		snprintf(error->text, sizeof(error->text),
			 "--%s: '%.20s' is neither a number nor off", limit_names[i].option,
			 options->limits[i]);
		return -EINVAL;
	}
	return 0;
}

int swarm_options_parse(struct swarm_options *options, int argc, char *const *argv,
			struct option_error *error)
{
	memset(options, 0, sizeof(*options));
	int result = options_parse(&table, options, argc, argv, error);
	if (result != OPTION_RUN)
		return result;
	result = take_targets(options, error);
	if (!result)
		result = check_hosts(options, error);
	return result ? result : check_limits(options, error);
}

void swarm_options_help(FILE *out)
{
	options_help(&table, out);
}

void swarm_options_finish(struct swarm_options *options)
{
	free(options->targets);
	free(options->whep_targets);
	options->targets = options->whep_targets = NULL;
	options_free(&table, options);
}

char *swarm_options_room(const struct swarm_options *options, size_t index)
{
	if (options->rooms == 1)
		return xstrdup(options->room);
	return xasprintf("%s-%zu", options->room, index % (size_t)options->rooms + 1);
}
