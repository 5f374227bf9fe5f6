#include "server/relay_book.h"

#include "server/app.h"
#include "server/core/alloc.h"
#include "server/core/json.h"
#include "server/core/map.h"
#include "server/core/mqueue.h"
#include "server/disk_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DISK_QUEUE_MAX = 1024 };

struct relay_book {
	struct app *app;
	char *path;
	struct map rooms; // id -> struct relay_list
	struct disk_thread disk; /* started with the first change */
};

struct relay_page {
	struct message message; /* of a page that nobody waits for */
	char *path;
	char *text;
};

static int read_list(struct relay_list *out, const json_t *array)
{
	const size_t count = json_array_size(array);
	if (!json_is_array(array) || count > RELAYS_MAX)
		return -EINVAL;
	for (out->count = 0; out->count < count; out->count++) {
		const char *text = json_string_value(json_array_get(array, out->count));
		if (!text || relay_url_parse(&out->urls[out->count], text))
			return -EINVAL;
	}
	return 0;
}

static int read_rooms(struct relay_book *book, json_t *root)
{
	const char *room;
	json_t *array;
	struct relay_list list;
	json_object_foreach(root, room, array)
	{
		if (read_list(&list, array) || relay_book_set(book, room, &list))
			return -EINVAL;
	}
	return json_is_object(root) ? 0 : -EINVAL;
}

static int load(struct relay_book *book)
{
	FILE *file = fopen(book->path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	char *text = xcalloc(1, RELAY_FILE_MAX);
	const size_t len = fread(text, 1, RELAY_FILE_MAX, file);
	fclose(file);
	json_t *root = len < RELAY_FILE_MAX ? json_parse(text, len) : NULL;
	const int err = root ? read_rooms(book, root) : -EINVAL;
	json_decref(root);
	free(text);
	return err;
}

void relay_book_create(struct relay_book **out, struct app *app)
{
	struct relay_book *book = xcalloc(1, sizeof(*book));
	book->app = app;
	book->path = xasprintf("%s/relays.json", app->config.data_dir);
	map_init(&book->rooms);
	const int err = load(book);
	if (err) /* which is no reason to sell nothing */
		log_error(&app->log, "cannot read the relays file=%s reason=%s", book->path,
			  strerror(-err));
	*out = book;
}

const struct relay_list *relay_book_find(const struct relay_book *book, const char *room)
{
	return map_get_str(&book->rooms, room);
}

int relay_book_set(struct relay_book *book, const char *room, const struct relay_list *list)
{
	const struct relay_list *old = map_get_str(&book->rooms, room);
	if (!old && book->rooms.count >= RELAY_ROOMS_MAX)
		return -ENOBUFS;
	free(map_remove_str(&book->rooms, room));
	if (list->count)
		map_set_str(&book->rooms, room, relay_list_copy(list));
	return 0;
}

static json_t *list_json(const struct relay_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->urls[i].text));
	return array;
}

struct relay_page *relay_book_page(const struct relay_book *book)
{
	struct relay_page *page = xcalloc(1, sizeof(*page));
	struct map_cursor cursor = { 0 };
	const void *room;
	size_t len;
	void *list;
	json_t *root = json_object();
	while (map_next(&book->rooms, &cursor, &room, &len, &list)) {
		char *id = xstrndup(room, len);
		json_object_set_new(root, id, list_json(list));
		free(id);
	}
	page->path = xstrdup(book->path);
	page->text = json_text(root);
	json_decref(root);
	return page;
}

struct mqueue *relay_book_disk(struct relay_book *book)
{
	if (book->disk.started)
		return book->disk.queue;
	const int err = disk_thread_start(&book->disk, &book->app->clock, DISK_QUEUE_MAX);
	if (err)
		log_error(&book->app->log, "cannot start a thread reason=%s", strerror(-err));
	return err ? NULL : book->disk.queue;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left) {
		const ssize_t done = write(fd, text, left);
		if (done < 0 && errno != EINTR)
			return -errno;
		text += done > 0 ? done : 0;
		left -= done > 0 ? (size_t)done : 0;
	}
	return fsync(fd) ? -errno : 0;
}

/* Whole or not at all: a new file takes the old one's place. */
int relay_page_write(struct relay_page *page)
{
	char *fresh = xasprintf("%s.new", page->path);
	const int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : write_all(fd, page->text);
	if (fd >= 0)
		close(fd);
	if (!err && rename(fresh, page->path))
		err = -errno;
	free(fresh);
	relay_page_destroy(page);
	return err;
}

void relay_page_destroy(struct relay_page *page)
{
	if (!page)
		return;
	free(page->path);
	free(page->text);
	free(page);
}

static void run_page(struct message *message)
{
	(void)relay_page_write(list_entry(message, struct relay_page, message));
}

static void drop_page(struct message *message)
{
	relay_page_destroy(list_entry(message, struct relay_page, message));
}

void relay_book_forget(struct relay_book *book, const char *room)
{
	void *list = map_remove_str(&book->rooms, room);
	struct mqueue *queue = list ? relay_book_disk(book) : NULL;
	free(list);
	if (!queue)
		return;
	struct relay_page *page = relay_book_page(book);
	page->message = (struct message){ .run = run_page, .drop = drop_page };
	mqueue_push_always(queue, &page->message);
}

void relay_book_destroy(struct relay_book *book)
{
	if (!book)
		return;
	disk_thread_stop(&book->disk);
	disk_thread_finish(&book->disk);
	map_free(&book->rooms);
	free(book->path);
	free(book);
}
