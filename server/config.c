#include "server/config.h"

#include "signaling/sdp_resource.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_ICE_URI_MAX = 200 };

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const sync_modes[] = { "full", "normal", NULL };

static const char *const encoder_presets[] = { "ultrafast", "superfast", "veryfast",
					       "faster",    "fast",      NULL };

#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
	{ "config", OPTION_STRING, 0, 0, NULL, "FILE",
	  "Reads options from this file, one name = value a line.", AT(file), NULL },
	{ "http", OPTION_ADDR, 0, 0, "127.0.0.1:8080", "A:P",
	  "Serves pages, API, WHIP, WHEP, FLV and WebSocket here.", AT(http), NULL },
	{ "https", OPTION_ADDR, 0, 0, NULL, "A:P",
	  "The same over TLS; needs --tls-cert and --tls-key.", AT(https), NULL },
	{ "tls-cert", OPTION_STRING, 0, 0, NULL, "FILE",
	  "Certificate chain in PEM; read again on SIGHUP.", AT(tls_cert), NULL },
	{ "tls-key", OPTION_STRING, 0, 0, NULL, "FILE", "Private key in PEM.", AT(tls_key), NULL },
	{ "rtmp", OPTION_ADDR, 0, 0, "127.0.0.1:1935", "A:P",
	  "Takes RTMP publishers (OBS, ffmpeg) here.", AT(rtmp), NULL },
	{ "rtmps", OPTION_ADDR, 0, 0, NULL, "A:P",
	  "The same over TLS; needs --tls-cert and --tls-key.", AT(rtmps), NULL },
	{ "udp", OPTION_ADDR, 0, 0, "0.0.0.0:8000", "A:P",
	  "WebRTC media; worker i uses this port + i.", AT(udp), NULL },
	{ "ice-tcp", OPTION_BOOL, 0, 0, "true", NULL,
	  "WebRTC over TCP on the same ports as well, for networks that block UDP.", AT(ice_tcp),
	  NULL },
	{ "admin", OPTION_ADDR, 0, 0, "127.0.0.1:9090", "A:P",
	  "Health and metrics; keep it private.", AT(admin), NULL },
	{ "advertise", OPTION_LIST, 0, 0, NULL, "IP",
	  "Address that WebRTC clients are told to use; repeat it for several (default: the bound one, or all of this machine's).",
	  AT(advertise), NULL },
	{ "public-url", OPTION_STRING, 0, CONFIG_URL_MAX, NULL, "URL",
	  "How clients reach this server; makes URLs in answers absolute.", AT(public_url), NULL },
	{ "trust-proxy", OPTION_LIST, 0, 0, NULL, "CIDR",
	  "Network of proxies whose X-Forwarded-For or Forwarded tells who the client is; repeat it for several.",
	  AT(trust_proxy), NULL },
	{ "allow-origin", OPTION_LIST, 0, 0, NULL, "ORIGIN",
	  "Web origin whose pages may open WebSockets; repeat it for several.", AT(allow_origin),
	  NULL },
	{ "stun", OPTION_LIST, 0, 0, NULL, "URI",
	  "STUN server that WebRTC clients are told of, stun:HOST:PORT; repeat it for several.",
	  AT(stun), NULL },
	{ "turn", OPTION_LIST, 0, 0, NULL, "URI",
	  "TURN server that WebRTC clients are told of, turn:HOST:PORT?transport=udp; repeat it for several.",
	  AT(turn), NULL },
	{ "turn-secret", OPTION_STRING, 1, 256, NULL, "TEXT",
	  "What coturn has as static-auth-secret; credentials of a day are made with it.",
	  AT(turn_secret), NULL },
	{ "overflow-url", OPTION_STRING, 0, CONFIG_URL_MAX, NULL, "URL",
	  "Another node: WHIP and WHEP clients are sent there (307) when this one is full or ends.",
	  AT(overflow_url), NULL },
	{ "rtmp-overflow-url", OPTION_STRING, 0, CONFIG_URL_MAX, NULL, "URL",
	  "Another node, rtmp://HOST/live: RTMP encoders that can are sent there when this one ends.",
	  AT(rtmp_overflow_url), NULL },
	{ "relay-host", OPTION_LIST, 0, 0, NULL, "HOST",
	  "Server that hosts may relay their rooms to, a name, *.name or an IP; repeat it for several (others only an admin may set).",
	  AT(relay_hosts), NULL },
	{ "relay-private", OPTION_BOOL, 0, 0, NULL, NULL,
	  "Relays may go to private and loopback addresses as well.", AT(relay_private), NULL },
	{ "relay-ca", OPTION_STRING, 0, 4096, NULL, "FILE",
	  "Authorities in PEM that relays by rtmps trust (default: the system's).", AT(relay_ca),
	  NULL },
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR",
	  "Orders, rooms and keys; one server a directory.", AT(data_dir), NULL },
	{ "web", OPTION_STRING, 0, 4096, NULL, "DIR",
	  "Directory of the web apps (default: web/dist beside the build).", AT(web_dir), NULL },
	{ "transcoder", OPTION_STRING, 0, 4096, NULL, "FILE",
	  "The program souk-transcoder (default: beside soukd).", AT(transcoder), NULL },
	{ "ladder", OPTION_STRING, 1, 256, "720p:2000,540p:1200,360p:600", "SIDEp:KBPS,...",
	  "Pictures made of a source for weaker links: shorter side and kbit/s; or none.",
	  AT(ladder_text), NULL },
	{ "encoder", OPTION_STRING, 1, 64, "x264enc", "NAME",
	  "GStreamer's element that makes them: x264enc, openh264enc, vah264enc, vah264lpenc, nvh264enc, qsvh264enc.",
	  AT(encoder), NULL },
	{ "encoder-preset", OPTION_ENUM, 0, 0, "superfast", NULL,
	  "How much time x264enc takes for the quality of a picture.", AT(encoder_preset),
	  encoder_presets },
	{ "jwt-public-key", OPTION_STRING, 0, 4096, NULL, "FILE",
	  "Also accepts ES256 tokens signed for this P-256 public key (PEM).", AT(jwt_public_key),
	  NULL },
	{ "workers", OPTION_INT, 0, 64, "0", NULL, "Network threads; 0: one a core.", AT(workers),
	  NULL },
	{ "viewers-max", OPTION_INT, 1, 1000000, "5000", NULL,
	  "Viewers that one worker admits; more get 503.", AT(viewers_max), NULL },
	{ "admit-load", OPTION_INT, 1, 100, "90", "PERCENT",
	  "Of a worker's time that viewers may take; who would need more gets 503. 100: whatever they take.",
	  AT(admit_load), NULL },
	{ "flv-batch-ms", OPTION_INT, 0, 400, "0", "ms",
	  "Pictures of so long share one write to an FLV viewer: less than half the work, that much later.",
	  AT(flv_batch_ms), NULL },
	{ "guests-per-address", OPTION_INT, 0, 1000000, "0", NULL,
	  "Guest tokens that an address (of IPv6 a /64) gets in a minute from a worker; 0: any number.",
	  AT(guests_per_address), NULL },
	{ "record-days", OPTION_INT, 0, 36500, "7", NULL,
	  "Recordings are deleted after so many days; 0: never.", AT(record_days), NULL },
	{ "record-mb", OPTION_INT, 0, 1000000000, "20480", NULL,
	  "The oldest recordings are deleted when all exceed this; 0: without limit.",
	  AT(record_mb), NULL },
	{ "record-reserve-mb", OPTION_INT, 0, 1000000000, "512", NULL,
	  "Recording stops while the disk has less than this left, for orders need it.",
	  AT(record_reserve_mb), NULL },
	{ "log-level", OPTION_ENUM, 0, 0, "info", NULL,
	  "How much goes to stderr; read again on SIGHUP.", AT(log_level), log_levels },
	{ "store-sync", OPTION_ENUM, 0, 0, "full", NULL,
	  "Dangerous when not full: normal loses acknowledged orders in a power cut.",
	  AT(store_sync), sync_modes },
};

