#include "media/transcoder/sandbox.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
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
static int inside(int (*run)(int fd, size_t which), size_t which)
{
	int pair[2];
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0));
	const pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(sandbox_enter(pair[1]) ? 99 : run(pair[1], which));
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
		cr_expect(eq(int, inside(attempt, i), 0), "could %s", attempts[i].what);
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
	cr_assert(eq(int, inside(work, 0), 0));
}
