#include "load-tests/swarm/figures.h"

#include "load-tests/swarm/flv_viewer.h"
#include "load-tests/swarm/whep_viewer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PORTS = 65536, LINE_LEN = 512 };

/* /proc/net/udp: "sl local:port remote:port st … drops". */
static uint64_t drops_in(const char *path, const bool ours[PORTS])
{
	char line[LINE_LEN];
	uint64_t sum = 0;
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		const char *drops = strrchr(line, ' ');
		while (drops && drops > line && drops[1] == '\n') {
			line[drops - line] = '\n';
			line[drops - line + 1] = '\0';
			drops = strrchr(line, ' ');
		}
		const char *colon = strchr(line, ':');
		colon = colon ? strchr(colon + 1, ':') : NULL;
		const unsigned long port = colon ? strtoul(colon + 1, NULL, 16) : 0;
		if (port && port <= UINT16_MAX && ours[port] && drops)
			sum += strtoull(drops, NULL, 10);
	}
	if (file)
		fclose(file);
	return sum;
}

static uint64_t receive_drops(const bool ours[PORTS])
{
	return drops_in("/proc/net/udp", ours) + drops_in("/proc/net/udp6", ours);
}

void figures_of_whep(struct viewer_figures *out, struct whep_viewer *const *viewers, size_t count)
{
	bool ours[PORTS] = { false };
	memset(out, 0, sizeof(*out));
	out->asked = count;
	for (size_t i = 0; i < count; i++) {
		struct whep_figures figures;
		whep_viewer_figures(viewers[i], &figures);
		out->joined += figures.joined;
		out->ended += figures.ended;
		out->units += figures.packets;
		out->bytes += figures.bytes;
		out->messages += figures.messages;
		out->lost += rtp_track_lost(&figures.video) + rtp_track_lost(&figures.audio);
		out->misordered += figures.video.repeated + figures.audio.repeated;
		if (figures.joined)
			histogram_add(&out->silence, figures.video.silence_us);
		ours[figures.port] = figures.port != 0;
	}
	out->receive_drops = count ? receive_drops(ours) : 0;
}

void figures_of_flv(struct viewer_figures *out, struct flv_viewer *const *viewers, size_t count)
{
	memset(out, 0, sizeof(*out));
	out->asked = count;
	for (size_t i = 0; i < count; i++) {
		struct flv_figures figures;
		flv_viewer_figures(viewers[i], &figures);
		const struct flv_reader *reader = figures.reader;
		out->joined += reader->video > 0;
		out->ended += figures.ended || reader->bad;
		out->units += reader->video;
		out->bytes += figures.bytes;
		out->lost += reader->gaps;
		out->misordered += reader->backward;
		out->messages += reader->script;
		if (reader->video)
			histogram_add(&out->silence, figures.silence_us);
	}
}

int64_t figures_cpu_us(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
	       usage.ru_stime.tv_usec;
}
