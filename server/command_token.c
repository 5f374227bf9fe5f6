#include "server/command.h"

#include "server/core/jwt.h"
#include "server/core/option.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct token_options {
	char *data, *room, *sub;
	int role;
	int64_t ttl_s, count;
};

static const char *const roles[] = { "viewer", "moderator", "assistant", "host", "admin", NULL };

#define AT(member) offsetof(struct token_options, member)

static const struct option_row rows[] = {
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR", "Data directory whose key signs.",
	  AT(data), NULL },
	{ "room", OPTION_STRING, 1, 64, NULL, "ROOM", "Room, or * for an admin.", AT(room), NULL },
	{ "role", OPTION_ENUM, 0, 0, "viewer", NULL, "What the holder may do.", AT(role), roles },
	{ "sub", OPTION_STRING, 1, 64, NULL, "NAME", "Who the holder is.", AT(sub), NULL },
	{ "ttl", OPTION_DURATION, 1, 10LL * 365 * 86400, "1h", "s", "How long it is valid.",
	  AT(ttl_s), NULL },
	{ "count", OPTION_INT, 0, 1000000, "0", NULL,
	  "Prints tokens for NAME-1 to NAME-N, one a line.", AT(count), NULL },
};

static const struct option_table table = {
	.usage = "soukd token --data DIR --room R --role ROLE --sub NAME [--ttl 1h] [--count N]",
	.about = "Prints access tokens; works while a server runs.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int print_token(const uint8_t *key, const struct jwt_claims *claims)
{
	char *token = jwt_sign(key, claims);
	if (!token)
		return command_usage("token", "room, role and sub do not make a token: see --help");
	puts(token);
	free(token);
	return 0;
}

static int print_tokens(const struct token_options *options, const uint8_t *key)
{
	struct jwt_claims claims = {
		.role = (enum jwt_role)options->role,
		.exp_s = (int64_t)time(NULL) + options->ttl_s,
	};
	snprintf(claims.room, sizeof(claims.room), "%s", options->room);
	if (!options->count) {
		snprintf(claims.sub, sizeof(claims.sub), "%s", options->sub);
		return print_token(key, &claims);
	}
	for (int64_t i = 1; i <= options->count; i++) {
		const int len = snprintf(claims.sub, sizeof(claims.sub), "%s-%lld", options->sub,
					 (long long)i);
		if (len >= (int)sizeof(claims.sub))
			return command_usage("token", "--sub is too long to be numbered");
		if (print_token(key, &claims))
			return 2;
	}
	return 0;
}

static int run(const void *arg)
{
	const struct token_options *options = arg;
	uint8_t key[JWT_KEY_SIZE];
	if (!options->room || !options->sub)
		return command_usage("token", "--room and --sub are needed");
	if (!strcmp(options->room, "*") && options->role != JWT_ADMIN)
		return command_usage("token", "--room: * is for --role admin alone");
	if (strcmp(options->room, "*") != 0 && !jwt_room_valid(options->room))
		return command_usage("token", "--room: not of the form [A-Za-z0-9_-]{1,64}");
	if (!jwt_sub_valid(options->sub))
		return command_usage("token", "--sub: not of the form [A-Za-z0-9_.:-]{1,64}");
	if (mkdir(options->data, 0700) && errno != EEXIST) {
		fprintf(stderr, "soukd token: %s: %s\n", options->data, strerror(errno));
		return 1;
	}
	const int err = jwt_key_load_or_create(options->data, key);
	if (err) {
		fprintf(stderr, "soukd token: %s/jwt.key: %s\n", options->data, strerror(-err));
		return 1;
	}
	return print_tokens(options, key);
}

int command_token(int argc, char **argv)
{
	struct token_options options = { 0 };
	return command_main(&(struct command){ "token", &table, run }, &options, argc, argv);
}
