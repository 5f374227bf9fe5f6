/*
 * The web apps and product images, read into memory at start and served from there: no worker waits
 * for a disk. Immutable once loaded; any thread may look things up.
 */
#ifndef SOUK_SERVER_FILES_H
#define SOUK_SERVER_FILES_H

#include <stddef.h>

struct buf;
struct files;
struct http_request;
struct log;

enum { FILES_MAX = 2000, FILE_BYTES_MAX = 16 * 1024 * 1024 };

struct file {
	struct buf *content;
	const char *type; /* Content-Type */
};

/* `web_dir` (index.html, room.html, studio.html, assets/) and `data_dir`/files; a folder that is
 * not there is empty. */
int files_load(struct files **out, const char *web_dir, const char *data_dir, const struct log *log)
	__attribute__((warn_unused_result));

/* "assets/x.js", "files/a.jpg", "room.html"; NULL if there is none. */
const struct file *files_find(const struct files *files, const char *path);

/* What has no route and is no part of the API: without the slash at its end it may be a page, else
 * a browser gets a page that says so, everybody else a problem. */
void files_missing(struct http_request *request);

void files_destroy(struct files *files); /* takes NULL */

#endif
