/*
 * Log lines to stderr through a thread of their own: a caller never waits for the terminal. A full
 * ring drops the line and counts it. Lower case, no full stop, key=value; never tokens, payment
 * data or message text. A struct log is the context that an object puts before its lines.
 */
#ifndef SOUK_CORE_LOG_H
#define SOUK_CORE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct logger;

struct log {
	struct logger *logger; /* NULL: silent */
	char context[96]; /* "room=demo viewer=…"; may be empty */
};

/* Starts the writing thread. Lines go to `fd`, which stays the caller's. */
int logger_create(struct logger **out, int fd, enum log_level level)
	__attribute__((warn_unused_result));
void logger_set_level(struct logger *logger, enum log_level level); /* any thread */
uint64_t logger_dropped(const struct logger *logger); /* any thread */
void logger_destroy(struct logger *logger); /* writes what waits; takes NULL */

/* A log whose context is the parent's followed by the formatted text. */
void log_init(struct log *log, const struct log *parent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_init_root(struct log *log, struct logger *logger);

/* Any thread. */
void log_write(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* error: a user lost something. warn: we recovered. info: a change of life. debug: the rest. */
#define log_error(log, ...) log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
