/* A client's TCP connection. */
#ifndef SOUK_LOAD_TESTS_SWARM_TCP_H
#define SOUK_LOAD_TESTS_SWARM_TCP_H

struct addr;

/* A socket that connects without blocking, Nagle off; it is the caller's. What a stream is given
 * before the connection is up waits in it. Negative: an errno. */
int tcp_connect(const struct addr *server) __attribute__((warn_unused_result));

#endif
