#include "load-tests/netimp/options.h"

#include "load-tests/netimp/control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { MTU_MIN = 576, MTU_MAX = 9000, NETNS_MAX = 255, DEVICE_MAX = 15, SEED_MAX = 1000000000 };

#define AT(member) offsetof(struct netimp_options, member)

static const struct option_row rows[] = {
	{ "a", OPTION_STRING, 1, NETNS_MAX, NULL, "NETNS",
	  "Namespace of end a: a name of \"ip netns\", or a path such as /proc/1/ns/net.",
	  AT(netns_a), NULL },
	{ "b", OPTION_STRING, 1, NETNS_MAX, NULL, "NETNS", "Namespace of end b.", AT(netns_b),
	  NULL },
	{ "a-addr", OPTION_STRING, 7, 15, "10.99.0.1", "IP", "IPv4 address of end a.", AT(addr_a),
	  NULL },
	{ "b-addr", OPTION_STRING, 7, 15, "10.99.0.2", "IP", "IPv4 address of end b.", AT(addr_b),
	  NULL },
	{ "device", OPTION_STRING, 1, DEVICE_MAX, "souk0", "NAME",
	  "Name of the TUN device in both namespaces.", AT(device), NULL },
	{ "mtu", OPTION_INT, MTU_MIN, MTU_MAX, "1500", "bytes", "Largest IP packet.", AT(mtu),
	  NULL },
	{ "seed", OPTION_INT, 0, SEED_MAX, "1", NULL,
	  "The same seed does the same to the same packets.", AT(seed), NULL },
	{ "set", OPTION_LIST, 1, CONTROL_LINE_MAX - 4, NULL, "\"DIRECTION KEY=VALUE...\"",
	  "As the line below, in force from the first packet on.", AT(set), NULL },
	{ "print-trace", OPTION_BOOL, 0, 0, NULL, NULL,
	  "Prints the 5g trace of this seed and leaves; needs no namespaces.", AT(print_trace),
	  NULL },
};

static const struct option_table table = {
	.usage = "souk-netimp --a NETNS --b NETNS [options]",
	.about =
		"A bad network between two network namespaces, over a TUN device in each, whose names and "
		"addresses it makes and takes away with it. Prints \"ready {...}\" when packets can "
		"flow; ends with its standard input. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN. Exit "
		"status 0: ended as asked; 1: failed; 2: bad usage; 77: privileges are missing.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

int netimp_options_parse(struct netimp_options *options, int argc, char *const *argv,
			 struct option_error *error)
{
	memset(options, 0, sizeof(*options));
	const int result = options_parse(&table, options, argc, argv, error);
	if (result != OPTION_RUN || options->print_trace)
		return result;
	const char *missing = !options->netns_a ? "--a" : !options->netns_b ? "--b" : NULL;
	if (!missing)
		return OPTION_RUN;
	snprintf(error->text, sizeof(error->text), "%s: the namespace is missing", missing);
	return -EINVAL;
}

void netimp_options_help(FILE *out)
{
	options_help(&table, out);
	control_help(out);
}

void netimp_options_finish(struct netimp_options *options)
{
	options_free(&table, options);
}
