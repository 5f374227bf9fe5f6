/*
 * Live messages as JSON: rendering ours, judging the client's (docs/api.md section 5.5). Worker's
 * thread.
 */
#ifndef SOUK_SERVER_LIVE_MESSAGE_H
#define SOUK_SERVER_LIVE_MESSAGE_H

#include "server/core/json.h"

#include <stddef.h>
#include <stdint.h>

struct broadcast_clock;
struct jwt_claims;
struct live;
struct live_clock;

/* {"v":1,"type":…,"data":…}; takes the reference of `data`. The caller frees. */
char *live_message_text(const char *type, json_t *data) __attribute__((warn_unused_result));

/* Data of a `clock`; `sid` NULL: left out. */
json_t *live_clock_data(const struct broadcast_clock *line, const struct live_clock *own,
			const char *sid);

/* What the handlers ask of the session (live.c). */
/* `t` is any number and is returned as it came. */
void live_send_pong(struct live *live, json_t *t);
void live_send_error(struct live *live, const char *type, const char *code);
void live_send_result(struct live *live, const char *key, int status, const char *body);
void live_identify(struct live *live, const struct jwt_claims *claims);
void live_join(struct live *live, int64_t after,
	       const char *sid); /* after -1, sid NULL: not sent */

#endif
