#include "load-tests/swarm/drops.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LEN = 512 };

void drops_begin(struct drops *drops)
{
	memset(drops, 0, sizeof(*drops));
}

void drops_watch(struct drops *drops, uint16_t port)
{
	if (port)
		drops->ports[port / 64] |= 1ull << (port % 64);
}

static bool is_ours(const struct drops *drops, unsigned long port)
{
	return port && port < DROPS_PORTS && drops->ports[port / 64] >> (port % 64) & 1;
}

/* "  sl: local:port remote:port … drops". */
static uint64_t count_line(const struct drops *drops, char *line)
{
	char *colon = strchr(line, ':');
	colon = colon ? strchr(colon + 1, ':') : NULL;
	if (!colon || !is_ours(drops, strtoul(colon + 1, NULL, 16)))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	size_t len = strlen(line);
	while (len && line[len - 1] == ' ')
		line[--len] = '\0';
	const char *last = strrchr(line, ' ');
	return last ? strtoull(last, NULL, 10) : 0;
}

static uint64_t count_file(const struct drops *drops, const char *path)
{
	char line[LINE_LEN];
	uint64_t sum = 0;
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sum += count_line(drops, line);
	if (file)
		fclose(file);
	return sum;
}

uint64_t drops_count(const struct drops *drops)
{
	return count_file(drops, "/proc/net/udp") + count_file(drops, "/proc/net/udp6");
}
