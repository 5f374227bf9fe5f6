/* Who sends and who receives run on different cores, with descriptors enough. */
#ifndef SOUK_LOAD_TESTS_MICRO_CORES_H
#define SOUK_LOAD_TESTS_MICRO_CORES_H

#include <sched.h>
#include <stdbool.h>

/* The calling thread onto the first or the last of these; where that cannot be, figures are worse.
 */
void cores_pin(const cpu_set_t *cores, bool last);

/* Asks for so many descriptors; not to get them shows with the first that cannot be opened. */
void cores_allow_files(unsigned files);

#endif
