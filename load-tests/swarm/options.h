/* What souk-swarm is asked for on its command line. A value; one thread. */
#ifndef SOUK_LOAD_TESTS_SWARM_OPTIONS_H
#define SOUK_LOAD_TESTS_SWARM_OPTIONS_H

#include "server/core/addr.h"
#include "server/core/option.h"

#include <stdbool.h>

struct swarm_options {
	char *server_url;
	struct addr server; /* of server_url */
	char *room;
	char *token; /* for viewers; NULL in a public room */
	int64_t whep, flv, buyers; /* how many */
	int64_t orders_per_s;
	char *sku;
	int64_t duration_s;
	int64_t ramp; /* joins a second */
	int gro; /* index: on, off */
	int64_t decrypt; /* WHEP viewers that open what they get */
	bool data_channel;
	char *tokens; /* FILE */
	char *acks; /* FILE */
	char *json; /* FILE */
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

#endif
