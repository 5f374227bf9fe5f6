/*
 * The admin address: /livez, /readyz and /metrics, served on the control thread, so that a loop
 * that stands still shows.
 */
#ifndef SOUK_SERVER_ADMIN_H
#define SOUK_SERVER_ADMIN_H

struct addr;
struct admin;
struct app;

int admin_create(struct admin **out, struct app *app) __attribute__((warn_unused_result));
const struct addr *admin_addr(const struct admin *admin);
void admin_destroy(struct admin *admin); /* takes NULL */

#endif
