#include "load-tests/swarm/options.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct swarm_options options;
static struct option_error error;
static char path[] = "/tmp/souk-scenario-XXXXXX";

static void teardown(void)
{
	swarm_options_finish(&options);
	unlink(path);
}

TestSuite(options, .fini = teardown);

static void write_scenario(const char *text)
{
	const int fd = mkstemp(path);
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(sz, (size_t)write(fd, text, strlen(text)), strlen(text)));
	close(fd);
}

static int parse(char *const *words, int count)
{
	return swarm_options_parse(&options, count, words, &error);
}

#define PARSE(...) \
	parse((char *[]){ "souk-swarm", __VA_ARGS__ }, \
	      (int)(sizeof((char *[]){ "souk-swarm", __VA_ARGS__ }) / sizeof(char *)))

Test(options, a_scenario_has_the_names_of_the_flags_and_flags_win)
{
	write_scenario("# an evening\nwhep = 300\nflv = 100\nstay = 5m\nserver = "
		       "http://127.0.0.1:81\nserver = http://127.0.0.1:82\nlimit.loss = 0.5\n");
	cr_assert(eq(int, PARSE("--whep", "7", "--scenario", path, "--limit.freeze=1"), 0), "%s",
		  error.text);
	cr_assert(eq(i64, options.whep, 7));
	cr_assert(eq(i64, options.flv, 100));
	cr_assert(eq(i64, options.stay_s, 300));
	cr_assert(eq(sz, options.target_count, 2));
	cr_assert(eq(int, addr_port(&options.targets[1].http), 82));
	cr_assert(eq(int, addr_port(&options.targets[1].rtmp), 1935));
	cr_assert(eq(str, options.limits[LIMIT_LOSS], "0.5"));
	cr_assert(eq(str, options.limits[LIMIT_FREEZE], "1"));
}

Test(options, names_the_line_of_a_scenario_that_is_wrong)
{
	write_scenario("whep = 3\nviewers = 5\n");
	cr_assert(eq(int, PARSE("--scenario", path), -EINVAL));
	cr_assert(ne(ptr, strstr(error.text, ":2: unknown option 'viewers'"), NULL), "%s",
		  error.text);
}

Test(options, a_whep_endpoint_of_any_server_is_taken_as_it_is)
{
	cr_assert(eq(int, PARSE("--whep-url", "http://127.0.0.1:7088/whep/endpoint/1?x=y"), 0));
	cr_assert(eq(sz, options.whep_target_count, 1));
	cr_assert(eq(str, options.whep_targets[0].whep_path, "/whep/endpoint/1?x=y"));
	cr_assert(eq(int, addr_port(&options.whep_targets[0].http), 7088));
}

Test(options, hosts_give_each_a_room)
{
	cr_assert(eq(int,
		     PARSE("--rtmp-hosts=2", "--whip-hosts=1", "--media=x.flv", "--host-token=t",
			   "--room=show"),
		     0),
		  "%s", error.text);
	cr_assert(eq(i64, options.rooms, 3));
	char *room = swarm_options_room(&options, 4);
	cr_assert(eq(str, room, "show-2"));
	free(room);
}

Test(options, hosts_of_two_nodes_share_their_rooms)
{
	cr_assert(eq(int,
		     PARSE("--server=http://127.0.0.1:81", "--server=http://127.0.0.1:82",
			   "--rtmp-hosts=4", "--media=x.flv", "--host-token=t"),
		     0),
		  "%s", error.text);
	cr_assert(eq(i64, options.rooms, 2));
}

static const struct {
	const char *word;
	const char *says;
} bad[] = {
	{ "--server=ftp://127.0.0.1", "--server: not http://IP:PORT" },
	{ "--server=http://127.0.0.1:80/path", "--server: not http://IP:PORT" },
	{ "--server=http://example.org", "--server: not http://IP:PORT" },
	{ "--whep-url=http://127.0.0.1:80", "--whep-url: not http://IP:PORT/PATH" },
	{ "--rtmp=nowhere", "--rtmp: not IP:PORT" },
	{ "--limit.loss=little", "--limit.loss: 'little' is neither a number nor off" },
	{ "--limit.loss=-1", "--limit.loss: '-1' is neither a number nor off" },
	{ "--limit.loss=nan", "--limit.loss: 'nan' is neither a number nor off" },
	{ "--rtmp-hosts=1", "--media: hosts need a file to send" },
	{ "--pin-every=1s", "--host-token: pinning needs it, or --admin-token" },
	{ "--whep=20001", "--whep: 20001 is not within 0..20000" },
};

ParameterizedTestParameters(options, refuses)
{
	static size_t indexes[sizeof(bad) / sizeof(*bad)];
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		indexes[i] = i;
	return cr_make_param_array(size_t, indexes, sizeof(bad) / sizeof(*bad));
}

ParameterizedTest(size_t *i, options, refuses)
{
	cr_assert(eq(int, PARSE((char *)bad[*i].word), -EINVAL));
	cr_assert(eq(str, error.text, (char *)bad[*i].says));
	swarm_options_finish(&options);
}

/* What a newcomer would run must at least be read. */
Test(options, all_scenarios_of_the_repository_are_read)
{
	DIR *folder = opendir(SOUK_SCENARIOS);
	struct dirent *entry;
	int count = 0;
	cr_assert(ne(ptr, folder, NULL));
	while ((entry = readdir(folder))) {
		char file[512];
		if (!strstr(entry->d_name, ".scenario"))
			continue;
		snprintf(file, sizeof(file), SOUK_SCENARIOS "/%s", entry->d_name);
		cr_assert(eq(int, PARSE("--scenario", file, "--admin-token=t", "--media=x"), 0),
			  "%s", error.text);
		swarm_options_finish(&options);
		count++;
	}
	closedir(folder);
	cr_assert(ge(int, count, 5));
}

Test(limits, are_kept_or_broken_and_may_be_off)
{
	bool set;
	double value = 0;
	cr_assert(eq(int, limit_parse("off", &set, &value), 0));
	cr_assert(not(set));
	cr_assert(eq(int, limit_parse("0.1", &set, &value), 0));
	cr_assert(set);
	cr_assert(limit_judge(LIMIT_LOSS, value, 0.1).held);
	cr_assert(not(limit_judge(LIMIT_LOSS, value, 0.11).held));
	cr_assert(limit_judge(LIMIT_JOINED, 100, 100).held);
	cr_assert(not(limit_judge(LIMIT_JOINED, 100, 99.9).held));
}
