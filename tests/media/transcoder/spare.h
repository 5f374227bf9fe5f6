/* A pool's spare child, waited for: what a test ends is then replaced at once. */
#ifndef SOUK_TESTS_SPARE_H
#define SOUK_TESTS_SPARE_H

struct loop;
struct transcode_pool;

/* Runs the loop until one is there. Fails the test when that takes longer than 20 s. */
void spare_wait(struct loop *loop, struct transcode_pool *pool);

#endif
