/*
 * The impairer: reads packets at one TUN device, lets a lane decide, writes them at the other when
 * they are due, and follows the lines of its standard input. One thread, one loop.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_NETIMP_H
#define SOUK_LOAD_TESTS_NETIMP_NETIMP_H

#include "load-tests/netimp/options.h"

enum { NETIMP_USAGE = 2, NETIMP_SKIPPED = 77 };

/* Runs until the input ends. The process's exit status. */
int netimp_run(const struct netimp_options *options);

#endif
