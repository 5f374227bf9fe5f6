#include "media/transcoder/sandbox.h"
#include "media/transcoder/sandbox_files.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each tries something; 0 when it was refused as it should be. */
static int try_open(void)
{
	return open("/etc/hostname", O_RDONLY) < 0 && errno == EPERM ? 0 : 1;
}

static int try_create(void)
{
	return open("/tmp/souk-sandbox", O_WRONLY | O_CREAT, 0600) < 0 && errno == EPERM ? 0 : 1;
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int try_fork(void)
{
	return fork() < 0 && errno == EPERM ? 0 : 1;
}

static int try_exec(void)
{
	char *const argv[] = { "true", NULL };
	return execv("/bin/true", argv) < 0 && errno == EPERM ? 0 : 1;
}

static int try_kill(void)
{
	return kill(getppid(), 0) < 0 && errno == EPERM ? 0 : 1;
}

static int try_executable_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page == MAP_FAILED && errno == EPERM ? 0 : 1;
}

static int try_other_descriptor(void)
{
	char byte;
	return read(STDIN_FILENO, &byte, 1) < 0 && errno == EPERM ? 0 : 1;
}

static int try_duplicate(void)
{
	return dup(STDERR_FILENO) < 0 && errno == EPERM ? 0 : 1;
}

static int try_new_rules(void)
{
	return syscall(SYS_seccomp, 0, 0, NULL) < 0 && errno == EPERM ? 0 : 1;
}

static int try_write(void)
{
	return open("/dev/shm/souk-sandbox", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES ? 0
											      : 1;
}

static int try_read(void)
{
	return open("/etc/hostname", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

/* What a device's driver is not given, either. */
static const struct {
	const char *what;
	int (*run)(void);
} attempts_with_devices[] = {
	{ "read a file", try_read },           { "write one", try_write },
	{ "make a socket", try_socket },       { "fork", try_fork },
	{ "run a program", try_exec },         { "signal its parent", try_kill },
	{ "change its rules", try_new_rules }, { "map executable memory", try_executable_memory },
};

static const struct {
	const char *what;
	int (*run)(void);
} attempts[] = {
	{ "open a file", try_open },
	{ "create a file", try_create },
	{ "make a socket", try_socket },
	{ "fork", try_fork },
	{ "run a program", try_exec },
	{ "signal its parent", try_kill },
	{ "map executable memory", try_executable_memory },
	{ "read from another descriptor", try_other_descriptor },
	{ "duplicate a descriptor", try_duplicate },
	{ "change its rules", try_new_rules },
};

/* What a process inside of the sandbox reports by its exit status: 0, or the attempt that got
 * through. */
static int enter(int fd, enum sandbox_kind kind)
{
	if (kind == SANDBOX_DEVICES && sandbox_files_to_devices())
		return -1;
	return sandbox_enter(fd, kind);
}

static int inside(enum sandbox_kind kind, int (*run)(int fd, size_t which), size_t which)
{
	int pair[2];
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0));
	const pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(enter(pair[1], kind) ? 99 : run(pair[1], which));
	}
	close(pair[1]);
	close(pair[0]);
	int status;
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int attempt(int fd, size_t which)
{
	(void)fd;
	return attempts[which].run();
}

Test(sandbox, nothing_leads_out_of_it)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		cr_expect(eq(int, inside(SANDBOX_CLOSED, attempt, i), 0), "could %s",
			  attempts[i].what);
}

static int attempt_with_devices(int fd, size_t which)
{
	(void)fd;
	return attempts_with_devices[which].run();
}

Test(sandbox, of_devices_lets_out_no_more)
{
	if (sandbox_landlock_version() < 1)
		cr_skip_test("skipped: this kernel has no Landlock");
	for (size_t i = 0; i < sizeof(attempts_with_devices) / sizeof(attempts_with_devices[0]);
	     i++)
		cr_expect(eq(int, inside(SANDBOX_DEVICES, attempt_with_devices, i), 0), "could %s",
			  attempts_with_devices[i].what);
}

static void *nothing(void *arg)
{
	return arg;
}

static int use_devices(int fd, size_t which)
{
	pthread_t thread;
	(void)fd;
	(void)which;
	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		return 1;
	/* Of what is allowed, a machine without such devices has this one. */
	return open("/sys/devices", O_RDONLY | O_DIRECTORY) < 0 ? 2 : 0;
}

Test(sandbox, of_devices_leaves_them_and_threads)
{
	if (sandbox_landlock_version() < 1)
		cr_skip_test("skipped: this kernel has no Landlock");
	cr_assert(eq(int, inside(SANDBOX_DEVICES, use_devices, 0), 0));
}

static int work(int fd, size_t which)
{
	(void)which;
	/* More than malloc() keeps: it asks the kernel. */
	char *memory = malloc(8 << 20);
	if (!memory)
		return 1;
	for (size_t i = 0; i < 8 << 20; i += 4096)
		memory[i] = 1;
	free(memory);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* The other end is closed: refused by it, not by the sandbox. */
	return read(fd, &now, 1) == 0 || errno != EPERM ? 0 : 2;
}

Test(sandbox, memory_time_and_the_one_socket_stay)
{
	cr_assert(eq(int, inside(SANDBOX_CLOSED, work, 0), 0));
}
