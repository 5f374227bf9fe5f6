/*
 * The transcoders of one worker, for the rooms whose home it is. Made with the first such room, so
 * that a spare is started before anybody needs it and idle workers keep none. Worker's thread.
 */
#ifndef SOUK_SERVER_TRANSCODERS_H
#define SOUK_SERVER_TRANSCODERS_H

struct transcode_pool;
struct worker;

/* NULL, with a line in the log, when there is no memory or file for it. */
struct transcode_pool *transcoders_of(struct worker *worker);

#endif
