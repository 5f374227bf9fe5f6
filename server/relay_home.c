#include "server/relay_home.h"

#include "server/core/alloc.h"
#include "server/room_view.h"

#include <stdlib.h>
#include <string.h>

struct relay_home {
	struct relay *relays[RELAYS_MAX];
	size_t count;
};

/* The one that pushes to there, taken out; or NULL. */
static struct relay *take(struct relay_home *home, const struct relay_url *url)
{
	for (size_t i = 0; i < home->count; i++) {
		struct relay *relay = home->relays[i];
		if (!relay || strcmp(relay_url(relay)->text, url->text) != 0)
			continue;
		home->relays[i] = NULL;
		return relay;
	}
	return NULL;
}

void relay_home_set(struct room_view *view, const struct relay_list *list)
{
	struct relay_home *old = view->relays;
	struct relay_home *home = xcalloc(1, sizeof(*home));
	for (; home->count < list->count; home->count++) {
		struct relay **to = &home->relays[home->count];
		*to = old ? take(old, &list->urls[home->count]) : NULL;
		if (!*to)
			relay_create(to, view, &list->urls[home->count]);
	}
	view->relays = home;
	relay_home_destroy(old);
	relay_home_update(view);
}

void relay_home_update(struct room_view *view)
{
	const enum room_state state = view->snapshot->state;
	for (size_t i = 0; view->relays && i < view->relays->count; i++)
		relay_run(view->relays->relays[i], state == ROOM_LIVE || state == ROOM_LOST);
}

size_t relay_home_report(const struct room_view *view, struct relay_report out[RELAYS_MAX])
{
	const struct relay_home *home = view->relays;
	for (size_t i = 0; home && i < home->count; i++) {
		relay_url_copy(&out[i].url, relay_url(home->relays[i]));
		relay_status(home->relays[i], &out[i].status);
	}
	return home ? home->count : 0;
}

void relay_home_destroy(struct relay_home *home)
{
	if (!home)
		return;
	for (size_t i = 0; i < home->count; i++)
		relay_destroy(home->relays[i]);
	free(home);
}
