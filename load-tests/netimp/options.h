/* What souk-netimp is asked for on its command line. A value; one thread. */
#ifndef SOUK_LOAD_TESTS_NETIMP_OPTIONS_H
#define SOUK_LOAD_TESTS_NETIMP_OPTIONS_H

#include "server/core/option.h"

#include <stdbool.h>

struct netimp_options {
	char *netns_a, *netns_b;
	char *addr_a, *addr_b;
	char *device;
	int64_t mtu;
	int64_t seed;
	struct option_list set; /* "DIRECTION KEY=VALUE..." */
	bool print_trace;
};

/* As options_parse(); free with netimp_options_finish() in every case. */
int netimp_options_parse(struct netimp_options *options, int argc, char *const *argv,
			 struct option_error *error) __attribute__((warn_unused_result));
void netimp_options_help(FILE *out);
void netimp_options_finish(struct netimp_options *options);

#endif
