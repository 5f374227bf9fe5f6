/*
 * By what names the sessions of a room are reached: a live session by the subject of its token, its
 * own id and the media session it named, an FLV or WHEP viewer by its own sid. So a message for one
 * buyer is not a walk over all. Worker's thread.
 */
#ifndef SOUK_SERVER_LIVE_NAMES_H
#define SOUK_SERVER_LIVE_NAMES_H

#include "server/core/list.h"
#include "server/core/map.h"

enum live_name_kind {
	LIVE_SUBJECT,
	LIVE_SESSION,
	LIVE_SID,
	LIVE_NAMES,
	FLV_SID = LIVE_NAMES,
	RTC_SID
};

enum { LIVE_SID_SHARERS_MAX = 8 }; /* sessions that one media name reaches: the newest */

/* A session's place under one name; a member of it, zeroed at first. */
struct live_name {
	struct list link; // of all who have this name
	void *owner;
	struct list *all; /* NULL: not named */
};

/* `text` has at most 64 bytes. Clear the former name of the kind first. */
void live_name_set(struct map *names, struct live_name *name, enum live_name_kind kind,
		   const char *text);
/* With the text that was set; harmless when none was. */
void live_name_clear(struct map *names, struct live_name *name, enum live_name_kind kind,
		     const char *text);

/* Head of the live_name.link of those who have it; NULL: nobody. */
struct list *live_names_find(const struct map *names, enum live_name_kind kind, const char *text);

#endif
