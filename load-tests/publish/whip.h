/*
 * The HTTP side of a WHIP client (RFC 9725) over libsoup: POST with redirects, trickle and ICE
 * restart by PATCH under the session's entity tag, DELETE at the end. One request at a time, in
 * the order they were asked for.
 *
 * Belongs to the thread that makes it and its GLib main context. In callbacks anything may be
 * called but whip_destroy().
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_WHIP_H
#define SOUK_LOAD_TESTS_PUBLISH_WHIP_H

#include "load-tests/publish/link_header.h"

struct whip;

enum {
	WHIP_SERVERS_MAX = 8,
	WHIP_REDIRECTS_MAX = 5,
	WHIP_WAITING_MAX = 32, /* requests; beyond, trickle is left out */
	WHIP_BODY_MAX = 64 * 1024,
	WHIP_TIMEOUT_S = 10,
};

struct whip_ops {
	/* 201. */
	void (*created)(void *arg, const char *answer, size_t len);
	/* There is no session; `why` is for people. */
	void (*refused)(void *arg, const char *why);
	/* 200 to an ICE restart. */
	void (*restarted)(void *arg, const char *fragment, size_t len);
	/* The server does not restart, or not now. `gone`: it does not know the session any more.
	 */
	void (*restart_refused)(void *arg, bool gone, const char *why);
	/* DELETE is over, whatever came of it. */
	void (*deleted)(void *arg);
};

struct whip_options {
	const char *url; /* borrowed for the call, like token */
	const char *token; /* NULL: none */
	bool insecure; /* any certificate will do */
	const struct whip_ops *ops;
	void *arg;
};

/* -EINVAL: the URL is not http or https. */
int whip_create(struct whip **out, const struct whip_options *options)
	__attribute__((warn_unused_result));

void whip_post(struct whip *whip, const char *offer);
/* Left out when the server has no entity tag or has refused trickle before (§4.3.1). */
void whip_trickle(struct whip *whip, const char *fragment);
/* Answered in every case by restarted() or restart_refused(). */
void whip_restart(struct whip *whip, const char *fragment);
/* What still waits is dropped. deleted() comes at once when there is no session. */
void whip_delete(struct whip *whip);

/* Of the 201's Link fields. */
const struct link_server *whip_servers(const struct whip *whip, unsigned *count);
/* Host part of the endpoint's URL, after redirects. */
const char *whip_host(const struct whip *whip);

/* No callback comes after this. Takes NULL. */
void whip_destroy(struct whip *whip);

#endif
