/*
 * Which rooms are relayed where, kept in DIR/relays.json: it holds keys, so that it is nobody's to
 * read and stands neither in a room's settings nor in its snapshots. Control's thread; the file is
 * written on a thread of its own.
 */
#ifndef SOUK_SERVER_RELAY_BOOK_H
#define SOUK_SERVER_RELAY_BOOK_H

#include "server/relay_url.h"

struct app;
struct mqueue;
struct relay_book;

enum {
	RELAY_ROOMS_MAX = 1000, /* rooms with relays */
	RELAY_FILE_MAX = 4 * 1024 * 1024,
};

/* Reads the file; what cannot be read is said in the log and left out. */
void relay_book_create(struct relay_book **out, struct app *app);

/* NULL: none. */
const struct relay_list *relay_book_find(const struct relay_book *book, const char *room);

/* -ENOBUFS at RELAY_ROOMS_MAX. */
int relay_book_set(struct relay_book *book, const char *room, const struct relay_list *list)
	__attribute__((warn_unused_result));

/* What the file is to hold now, on its way to the disk: relay_page_write() on the thread of
 * relay_book_disk(), in the order in which it was made, as 0 or -errno. Frees the text. */
struct relay_page;
struct relay_page *relay_book_page(const struct relay_book *book);
struct mqueue *relay_book_disk(struct relay_book *book); /* NULL: its thread cannot be started */
int relay_page_write(struct relay_page *page);
void relay_page_destroy(struct relay_page *page); /* takes NULL */

/* The room is gone, and so are its relays. */
void relay_book_forget(struct relay_book *book, const char *room);

void relay_book_destroy(struct relay_book *book); /* takes NULL */

#endif
