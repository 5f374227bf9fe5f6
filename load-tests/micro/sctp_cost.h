/*
 * Cost of a message to each of many data channels, through signaling/sctp: a hub with N
 * associations sends, another one answers in their place. One thread.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_SCTP_COST_H
#define SOUK_LOAD_TESTS_MICRO_SCTP_COST_H

struct meter;

void sctp_cost(struct meter *meter);

#endif
