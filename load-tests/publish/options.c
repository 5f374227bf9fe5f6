#include "load-tests/publish/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { KBPS_MIN = 50, KBPS_MAX = 50000, DAY_S = 86400 };

static const char *const trickle_names[] = { "on", "all", "off", NULL };

#define AT(member) offsetof(struct publish_options, member)

static const struct option_row rows[] = {
	{ "url", OPTION_STRING, 1, 2048, NULL, "URL", "The WHIP endpoint.", AT(url), NULL },
	{ "token", OPTION_STRING, 1, 4096, NULL, "JWT", "Bearer token of the host.", AT(token),
	  NULL },
	{ "file", OPTION_STRING, 1, 4096, NULL, "FILE",
	  "Publishes a file in real time, whatever GStreamer can decode, encoded again as H.264 and Opus.",
	  AT(file), NULL },
	{ "pipeline", OPTION_STRING, 1, 16384, NULL, "TEXT",
	  "Publishes what a GStreamer pipeline hands to appsinks called picture (H.264) and sound (Opus); an encoder called video follows the path.",
	  AT(pipeline), NULL },
	{ "bitrate", OPTION_INT, KBPS_MIN, KBPS_MAX, "1000", "kbit/s",
	  "Where the estimate begins, sound included.", AT(bitrate_kbps), NULL },
	{ "min-bitrate", OPTION_INT, KBPS_MIN, KBPS_MAX, "150", "kbit/s", "Never below.",
	  AT(min_kbps), NULL },
	{ "max-bitrate", OPTION_INT, KBPS_MIN, KBPS_MAX, "4000", "kbit/s", "Never above.",
	  AT(max_kbps), NULL },
	{ "key-interval", OPTION_INT, 1, 60, "2", "s", "Time between keyframes of --file.",
	  AT(key_interval_s), NULL },
	{ "duration", OPTION_DURATION, 0, DAY_S, "0", NULL,
	  "Ends after this time, counted from the connection; 0: with the source.", AT(duration_s),
	  NULL },
	{ "trickle", OPTION_ENUM, 0, 0, "on", NULL,
	  "on: candidates known at once are in the offer, others follow; all: all follow; off: the offer waits for all.",
	  AT(trickle), trickle_names },
	{ "bind", OPTION_STRING, 1, 64, NULL, "IP",
	  "Media leaves from this address only; a server on the loopback implies 127.0.0.1.",
	  AT(bind_ip), NULL },
	{ "ice-server", OPTION_LIST, 1, 512, NULL, "URI",
	  "stun:HOST[:PORT] or turn:HOST[:PORT], beside those that the server names.", AT(ice_uris),
	  NULL },
	{ "ice-user", OPTION_STRING, 1, 255, NULL, "NAME", "User of the turn: servers.",
	  AT(ice_user), NULL },
	{ "ice-password", OPTION_STRING, 1, 255, NULL, "TEXT", "Its password.", AT(ice_password),
	  NULL },
	{ "stats", OPTION_BOOL, 0, 0, NULL, NULL, "A line of JSON a second on stdout.", AT(stats),
	  NULL },
	{ "control", OPTION_BOOL, 0, 0, NULL, NULL,
	  "Obeys lines on stdin: restart (ICE), key (frame), quit.", AT(control), NULL },
	{ "insecure", OPTION_BOOL, 0, 0, NULL, NULL, "Takes any TLS certificate.", AT(insecure),
	  NULL },
};

static const struct option_table table = {
	.usage = "souk-publish --url URL (--file FILE | --pipeline TEXT) [options]",
	.about =
		"Publishes by WHIP (RFC 9725): full ICE with trickle and restart, and a bitrate that follows "
		"the path. SIGUSR1 restarts ICE, SIGINT and SIGTERM end the session orderly. Exit status 0: "
		"published until the end; 1: refused or lost; 2: bad usage.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int refuse(struct option_error *error, const char *text)
{
	snprintf(error->text, sizeof(error->text), "%s", text);
	return -EINVAL;
}

static int take_servers(struct publish_options *options, struct option_error *error)
{
	if (options->ice_uris.count > PUBLISH_ICE_SERVERS_MAX)
		return refuse(error, "--ice-server: more than 8");
	for (size_t i = 0; i < options->ice_uris.count; i++) {
		struct link_server *server = &options->servers[options->server_count++];
		const char *uri = options->ice_uris.items[i];
		if (!link_server_parse(server, uri, strlen(uri)))
			return refuse(error,
				      "--ice-server: not stun:HOST[:PORT] or turn:HOST[:PORT]");
		snprintf(server->username, sizeof(server->username), "%s",
			 options->ice_user ? options->ice_user : "");
		snprintf(server->credential, sizeof(server->credential), "%s",
			 options->ice_password ? options->ice_password : "");
	}
	return 0;
}

int publish_options_parse(struct publish_options *options, int argc, char *const *argv,
			  struct option_error *error)
{
	memset(options, 0, sizeof(*options));
	const int result = options_parse(&table, options, argc, argv, error);
	if (result != OPTION_RUN)
		return result;
	if (!options->url)
		return refuse(error, "--url is required");
	if (!options->file == !options->pipeline)
		return refuse(error, "one of --file and --pipeline is required");
	if (options->min_kbps > options->max_kbps)
		return refuse(error, "--min-bitrate is above --max-bitrate");
	if (options->bind_ip && addr_set(&options->bind, options->bind_ip, 0))
		return refuse(error, "--bind: not an IP address");
	return take_servers(options, error);
}

void publish_options_help(FILE *out)
{
	options_help(&table, out);
}

void publish_options_finish(struct publish_options *options)
{
	options_free(&table, options);
}
