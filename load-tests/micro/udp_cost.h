/*
 * Cost of the ways to send UDP: one socket sends packets of 1,200 bytes to many others on loopback,
 * which have room for all; sending and receiving are priced apart. One thread.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_UDP_COST_H
#define SOUK_LOAD_TESTS_MICRO_UDP_COST_H

struct meter;

void udp_cost(struct meter *meter);

#endif
