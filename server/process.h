/* The process around the app: signals, the `ready` line, the admin address, drain, exit status. The
 * control thread, which is the one that runs main(). */
#ifndef SOUK_SERVER_PROCESS_H
#define SOUK_SERVER_PROCESS_H

struct app;

/* Starts everything, prints the `ready` line, serves until SIGTERM or SIGINT, ends everything. The
 * exit status of the process. `app` is zeroed but for its config. */
int process_run(struct app *app);

#endif
