#include "server/core/log.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, RING_LINES = 1024 };

struct line {
	size_t len;
	char text[LINE_MAX_BYTES];
};

struct logger {
	pthread_mutex_t lock; /* guards ring, head, count, ending */
	pthread_cond_t filled;
	pthread_t thread;
	struct line *ring;
	size_t head;
	size_t count;
	bool ending;
	int fd;
	atomic_int level; /* enum log_level */
	atomic_uint_least64_t dropped;
};

static void write_all(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t done = write(fd, text, len);
		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		}
	}
}

static void *write_lines(void *arg)
{
	struct logger *logger = arg;
	struct line line;
	pthread_mutex_lock(&logger->lock);
	for (;;) {
		while (!logger->count && !logger->ending)
			pthread_cond_wait(&logger->filled, &logger->lock);
		if (!logger->count)
			break;
		line = logger->ring[logger->head];
		logger->head = (logger->head + 1) % RING_LINES;
		logger->count--;
		pthread_mutex_unlock(&logger->lock);
		write_all(logger->fd, line.text, line.len);
		pthread_mutex_lock(&logger->lock);
	}
	pthread_mutex_unlock(&logger->lock);
	return NULL;
}

int logger_create(struct logger **out, int fd, enum log_level level)
{
	struct logger *logger = xcalloc(1, sizeof(*logger));
	logger->ring = xcalloc(RING_LINES, sizeof(*logger->ring));
	logger->fd = fd;
	atomic_init(&logger->level, level);
	pthread_mutex_init(&logger->lock, NULL);
	pthread_cond_init(&logger->filled, NULL);
	const int err = pthread_create(&logger->thread, NULL, write_lines, logger);
	if (err) {
		free(logger->ring);
		free(logger);
		return -err;
	}
	*out = logger;
	return 0;
}

void logger_set_level(struct logger *logger, enum log_level level)
{
	atomic_store_explicit(&logger->level, level, memory_order_relaxed);
}

uint64_t logger_dropped(const struct logger *logger)
{
	return atomic_load(&logger->dropped);
}

void logger_destroy(struct logger *logger)
{
	if (!logger)
		return;
	pthread_mutex_lock(&logger->lock);
	logger->ending = true;
	pthread_cond_signal(&logger->filled);
	pthread_mutex_unlock(&logger->lock);
	pthread_join(logger->thread, NULL);
	pthread_cond_destroy(&logger->filled);
	pthread_mutex_destroy(&logger->lock);
	free(logger->ring);
	free(logger);
}

void log_init_root(struct log *log, struct logger *logger)
{
	*log = (struct log){ .logger = logger };
}

void log_init(struct log *log, const struct log *parent, const char *format, ...)
{
	struct log made = { .logger = parent ? parent->logger : NULL };
	const int len =
		snprintf(made.context, sizeof(made.context), "%s%s", parent ? parent->context : "",
			 parent && parent->context[0] ? " " : "");
	if (len >= 0 && (size_t)len < sizeof(made.context)) {
		va_list args;
		va_start(args, format);
		vsnprintf(made.context + len, sizeof(made.context) - (size_t)len, format, args);
		va_end(args);
	}
	*log = made;
}

static size_t format_line(char *text, const struct log *log, enum log_level level,
			  const char *format, va_list args)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t len = strftime(text, LINE_MAX_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	const size_t last = LINE_MAX_BYTES - 1; /* for the line feed */
	len += (size_t)snprintf(text + len, last - len, ".%03dZ %s ", (int)(now.tv_nsec / 1000000),
				names[level]);
	int more = vsnprintf(text + len, last - len, format, args);
	len = more < 0 ? len : len + (size_t)more;
	if (len < last && log->context[0]) {
		more = snprintf(text + len, last - len, " %s", log->context);
		len += (size_t)more;
	}
	if (len >= last)
		len = last - 1;
	for (size_t i = 0; i < len; i++) /* what peers send must not forge lines */
		if ((unsigned char)text[i] < ' ')
			text[i] = '?';
	text[len] = '\n';
	return len + 1;
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
	struct logger *logger = log->logger;
	if (!logger || (int)level > atomic_load_explicit(&logger->level, memory_order_relaxed))
		return;
	struct line line;
	va_list args;
	va_start(args, format);
	line.len = format_line(line.text, log, level, format, args);
	va_end(args);
	pthread_mutex_lock(&logger->lock);
	const bool fits = logger->count < RING_LINES;
	if (fits) {
		struct line *slot = &logger->ring[(logger->head + logger->count) % RING_LINES];
		slot->len = line.len;
		memcpy(slot->text, line.text, line.len);
		logger->count++;
		pthread_cond_signal(&logger->filled);
	}
	pthread_mutex_unlock(&logger->lock);
	if (!fits)
		atomic_fetch_add(&logger->dropped, 1);
}
