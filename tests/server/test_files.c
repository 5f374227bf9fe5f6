#include "server/files.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void put(const char *name, const char *content)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "we");
	cr_assert(ne(ptr, file, NULL));
	fputs(content, file);
	fclose(file);
	free(path);
}

static void make(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	cr_assert(eq(int, mkdir(path, 0700), 0));
	free(path);
}

static void setup(void)
{
	strcpy(dir, "/tmp/souk-files-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(dir), NULL));
	make("web");
	make("web/assets");
	make("data");
	make("data/files");
	put("web/index.html", "<p>");
	put("web/.hidden.html", "x");
	put("web/assets/app.js", "1");
	put("data/files/a.jpg", "\xff\xd8");
	put("data/files/notes.txt", "not a kind that is served");
}

static void teardown(void)
{
	char *command = xasprintf("rm -r %s", dir);
	cr_expect(eq(int, system(command), 0));
	free(command);
}

TestSuite(files, .init = setup, .fini = teardown);

static struct files *load(void)
{
	static const struct log silent;
	struct files *files;
	char *web = xasprintf("%s/web", dir);
	char *data = xasprintf("%s/data", dir);
	cr_assert(eq(int, files_load(&files, web, data, &silent), 0));
	free(web);
	free(data);
	return files;
}

Test(files, pages_assets_and_images_have_their_types)
{
	struct files *files = load();
	const struct file *page = files_find(files, "index.html");
	cr_assert(ne(ptr, (void *)page, NULL));
	cr_expect_str_eq(page->type, "text/html; charset=utf-8");
	cr_expect(eq(sz, page->content->len, 3));
	cr_expect_str_eq(files_find(files, "assets/app.js")->type,
			 "text/javascript; charset=utf-8");
	cr_expect_str_eq(files_find(files, "files/a.jpg")->type, "image/jpeg");
	files_destroy(files);
}

Test(files, nothing_else_is_served)
{
	static const char *const names[] = { "",
					     "assets",
					     ".hidden.html",
					     "files/notes.txt",
					     "app.js",
					     "../data/files/a.jpg",
					     "assets/../index.html",
					     "/index.html" };
	struct files *files = load();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_expect(files_find(files, names[i]) == NULL, "%s", names[i]);
	files_destroy(files);
}

Test(files, what_is_no_plain_file_or_too_large_is_left_out_without_waiting)
{
	char *fifo = xasprintf("%s/web/trap.html", dir);
	char *giant = xasprintf("%s/web/giant.html", dir);
	cr_assert(eq(int, mkfifo(fifo, 0600), 0));
	const int fd = open(giant, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(eq(int, ftruncate(fd, FILE_BYTES_MAX + 1), 0));
	close(fd);
	struct files *files = load();
	cr_expect(files_find(files, "trap.html") == NULL);
	cr_expect(files_find(files, "giant.html") == NULL);
	cr_expect(files_find(files, "index.html") != NULL);
	files_destroy(files);
	free(fifo);
	free(giant);
}

Test(files, folders_that_are_not_there_are_empty)
{
	static const struct log silent;
	struct files *files;
	cr_assert(eq(int, files_load(&files, "/nowhere", "/nowhere", &silent), 0));
	cr_expect(files_find(files, "index.html") == NULL);
	files_destroy(files);
}
