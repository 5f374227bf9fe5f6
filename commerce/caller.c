#include "commerce/caller.h"

#include <string.h>

bool caller_in_room(const struct caller *caller, const char *room)
{
	return strcmp(caller->room, "*") == 0 || strcmp(caller->room, room) == 0;
}
