#include "server/transcoders.h"

#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/alloc.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beside our own binary, unless the options say otherwise. */
static char *program_path(const struct config *config)
{
	char self[4096];
	if (config->transcoder)
		return xstrdup(config->transcoder);
	const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	return xasprintf("%s/souk-transcoder", self);
}

struct transcode_pool *transcoders_of(struct worker *worker)
{
	if (worker->transcoders)
		return worker->transcoders;
	char *path = program_path(&worker->app->config);
	const struct config *config = &worker->app->config;
	const struct transcode_program program = {
		.path = path,
		.encoder = config->encoder,
		.preset = config_encoder_preset(config),
	};
	const int err =
		transcode_pool_create(&worker->transcoders, worker->loop, &program, &worker->log);
	if (err)
		log_error(&worker->log, "cannot keep transcoders reason=%s", strerror(-err));
	free(path);
	return worker->transcoders;
}
