/* The options of souk-publish. Values; one thread. */
#ifndef SOUK_LOAD_TESTS_PUBLISH_OPTIONS_H
#define SOUK_LOAD_TESTS_PUBLISH_OPTIONS_H

#include "load-tests/publish/link_header.h"
#include "server/core/addr.h"
#include "server/core/option.h"

#include <stdbool.h>

enum { PUBLISH_ICE_SERVERS_MAX = 8 };

enum trickle { TRICKLE_ON, TRICKLE_ALL, TRICKLE_OFF };

struct publish_options {
	char *url;
	char *token;
	char *file;
	char *pipeline;
	int64_t bitrate_kbps, min_kbps, max_kbps;
	int64_t key_interval_s;
	int64_t duration_s; /* 0: until the source ends */
	int trickle;
	char *bind_ip;
	struct option_list ice_uris;
	char *ice_user;
	char *ice_password;
	bool stats;
	bool control;
	bool insecure;

	/* derived */
	struct addr bind; /* len 0: not given */
	struct link_server servers[PUBLISH_ICE_SERVERS_MAX];
	unsigned server_count;
};

/* OPTION_RUN, OPTION_HELP, OPTION_VERSION or -EINVAL with `error`. */
int publish_options_parse(struct publish_options *options, int argc, char *const *argv,
			  struct option_error *error) __attribute__((warn_unused_result));
void publish_options_help(FILE *out);
void publish_options_finish(struct publish_options *options);

#endif
