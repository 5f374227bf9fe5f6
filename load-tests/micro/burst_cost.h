/*
 * What a picture for a thousand viewers costs the kernel alone: one socket sends a run of packets
 * to each of as many others on loopback, which a thread on another core empties meanwhile. The CPU
 * time of one viewer times their number is the least by which the last one can be behind the first.
 * And what it costs a viewer when the sender sleeps between pictures, by the number of viewers: the
 * least by which few viewers cost more each than many.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_BURST_COST_H
#define SOUK_LOAD_TESTS_MICRO_BURST_COST_H

struct meter;

void burst_cost(struct meter *meter);

#endif
