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

void files_get(struct exchange *exchange)
{
	const char *path = http_path(exchange->request);
	const struct file *file = files_find(exchange->worker->app->files, page_of(path));
	if (!file) {
		reply_error(exchange->request, 404, "not_found");
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
