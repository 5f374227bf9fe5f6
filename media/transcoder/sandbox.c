#include "media/transcoder/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* AddressSanitizer reserves terabytes of address space. */
#ifdef __SANITIZE_ADDRESS__
enum { ADDRESS_SPACE_MIB = 0 };
#else
/* Four rungs of a 4K source take 0.9 GiB of it. */
enum { ADDRESS_SPACE_MIB = 2048 };
#endif

enum { DESCRIPTORS_MAX = 64 };

/* What memory, signals, time and the end of a process need. */
static const int allowed[] = {
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(close),
};

/* And what a driver of a device asks for beside it. */
static const int allowed_with_devices[] = {
	SCMP_SYS(ioctl),
	SCMP_SYS(openat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(pread64),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(dup),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(get_mempolicy),
	SCMP_SYS(mbind),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	SCMP_SYS(membarrier),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
};

static int limit(int resource, rlim_t value)
{
	const struct rlimit pair = { .rlim_cur = value, .rlim_max = value };
	return setrlimit(resource, &pair) ? -errno : 0;
}

static int set_limits(enum sandbox_kind kind)
{
	int err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	/* Drivers count their threads, map whole devices and size memory that they share. */
	if (err || kind == SANDBOX_DEVICES)
		return err;
	err = limit(RLIMIT_FSIZE, 0);
	if (!err)
		err = limit(RLIMIT_NPROC, 0);
	if (!err && ADDRESS_SPACE_MIB > 0)
		err = limit(RLIMIT_AS, (rlim_t)ADDRESS_SPACE_MIB << 20);
	return err;
}

static int allow_for(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A0(SCMP_CMP_EQ, (uint64_t)fd));
}

/* Nothing is open above it, so what a descriptor there stands for was made in here. */
static int allow_above(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A0(SCMP_CMP_GT, (uint64_t)fd));
}

/* Memory that is new or changed is never executable. */
static int allow_memory(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* GStreamer's pools of pictures count in a pair of sockets of their own. */
static int allow_pairs(scmp_filter_ctx filter, int fd)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
				   SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (!err)
		err = allow_above(filter, SCMP_SYS(read), fd);
	if (!err)
		err = allow_above(filter, SCMP_SYS(write), fd);
	if (!err)
		err = allow_above(filter, SCMP_SYS(fcntl), fd);
	return err;
}

static int add_rules(scmp_filter_ctx filter, int fd)
{
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = allow_memory(filter, SCMP_SYS(mmap));
	if (!err)
		err = allow_memory(filter, SCMP_SYS(mprotect));
	if (!err)
		err = allow_for(filter, SCMP_SYS(read), fd);
	if (!err)
		err = allow_for(filter, SCMP_SYS(write), fd);
	if (!err)
		err = allow_pairs(filter, fd);
	if (!err)
		err = allow_for(filter, SCMP_SYS(write), STDERR_FILENO);
	if (!err)
		err = allow_for(filter, SCMP_SYS(writev), STDERR_FILENO);
	return err;
}

static int add_device_rules(scmp_filter_ctx filter)
{
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(allowed_with_devices) / sizeof(int); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_with_devices[i], 0);
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	/* Threads, never processes. What clone3 is to do cannot be seen: libc then takes clone. */
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return err;
}

int sandbox_enter(int fd, enum sandbox_kind kind)
{
	int err = set_limits(kind);
	if (err)
		return err;
	/* What a device's driver holds open came after the socket. */
	if (kind == SANDBOX_CLOSED)
		closefrom(fd + 1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = add_rules(filter, fd);
	if (!err && kind == SANDBOX_DEVICES)
		err = add_device_rules(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
