#include "server/app.h"

#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "server/core/metrics.h"
#include "server/core/mqueue.h"
#include "server/core/tls.h"
#include "server/files.h"
#include "server/record.h"
#include "server/replay.h"
#include "server/worker.h"
#include "signaling/dtls.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { END_ROUNDS = 4 };

uint64_t app_next_id(struct app *app)
{
	return atomic_fetch_add(&app->next_id, 1) + 1;
}

static int fail(struct app *app, const char *what, int err)
{
	log_error(&app->log, "%s reason=%s", what, strerror(-err));
	return err;
}

static int load_public_key(struct app *app)
{
	char pem[8192];
	FILE *file = fopen(app->config.jwt_public_key, "re");
	if (!file)
		return fail(app, "cannot read --jwt-public-key", -errno);
	const size_t len = fread(pem, 1, sizeof(pem), file);
	fclose(file);
	const int err = jwt_keys_add_es256(app->jwt_keys, pem, len);
	return err ? fail(app, "--jwt-public-key holds no P-256 key", err) : 0;
}

static int load_keys(struct app *app)
{
	const struct config *config = &app->config;
	if (mkdir(config->data_dir, 0700) && errno != EEXIST) {
		const int err = -errno;
		log_error(&app->log, "cannot make the data directory dir=%s reason=%s",
			  config->data_dir, strerror(-err));
		return err;
	}
	int err = jwt_key_load_or_create(config->data_dir, app->jwt_key);
	if (err) {
		log_error(&app->log, "cannot read or make the key file=%s/jwt.key reason=%s",
			  config->data_dir, strerror(-err));
		return err;
	}
	err = jwt_keys_create(&app->jwt_keys);
	if (!err)
		err = jwt_keys_add_hs256(app->jwt_keys, app->jwt_key);
	if (!err && config->jwt_public_key)
		err = load_public_key(app);
	return err;
}

static int load_certificates(struct app *app)
{
	const struct config *config = &app->config;
	int err = dtls_context_create(&app->dtls);
	if (err)
		return fail(app, "cannot make a DTLS certificate", err);
	err = tls_client_create(&app->relay_tls, config->relay_ca);
	if (err)
		return fail(app, "cannot use --relay-ca", err);
	if (!config->https.len && !config->rtmps.len)
		return 0;
	err = tls_context_create(&app->tls, config->tls_cert, config->tls_key);
	if (err)
		log_error(&app->log, "cannot use --tls-cert %s with --tls-key %s reason=%s",
			  config->tls_cert, config->tls_key, strerror(-err));
	return err;
}

static void add_address(struct app *app, const char *ip)
{
	if (app->address_count < APP_ADDRESSES_MAX &&
	    addr_set(&app->addresses[app->address_count], ip, 0) == 0)
		app->address_count++;
}

/* Those of one family, but loopback and, since candidates name no interface, link-local ones. */
static void add_family(struct app *app, const struct ifaddrs *all, int family)
{
	const socklen_t len =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (!at->ifa_addr || at->ifa_addr->sa_family != family)
			continue;
		struct addr addr = { .len = len };
		char ip[ADDR_TEXT];
		memcpy(&addr.ss, at->ifa_addr, len);
		addr_format_ip(&addr, ip);
		if (!addr_is_loopback(&addr) && strncmp(ip, "fe80:", 5) != 0)
			add_address(app, ip);
	}
}

/* All of this machine's addresses that `bound` serves, loopback last. IPv6 goes first (RFC 8421
 * §4): it needs no NAT. */
static void add_own_addresses(struct app *app, const struct addr *bound)
{
	const bool both = bound->ss.ss_family == AF_INET6;
	struct ifaddrs *all;
	if (getifaddrs(&all))
		return;
	if (both)
		add_family(app, all, AF_INET6);
	add_family(app, all, AF_INET);
	freeifaddrs(all);
	add_address(app, "127.0.0.1");
	if (both)
		add_address(app, "::1");
}

static void find_addresses(struct app *app)
{
	const struct config *config = &app->config;
	char ip[ADDR_TEXT];
	for (size_t i = 0; i < config->advertise.count; i++)
		add_address(app, config->advertise.items[i]);
	if (app->address_count)
		return;
	if (addr_is_any(&config->udp)) {
		add_own_addresses(app, &config->udp);
		return;
	}
	addr_format_ip(&config->udp, ip);
	add_address(app, ip);
}

static int load_files(struct app *app)
{
	char self[4096];
	const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	char *web = app->config.web_dir ? xstrdup(app->config.web_dir)
					: xasprintf("%s/../../../web/dist", self);
	const int err = files_load(&app->files, web, app->config.data_dir, &app->log);
	if (!err && !files_find(app->files, "index.html"))
		log_warn(&app->log, "no web apps, their pages are 404 dir=%s", web);
	free(web);
	return err;
}

