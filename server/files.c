#include "server/files.h"

#include "server/api.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/log.h"
#include "server/core/map.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
	struct map by_path; // path -> struct file
};

static const struct {
	const char *suffix;
	const char *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".jpeg", "image/jpeg" },
	{ ".webp", "image/webp" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".wasm", "application/wasm" },
};

static const char *type_of(const char *path)
{
	const char *suffix = strrchr(path, '.');
	for (size_t i = 0; suffix && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(suffix, types[i].suffix))
			return types[i].type;
	return NULL;
}

static struct buf *read_file(const char *name)
{
	struct stat stat;
	struct buf *content = NULL;
	const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size <= FILE_BYTES_MAX)
		content = buf_create((size_t)stat.st_size);
	size_t have = 0;
	while (content && have < content->len) {
		const ssize_t got = read(fd, content->data + have, content->len - have);
		if (got <= 0) {
			buf_unref(content);
			content = NULL;
		} else {
			have += (size_t)got;
		}
	}
	close(fd);
	return content;
}

static void load_file(struct files *files, const char *name, const char *path,
		      const struct log *log)
{
	const char *type = type_of(path);
	if (!type || files->by_path.count >= FILES_MAX)
		return;
	struct buf *content = read_file(name);
	if (!content) {
		log_warn(log, "file not served name=%s", name);
		return;
	}
	struct file *file = xcalloc(1, sizeof(*file));
	file->content = content;
	file->type = type;
	map_set_str(&files->by_path, path, file);
}

/* The files of one folder, served below `prefix` ("" or "assets/"). */
static void load_folder(struct files *files, const char *dir, const char *prefix,
			const struct log *log)
{
	DIR *folder = opendir(dir);
	if (!folder)
		return;
	const struct dirent *entry;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		char *name = xasprintf("%s/%s", dir, entry->d_name);
		char *path = xasprintf("%s%s", prefix, entry->d_name);
		load_file(files, name, path, log);
		free(name);
		free(path);
	}
	closedir(folder);
}

int files_load(struct files **out, const char *web_dir, const char *data_dir, const struct log *log)
{
	struct files *files = xcalloc(1, sizeof(*files));
	map_init(&files->by_path);
	char *assets = xasprintf("%s/assets", web_dir);
	char *images = xasprintf("%s/files", data_dir);
	load_folder(files, web_dir, "", log);
	load_folder(files, assets, "assets/", log);
	load_folder(files, images, "files/", log);
	free(assets);
	free(images);
	*out = files;
	return 0;
}

const struct file *files_find(const struct files *files, const char *path)
{
	return map_get_str(&files->by_path, path);
}

void files_destroy(struct files *files)
{
	if (!files)
		return;
	struct map_cursor cursor = { 0 };
	void *value;
	while (map_next(&files->by_path, &cursor, NULL, NULL, &value)) {
		struct file *file = value;
		buf_unref(file->content);
		free(file);
	}
	map_finish(&files->by_path);
	free(files);
}

static const char *page_of(const char *path)
{
	if (!strcmp(path, "/"))
		return "index.html";
	if (!strncmp(path, "/r/", 3))
		return "room.html";
	if (!strcmp(path, "/studio"))
		return "studio.html";
	return path + 1;
}

/* "/r/demo/" is meant to be "/r/demo". Only what needs no encoding to be sent back. */
static bool redirect(struct http_request *request)
{
	static const char safe[] =
		"/-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *path = http_path(request);
	const char *query = http_query_text(request);
	const size_t len = strlen(path);
	const bool is_page = !strncmp(path, "/r/", 3) || !strncmp(path, "/studio/", 8);
	if (!is_page || len < 4 || path[len - 1] != '/' || strspn(path, safe) != len)
		return false;
	struct reply_headers headers = { 0 };
	char *location = xasprintf("%.*s%s%s", (int)len - 1, path, *query ? "?" : "", query);
	reply_add(&headers, "Location", location);
	reply_add(&headers, "Referrer-Policy", "no-referrer");
	http_reply(request, 308, headers.list, NULL, 0);
	free(location);
	return true;
}

void files_missing(struct http_request *request)
{
	static const char page[] =
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\"><title>Not found</title>"
		"<body style=\"font:1rem system-ui;text-align:center;padding-top:20vh\">"
		"<h1>There is no such page</h1><p><a href=\"/\">All rooms</a></html>\n";
	const bool reads =
		!strcmp(http_method(request), "GET") || !strcmp(http_method(request), "HEAD");
	if (reads && redirect(request))
		return;
	if (!reads || !http_header_has(request, "Accept", "text/html")) {
		reply_error(request, 404, "not_found");
		return;
	}
	struct reply_headers headers = { 0 };
	reply_add(&headers, "Content-Type", "text/html; charset=utf-8");
	reply_add(&headers, "Cache-Control", "no-store");
	reply_add(&headers, "Content-Security-Policy",
		  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'");
	http_reply(request, 404, headers.list, page, sizeof(page) - 1);
}

void files_get(struct exchange *exchange)
{
	const char *path = http_path(exchange->request);
	const struct file *file = files_find(exchange->worker->app->files, page_of(path));
	if (!file) {
		files_missing(exchange->request);
		return;
	}
	struct reply_headers headers = { 0 };
	const bool hashed = !strncmp(path, "/assets/", 8); /* the name changes with the content */
	reply_add(&headers, "Content-Type", file->type);
	reply_add(&headers, "Cache-Control",
		  hashed ? "public, max-age=31536000, immutable" : "no-cache");
	reply_add(&headers, "X-Content-Type-Options", "nosniff");
	reply_add(&headers, "Referrer-Policy", "no-referrer"); /* studio links carry a token */
	reply_add(&headers, "Content-Security-Policy",
		  "default-src 'self'; img-src 'self' https: data: blob:; media-src 'self' blob:; "
		  "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss: https:; "
		  "worker-src 'self' blob:; frame-ancestors *; base-uri 'none'");
	struct buf *content = file->content;
	http_reply_ranges(exchange->request, headers.list, &content, 1);
}
