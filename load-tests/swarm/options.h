/* What souk-swarm is asked for on its command line and in a scenario's file. A value; one thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_OPTIONS_H
#define SOUK_LOAD_TESTS_SWARM_OPTIONS_H

#include "load-tests/swarm/limits.h"
#include "load-tests/swarm/target.h"
#include "server/core/option.h"

struct swarm_options {
	char *scenario; /* FILE */
	/* where */
	struct option_list servers, rtmp, whep_urls, janus_urls;
	struct target *targets; /* of servers and rtmp */
	size_t target_count;
	struct target *whep_targets; /* of whep_urls and janus_urls */
	size_t whep_target_count;
	char *room;
	int64_t rooms;
	char *token, *host_token, *admin_token;
	/* who */
	int64_t whep, flv, ws, whip_hosts, rtmp_hosts; /* how many */
	int64_t buyers, buyers_ws, buyers_dc;
	struct option_list media; /* FILEs that hosts send */
	int64_t orders_per_s;
	char *sku;
	int64_t stock;
	int64_t pin_every_s; /* 0: never */
	bool data_channel;
	/* when */
	int64_t duration_s;
	int64_t lead_s; /* of the hosts */
	int64_t ramp; /* joins a second */
	int64_t stay_s, rejoin_s; /* means; stay 0: for good */
	int64_t vanish; /* percent of those who leave */
	/* how */
	int gro; /* index: on, off */
	int64_t decrypt; /* WHEP viewers that open what they get */
	char *tokens, *acks; /* FILEs */
	/* result */
	char *json, *html; /* FILEs */
	char *limits[LIMITS]; /* as typed; NULL: not asked for */
};

/* As options_parse(); free with swarm_options_finish() in every case. */
int swarm_options_parse(struct swarm_options *options, int argc, char *const *argv,
			struct option_error *error) __attribute__((warn_unused_result));
void swarm_options_help(FILE *out);
void swarm_options_finish(struct swarm_options *options);

static inline bool swarm_options_gro(const struct swarm_options *options)
{
	return options->gro == 0;
}

static inline int64_t swarm_options_buyers(const struct swarm_options *options)
{
	return options->buyers + options->buyers_ws + options->buyers_dc;
}

/* The name of a room: ROOM, or ROOM-1 … ROOM-N. The caller frees it. */
char *swarm_options_room(const struct swarm_options *options, size_t index);

#endif
