#include "server/data_dir.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static const char *at(const char *path)
{
	static char text[4][160];
	static int next;
	next = (next + 1) % 4;
	snprintf(text[next], sizeof(text[next]), "%s/%s", root, path);
	return text[next];
}

static void put(const char *path, const char *content, mode_t mode)
{
	FILE *file = fopen(at(path), "w");
	cr_assert(file != NULL, "%s", path);
	fputs(content, file);
	fclose(file);
	chmod(at(path), mode);
}

static bool holds(const char *path, const char *content)
{
	char text[64] = "";
	FILE *file = fopen(at(path), "r");
	if (!file)
		return false;
	const size_t len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return !strcmp(text, content);
}

static void setup(void)
{
	snprintf(root, sizeof(root), "%s", "/tmp/souk-dir-XXXXXX");
	cr_assert(mkdtemp(root) != NULL);
	static const char *const folders[] = { "shop",
					       "shop/files",
					       "shop/recordings",
					       "shop/recordings/demo",
					       "shop/recordings/demo/1",
					       "copy" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		mkdir(at(folders[i]), 0700);
	put("shop/jwt.key", "secret", 0600);
	put("shop/lock", "7", 0600);
	put("shop/souk.db", "a store", 0644);
	put("shop/files/a.png", "picture", 0644);
	put("shop/recordings/demo/1/2.mp4", "show", 0644);
}

static void teardown(void)
{
	data_dir_remove(root);
}

TestSuite(data_dir, .init = setup, .fini = teardown);

Test(data_dir, what_a_shop_needs_is_copied_and_secrets_stay_secret)
{
	struct stat stat_of_key;
	cr_assert(eq(int, data_dir_copy(at("shop"), at("copy"), false), 0));
	cr_expect(holds("copy/jwt.key", "secret"));
	cr_assert(eq(int, stat(at("copy/jwt.key"), &stat_of_key), 0));
	cr_expect(eq(u32, stat_of_key.st_mode & 0777, 0600));
	cr_expect(holds("copy/files/a.png", "picture"));
	cr_expect(ne(int, access(at("copy/recordings"), F_OK), 0));
	cr_expect(ne(int, access(at("copy/lock"), F_OK), 0));
	cr_expect(ne(int, access(at("copy/souk.db"), F_OK), 0));
}

Test(data_dir, recordings_are_copied_when_asked_for)
{
	cr_assert(eq(int, data_dir_copy(at("shop"), at("copy"), true), 0));
	cr_expect(holds("copy/recordings/demo/1/2.mp4", "show"));
}

Test(data_dir, nothing_is_overwritten)
{
	put("copy/jwt.key", "another", 0600);
	cr_expect(eq(int, data_dir_copy(at("shop"), at("copy"), false), -EEXIST));
	cr_expect(holds("copy/jwt.key", "another"));
}

Test(data_dir, replacing_keeps_recordings_alone_when_there_are_none)
{
	put("copy/jwt.key", "another", 0600);
	put("shop/relays.json", "{}", 0600);
	cr_assert(eq(int, data_dir_replace(at("copy"), at("shop")), 0));
	cr_expect(holds("shop/jwt.key", "another"));
	cr_expect(ne(int, access(at("shop/relays.json"), F_OK), 0));
	cr_expect(ne(int, access(at("shop/files"), F_OK), 0));
	cr_expect(holds("shop/recordings/demo/1/2.mp4", "show"));
	cr_expect(holds("shop/souk.db", "a store"));
}

Test(data_dir, a_loop_of_links_is_refused)
{
	cr_assert(eq(int, symlink(".", at("shop/files/again")), 0));
	cr_expect(eq(int, data_dir_copy(at("shop"), at("copy"), false), -ELOOP));
}

Test(data_dir, a_lock_alone_is_empty)
{
	cr_expect(data_dir_is_empty(at("copy")));
	cr_expect(data_dir_is_empty(at("nowhere")));
	put("copy/lock", "7", 0600);
	cr_expect(data_dir_is_empty(at("copy")));
	put("copy/jwt.key", "secret", 0600);
	cr_expect(not(data_dir_is_empty(at("copy"))));
}
