/*
 * What soukd can be told: one row of a table for each option. Filled once at start, read by all
 * threads.
 */
#ifndef SOUK_SERVER_CONFIG_H
#define SOUK_SERVER_CONFIG_H

#include "media/ladder.h"
#include "server/core/addr.h"
#include "server/core/option.h"
#include "server/core/proxy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct config {
	int argc; /* what it was parsed from */
	char *const *argv;
	char *file;
	struct addr http, https, rtmp, rtmps, udp, admin; /* https, rtmps: len 0: not served */
	bool ice_tcp;
	char *tls_cert, *tls_key;
	struct option_list advertise; /* IPs in ICE candidates */
	char *public_url; /* without a slash at its end; NULL: relative URLs */
	struct option_list trust_proxy;
	struct proxies proxies; /* what it says */
	struct option_list allow_origin;
	struct option_list stun, turn; /* URIs of ICE servers, for clients */
	char *turn_secret; /* that the TURN servers know, too */
	char *overflow_url; /* another node, without a slash at its end; NULL: none */
	char *rtmp_overflow_url; /* where encoders are sent when this one ends; NULL: back here */
	struct option_list relay_hosts; /* to which hosts of rooms may relay */
	bool relay_private; /* relays may go to addresses that are not public */
	char *relay_ca; /* PEM, whom relays trust; NULL: the system's authorities */
	char *data_dir;
	char *web_dir;
	char *transcoder; /* path of souk-transcoder; NULL: beside soukd */
	char *encoder; /* GStreamer's element for rungs */
	int encoder_preset;
	char *ladder_text;
	struct ladder ladder; /* what it says */
	char *jwt_public_key;
	int64_t workers; /* 0: one a core */
	int64_t flv_batch_ms; /* what shares one write to an FLV viewer; 0: each picture has its own
			       */
	int64_t viewers_max; /* WebRTC and FLV viewers a worker admits */
	int64_t admit_load; /* percent of a worker's time that they may take; 100: all */
	int64_t guests_per_address; /* a minute; 0: without limit */
	int64_t record_days, record_mb; /* what recordings may become; 0: without limit */
	int64_t record_reserve_mb; /* of the disk that recordings leave alone */
	int log_level;
	int store_sync;
};

/* Of --public-url and --overflow-url: what follows must fit into a header field with them. */
enum { CONFIG_URL_MAX = 400 };

enum { STORE_SYNC_FULL, STORE_SYNC_NORMAL };

/* Parses the command line and the file it names, and judges what belongs together. As
 * options_parse(): enum option_result or -EINVAL; config_finish() in every case. */
int config_parse(struct config *config, int argc, char *const *argv, struct option_error *error);
/* The same command line and its file once more, as the file is now; config_finish() in every case.
 */
int config_parse_again(struct config *fresh, const struct config *config,
		       struct option_error *error);
void config_compare(const struct config *config, const struct config *fresh,
		    void (*fn)(void *arg, const char *name), void *arg);
const char *config_encoder_preset(const struct config *config); /* its name */
void config_help(FILE *out);
void config_manual(FILE *out);
void config_finish(struct config *config);

#endif
