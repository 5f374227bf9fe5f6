#include "server/app.h"

#include "server/admin.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/json.h"
#include "server/core/listener.h"
#include "server/core/loop.h"
#include "server/core/metrics.h"
#include "server/core/mqueue.h"
#include "server/core/tls.h"
#include "server/files.h"
#include "server/worker.h"
#include "signaling/dtls.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <event2/event.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DRAIN_CHECK_US = 100000, DRAIN_MIN_CHECKS = 5, DRAIN_MAX_CHECKS = 100, END_ROUNDS = 4 };

/* What only app_run() needs. */
struct running {
	struct app *app;
	struct admin *admin;
	struct event *signals;
	int signal_fd;
	struct timer drain;
	int checks;
};

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
	if (mkdir(config->data_dir, 0700) && errno != EEXIST)
		return fail(app, "cannot make the data directory", -errno);
	int err = jwt_key_load_or_create(config->data_dir, app->jwt_key);
	if (err)
		return fail(app, "cannot read or make jwt.key", err);
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
	if (!config->https.len)
		return 0;
	err = tls_context_create(&app->tls, config->tls_cert, config->tls_key);
	return err ? fail(app, "cannot use --tls-cert and --tls-key", err) : 0;
}

static void add_address(struct app *app, const char *ip)
{
	if (app->address_count < APP_ADDRESSES_MAX &&
	    addr_set(&app->addresses[app->address_count], ip, 0) == 0)
		app->address_count++;
}

/* All of this machine's IPv4 addresses, loopback last. */
static void add_own_addresses(struct app *app)
{
	struct ifaddrs *all;
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET)
			continue;
		struct addr addr = { .len = sizeof(struct sockaddr_in) };
		char ip[ADDR_TEXT];
		memcpy(&addr.ss, at->ifa_addr, sizeof(struct sockaddr_in));
		addr_format_ip(&addr, ip);
		if (strncmp(ip, "127.", 4) != 0)
			add_address(app, ip);
	}
	freeifaddrs(all);
	add_address(app, "127.0.0.1");
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
		add_own_addresses(app);
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
	free(web);
	return err;
}

/* Thousands of viewers are thousands of descriptors. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
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

static int start_threads(struct app *app)
{
	for (unsigned i = 0; i < app->worker_count; i++) {
		mqueue_run(app->workers[i]->queue); /* the rooms, before the first request */
		const int err = worker_start(app->workers[i]);
		if (err)
			return fail(app, "cannot start a thread", err);
	}
	return 0;
}

static json_t *addr_json(const struct addr *addr)
{
	char text[ADDR_TEXT];
	if (!addr)
		return json_null();
	addr_format(addr, text);
	return json_string(text);
}

static void print_ready(const struct running *running)
{
	const struct app *app = running->app;
	const struct worker *first = app->workers[0];
	json_t *udp = json_array();
	for (unsigned i = 0; i < app->worker_count; i++)
		json_array_append_new(udp, addr_json(udp_port_addr(app->workers[i]->udp)));
	json_t *ready = json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "http", addr_json(listener_addr(first->http_listener)),
		"https",
		addr_json(first->https_listener ? listener_addr(first->https_listener) : NULL),
		"rtmp", addr_json(listener_addr(first->rtmp_listener)), "udp", udp, "admin",
		addr_json(admin_addr(running->admin)));
	char *text = json_text(ready);
	printf("ready %s\n", text);
	fflush(stdout);
	free(text);
	json_decref(ready);
}

static void on_drain_check(void *arg)
{
	struct running *running = arg;
	running->checks++;
	const bool idle = control_idle(running->app->control);
	if ((idle && running->checks >= DRAIN_MIN_CHECKS) || running->checks >= DRAIN_MAX_CHECKS)
		loop_stop(running->app->loop);
	else
		timer_start(&running->drain, DRAIN_CHECK_US);
}

static void drain(struct running *running)
{
	struct app *app = running->app;
	if (atomic_exchange(&app->draining, true)) {
		loop_stop(app->loop); /* asked twice: now */
		return;
	}
	log_info(&app->log, "draining");
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_drain(app->workers[i]);
	timer_start(&running->drain, DRAIN_CHECK_US);
}

static void reload(struct app *app)
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

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct running *running = arg;
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(running->app);
		else
			drain(running);
	}
}

/* Before any thread exists, so that none of them is interrupted. */
static int open_signals(struct running *running)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	running->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return running->signal_fd < 0 ? -errno : 0;
}

static int watch_signals(struct running *running)
{
	running->signals = event_new(loop_base(running->app->loop), running->signal_fd,
				     EV_READ | EV_PERSIST, on_signal, running);
	return running->signals && event_add(running->signals, NULL) == 0 ? 0 : -ENOMEM;
}

static int start(struct running *running)
{
	struct app *app = running->app;
	int err = open_signals(running);
	if (!err)
		err = logger_create(&app->logger, STDERR_FILENO,
				    (enum log_level)app->config.log_level);
	if (err)
		return err;
	log_init_root(&app->log, app->logger);
	clock_init(&app->clock);
	raise_descriptor_limit();
	find_addresses(app);
	err = metrics_create(&app->metrics);
	if (!err)
		err = load_keys(app);
	if (!err)
		err = load_certificates(app);
	if (!err)
		err = load_files(app);
	if (!err)
		err = create_threads(app);
	if (!err)
		err = watch_signals(running);
	if (!err)
		err = admin_create(&running->admin, app);
	if (!err)
		err = start_threads(app);
	return err;
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

static void end(struct running *running, bool threads_run)
{
	struct app *app = running->app;
	for (unsigned i = 0; threads_run && i < app->worker_count; i++)
		worker_stop(app->workers[i]);
	timer_stop(&running->drain);
	admin_destroy(running->admin);
	settle_queues(app);
	control_destroy(app->control);
	settle_queues(app);
	mqueue_destroy(app->control_queue);
	for (unsigned i = 0; i < app->worker_count; i++)
		worker_destroy(app->workers[i]);
	if (running->signals)
		event_free(running->signals);
	if (running->signal_fd >= 0)
		close(running->signal_fd);
	if (app->loop)
		loop_poll(app->loop);
	loop_destroy(app->loop);
	files_destroy(app->files);
	tls_context_unref(app->tls);
	dtls_context_destroy(app->dtls);
	jwt_keys_destroy(app->jwt_keys);
	metrics_destroy(app->metrics);
	logger_destroy(app->logger);
}

int app_run(struct app *app)
{
	struct running running = { .app = app, .signal_fd = -1 };
	const int err = start(&running);
	if (!err) {
		timer_init(&running.drain, app->loop, on_drain_check, &running);
		print_ready(&running);
		loop_run(app->loop);
		log_info(&app->log, "ending");
	}
	end(&running, !err);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
