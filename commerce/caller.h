/* Who asks: what a verified token said. A value; any thread. */
#ifndef SOUK_COMMERCE_CALLER_H
#define SOUK_COMMERCE_CALLER_H

#include <stdbool.h>

enum { SUB_MAX = 64 };

/* Each role includes those before it. */
enum role { ROLE_VIEWER, ROLE_MODERATOR, ROLE_ASSISTANT, ROLE_HOST, ROLE_ADMIN };

struct caller {
	char sub[SUB_MAX + 1];
	char room[65]; /* the room its token is for; "*" for all */
	enum role role;
};

/* The caller's token is for this room. */
bool caller_in_room(const struct caller *caller, const char *room);

#endif
