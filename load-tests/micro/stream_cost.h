/*
 * What many viewers of HTTP-FLV cost the kernel alone: the same bytes to each of 2,000 TCP sockets
 * on loopback, which a thread on another core empties meanwhile, once every 40 or 100 ms; no HTTP,
 * no queue, no look at who is ready. The least that a server's second with a viewer can cost.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_STREAM_COST_H
#define SOUK_LOAD_TESTS_MICRO_STREAM_COST_H

struct meter;

void stream_cost(struct meter *meter);

#endif