static const struct option_table table = {
	.usage =
		"soukd [options]\n"
		"       soukd token --data DIR --room R --role host --sub NAME --ttl 1h [--count N]\n"
		"       soukd check --data DIR\n"
		"       soukd backup --data DIR --to DIR\n"
		"       soukd restore --data DIR --from DIR\n"
		"       soukd export --data DIR [--room R] [--what orders|products|events]",
	.about = "Low-latency live-commerce streaming server.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int fail(struct option_error *error, const char *text)
{
	snprintf(error->text, sizeof(error->text), "%s", text);
	return -EINVAL;
}

/* Takes the slashes at its end away; NULL is none, and fine. */
static bool is_web_url(char *url)
{
	if (!url)
		return true;
	for (size_t len = strlen(url); len && url[len - 1] == '/'; len--)
		url[len - 1] = '\0';
	return !strncmp(url, "http://", 7) || !strncmp(url, "https://", 8);
}

/* RFC 6454 §6.2, as browsers send it: scheme://host[:port], nothing behind it, or null. */
static bool are_origins(const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *host = strstr(list->items[i], "://");
		if (strcmp(list->items[i], "null") != 0 &&
		    (!host || host == list->items[i] || !host[3] || strpbrk(host + 3, "/?#@ ")))
			return false;
	}
	return true;
}