static int create_threads(struct app *app)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t count = app->config.workers ? app->config.workers : cores;
	if (count < 1)
		count = 1;
	if (count > APP_WORKERS_MAX)
		count = APP_WORKERS_MAX;
	int err = loop_create(&app->loop, &app->clock);
	if (!err)
		err = mqueue_create(&app->control_queue, app->loop, CONTROL_QUEUE_MAX);
	for (unsigned i = 0; !err && i < count; i++) {
		err = worker_create(&app->workers[i], app, i);
		if (!err)
			app->worker_count++;
	}
	if (!err)
		err = control_create(&app->control, app);
	return err;
}

static int create_log(struct app *app)
{
	const int err =
		logger_create(&app->logger, STDERR_FILENO, (enum log_level)app->config.log_level);
	if (!err)
		log_init_root(&app->log, app->logger);
	return err;
}

int app_create(struct app *app)
{
	clock_init(&app->clock);
	int err = create_log(app);
	if (err)
		return err;
	find_addresses(app);
	err = metrics_create(&app->metrics);
	if (err)
		return err;
	counters_init(&app->counters, app->metrics);
	err = load_keys(app);
	if (!err)
		err = load_certificates(app);
	if (!err)
		err = load_files(app);
	if (!err)
		err = recorder_create(&app->recorder, app);
	if (!err)
		err = replay_desk_create(&app->replay, app);
	if (!err)
		err = create_threads(app);
	return err;
}

int app_start(struct app *app)
{
	for (unsigned i = 0; i < app->worker_count; i++)
		mqueue_run(app->workers[i]->queue); /* the rooms, before the first request */
	for (unsigned i = 0; i < app->worker_count; i++) {
		const int err = worker_start(app->workers[i]);
		if (err)
			return fail(app, "cannot start a thread", err);
	}
	return 0;
}

/* Workers read most of the rest at any time: it stays as it is while they run. */
static void on_changed(void *arg, const char *name)
{
	const struct app *app = arg;
	if (strcmp(name, "log-level") != 0)
		log_warn(&app->log, "option changed, needs a restart name=%s", name);
}

static void reload_options(struct app *app)
{
	struct config fresh;
	struct option_error error;
	if (config_parse_again(&fresh, &app->config, &error) != OPTION_RUN) {
		log_error(&app->log, "options not reloaded, the old ones stay why=\"%s\"",
			  error.text);
	} else {
		config_compare(&app->config, &fresh, on_changed, app);
		if (fresh.log_level != app->config.log_level)
			log_info(&app->log, "option reloaded name=log-level");
		app->config.log_level = fresh.log_level;
		logger_set_level(app->logger, (enum log_level)fresh.log_level);
	}
	config_finish(&fresh);
}

static void reload_certificate(struct app *app)
{
	struct tls_context *fresh;
	if (!app->tls)
		return;
	if (tls_context_reload(&fresh, app->tls)) {
		log_error(&app->log, "certificate not reloaded, the old one stays");
		return;
	}
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_set_tls(app->workers[i], fresh);
	tls_context_unref(app->tls);
	app->tls = fresh;
	log_info(&app->log, "certificate reloaded");
}

void app_reload(struct app *app)
{
	reload_options(app);
	reload_certificate(app);
}

void app_drain(struct app *app)
{
	atomic_store(&app->draining, true);
	log_info(&app->log, "draining");
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_drain(app->workers[i]);
}

bool app_settled(const struct app *app)
{
	return atomic_load(&app->calls) == 0 && control_idle(app->control);
}

/* Messages may answer messages: some rounds until nobody has anything to say. */
static void settle_queues(struct app *app)
{
	for (int round = 0; round < END_ROUNDS; round++) {
		if (app->control)
			mqueue_run(app->control_queue);
		for (unsigned i = 0; i < app->worker_count; i++)
			mqueue_run(app->workers[i]->queue);
	}
}

void app_destroy(struct app *app)
{
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_stop(app->workers[i]);
	replay_desk_stop(app->replay); /* its answers go to the workers' queues */
	settle_queues(app);
	control_destroy(app->control);
	settle_queues(app);
	mqueue_destroy(app->control_queue);
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_destroy(app->workers[i]);
	recorder_destroy(app->recorder);
	replay_desk_destroy(app->replay);
	if (app->loop)
		loop_poll(app->loop);
	loop_destroy(app->loop);
	files_destroy(app->files);
	tls_context_unref(app->tls);
	tls_context_unref(app->relay_tls);
	dtls_context_destroy(app->dtls);
	jwt_keys_destroy(app->jwt_keys);
	metrics_destroy(app->metrics);
	logger_destroy(app->logger);
}
