#include "server/live_names.h"

#include "server/core/alloc.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_MAX = 80 };

static const char *key_of(char out[KEY_MAX], enum live_name_kind kind, const char *text)
{
	snprintf(out, KEY_MAX, "%d %s", (int)kind, text);
	return out;
}

struct list *live_names_find(const struct map *names, enum live_name_kind kind, const char *text)
{
	char key[KEY_MAX];
	return map_get_str(names, key_of(key, kind, text));
}

/* Clients make media names up: whoever gave one to a thousand players and a thousand sockets would
 * make each clock a million messages. */
static void keep_newest(struct list *all)
{
	unsigned count = 0;
	list_for_each (link, all)
		count++;
	if (count <= LIVE_SID_SHARERS_MAX)
		return;
	struct live_name *oldest = list_entry(all->next, struct live_name, link);
	list_remove(&oldest->link);
	oldest->all = NULL;
}

void live_name_set(struct map *names, struct live_name *name, enum live_name_kind kind,
		   const char *text)
{
	char key[KEY_MAX];
	struct list *all = live_names_find(names, kind, text);
	if (!all) {
		all = xcalloc(1, sizeof(*all));
		list_init(all);
		map_set_str(names, key_of(key, kind, text), all);
	}
	name->all = all;
	list_append(all, &name->link);
	if (kind == LIVE_SID || kind == FLV_SID || kind == RTC_SID)
		keep_newest(all);
}

void live_name_clear(struct map *names, struct live_name *name, enum live_name_kind kind,
		     const char *text)
{
	char key[KEY_MAX];
	if (!name->all)
		return;
	list_remove(&name->link);
	if (list_empty(name->all)) {
		map_remove_str(names, key_of(key, kind, text));
		free(name->all);
	}
	name->all = NULL;
}