/* RFC 7064, RFC 7065: scheme "stun:" or "stuns:". They end up within <> of a Link field. */
static bool are_ice_servers(const struct option_list *list, const char *scheme)
{
	const size_t len = strlen(scheme);
	for (size_t i = 0; i < list->count; i++) {
		const char *uri = list->items[i];
		if (strncmp(uri, scheme, len) != 0)
			return false;
		const char *rest = uri + len + (uri[len] == 's');
		if (rest[0] != ':' || !rest[1] || strlen(uri) > CONFIG_ICE_URI_MAX)
			return false;
		for (; *rest; rest++)
			if (*rest <= ' ' || *rest > '~' || strchr("<>\"\\", *rest))
				return false;
	}
	return true;
}

static int judge_ice_servers(const struct config *config, struct option_error *error)
{
	if (!are_ice_servers(&config->stun, "stun"))
		return fail(error, "--stun: not of the form stun:HOST:PORT");
	if (!are_ice_servers(&config->turn, "turn"))
		return fail(error, "--turn: not of the form turn:HOST:PORT?transport=udp");
	if (config->turn.count && !config->turn_secret)
		return fail(error, "--turn: needs --turn-secret");
	if (config->stun.count + config->turn.count > SDP_ICE_SERVERS_MAX)
		return fail(error, "--stun, --turn: at most 8 of both");
	return 0;
}

/* Found out before anything is started. */
static int judge_files(const struct config *config, struct option_error *error)
{
	const struct {
		const char *option, *path;
	} files[] = {
		{ "tls-cert", config->tls_cert },
		{ "tls-key", config->tls_key },
		{ "jwt-public-key", config->jwt_public_key },
		{ "relay-ca", config->relay_ca },
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i].path || !access(files[i].path, R_OK))
			continue;
		snprintf(error->text, sizeof(error->text), "--%s: %.180s: %s", files[i].option,
			 files[i].path, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

static int judge(struct config *config, struct option_error *error)
{
	const bool pair = config->tls_cert && config->tls_key;
	if (config->https.len && !pair)
		return fail(error, "--https: needs --tls-cert and --tls-key");
	if (config->rtmps.len && !pair)
		return fail(error, "--rtmps: needs --tls-cert and --tls-key");
	if (config->rtmp_overflow_url && strncmp(config->rtmp_overflow_url, "rtmp://", 7) != 0 &&
	    strncmp(config->rtmp_overflow_url, "rtmps://", 8) != 0)
		return fail(error, "--rtmp-overflow-url: must start with rtmp:// or rtmps://");
	for (size_t i = 0; i < config->advertise.count; i++) {
		struct addr addr;
		if (addr_set(&addr, config->advertise.items[i], 1) || addr_is_any(&addr))
			return fail(error, "--advertise: not an IP address");
	}
	for (size_t i = 0; i < config->trust_proxy.count; i++)
		if (proxies_add(&config->proxies, config->trust_proxy.items[i]))
			return fail(error,
				    "--trust-proxy: not of the form 10.0.0.0/8 or 2001:db8::/32");
	if (ladder_parse(&config->ladder, config->ladder_text))
		return fail(error, "--ladder: not of the form 720p:2000,360p:600");
	if (!is_web_url(config->public_url))
		return fail(error, "--public-url: must start with http:// or https://");
	if (!are_origins(&config->allow_origin))
		return fail(error, "--allow-origin: not of the form https://HOST[:PORT]");
	if (!is_web_url(config->overflow_url))
		return fail(error, "--overflow-url: must start with http:// or https://");
	const int err = judge_ice_servers(config, error);
	return err ? err : judge_files(config, error);
}

int config_parse(struct config *config, int argc, char *const *argv, struct option_error *error)
{
	memset(config, 0, sizeof(*config));
	config->argc = argc;
	config->argv = argv;
	const int result = options_parse(&table, config, argc, argv, error);
	if (result == OPTION_RUN)
		return judge(config, error);
	return result;
}

int config_parse_again(struct config *fresh, const struct config *config,
		       struct option_error *error)
{
	return config_parse(fresh, config->argc, config->argv, error);
}

void config_compare(const struct config *config, const struct config *fresh,
		    void (*fn)(void *arg, const char *name), void *arg)
{
	options_compare(&table, config, fresh, fn, arg);
}

const char *config_encoder_preset(const struct config *config)
{
	return encoder_presets[config->encoder_preset];
}

void config_help(FILE *out)
{
	options_help(&table, out);
}

void config_manual(FILE *out)
{
	options_manual(&table, out);
}

void config_finish(struct config *config)
{
	options_free(&table, config);
}
