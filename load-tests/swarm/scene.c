#include "load-tests/swarm/scene.h"

#include "load-tests/swarm/data_channel.h"
#include "signaling/dtls.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FAILURES_SHOWN = 10 };

static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The address that the system would send from: connecting a UDP socket sends nothing. */
static int find_local(struct addr *local, const struct addr *server)
{
	int err = 0;
	const int fd = socket(server->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	local->len = sizeof(local->ss);
	if (connect(fd, (const struct sockaddr *)&server->ss, server->len) ||
	    getsockname(fd, (struct sockaddr *)&local->ss, &local->len))
		err = -errno;
	close(fd);
	if (!err)
		addr_set_port(local, 0);
	return err;
}

int scene_init(struct scene *scene, const struct swarm_options *options)
{
	memset(scene, 0, sizeof(*scene));
	scene->options = options;
	clock_init(&scene->clock);
	raise_file_limit();
	int err = find_local(&scene->local, &options->server);
	if (!err)
		err = loop_create(&scene->loop, &scene->clock);
	if (!err)
		err = dtls_context_create(&scene->dtls);
	if (!err)
		err = udp_scratch_create(&scene->scratch, swarm_options_gro(options));
	if (!err && options->data_channel)
		err = data_channel_hub(&scene->sctp, scene->loop);
	return err;
}

void scene_finish(struct scene *scene)
{
	sctp_hub_destroy(scene->sctp);
	udp_scratch_destroy(scene->scratch);
	dtls_context_destroy(scene->dtls);
	loop_destroy(scene->loop);
}

void scene_failed(struct scene *scene, const char *what, const char *format, ...)
{
	if (scene->failures++ >= FAILURES_SHOWN)
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "souk-swarm: %s: ", what);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}
